"""What a lineage's names table must say: how our variables are called and laid out there."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

# Names of the variables of one layer in PyTorch.
TORCH_LEAVES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
# What stands before all names of a network that is wrapped: by torch's DataParallel, by
# `torch.compile`, and by trainers that keep it in a field.
WRAPPERS = ("module.", "_orig_mod.", "model.")
# Stands beside the wrapped names in torch's AveragedModel.
COUNTER = "n_averaged"
# (pattern of our layer names, function of its groups to their name of that layer).
Pairs = Iterable[tuple[str, Callable[..., str | None]]]


def renamed(layer: str, pairs: Pairs) -> str | None:
    """Finds their name of a layer by the first pair whose pattern matches ours; else None.

    >>> renamed("stem_bn1", [(r"stem_(conv|bn)1", lambda kind: f"layer1.conv1.{kind}")])
    'layer1.conv1.bn'
    """
    for pattern, theirs in pairs:
        if match := re.fullmatch(pattern, layer):
            return theirs(*match.groups())
    return None


def without_wrappers(arrays: dict, further: Iterable[str] = ()) -> dict:
    """Takes off the prefixes of `WRAPPERS`, in any order and number, where every name has them.

    >>> without_wrappers({"module._orig_mod.fc.bias": 0, "n_averaged": 1})
    {'fc.bias': 0, 'n_averaged': 1}

    Args:
        arrays: {name in the file: anything}.
        further: prefixes that this lineage has besides.
    """
    cut, names = "", [name for name in arrays if name != COUNTER]
    while names and (prefix := _common_prefix(names, (*WRAPPERS, *further))):
        cut, names = cut + prefix, [name.removeprefix(prefix) for name in names]
    return {name.removeprefix(cut): array for name, array in arrays.items()} if cut else arrays


def _common_prefix(names, prefixes):
    return next((p for p in prefixes if all(name.startswith(p) for name in names)), None)


def _unchanged(arrays: dict, _: list[str]) -> dict:
    return without_wrappers(arrays)


@dataclasses.dataclass(frozen=True)
class Translation:
    """Between a lineage's names and ours.

    Attributes:
        name: what the lineage's names are called.
        their_name: from (our name, the network's options) to the plain name of the file, or None
            where the lineage has no such variable.
        is_transposed: whether kernels lie as [out, in, kh, kw] and matrices as [out, in].
        plain: from ({name in the file: array}, list of notes) to {plain name: array}.
        flattened: {our name of a matrix behind a flattened map: cells of the map}. Theirs takes
            channel after channel, each cell by cell; ours cell after cell, all channels of each.
        has_affine: whether its files may have scales and offsets in place of batch norms.
        indispensable: regular expression of plain names that mean another network where nobody
            takes them; None where there are no such names.
    """

    name: str
    their_name: Callable[[str, Mapping], str | None]
    is_transposed: bool = False
    plain: Callable[[dict, list[str]], dict] = _unchanged
    flattened: Mapping[str, int] = dataclasses.field(default_factory=dict)
    has_affine: bool = False
    indispensable: str | None = None

    def to_ours(self, array: np.ndarray, name: str) -> np.ndarray:
        """Brings an array of theirs into our layout: kernels [kh, kw, in, out], vectors, tables.

        Args:
            array: in the file's layout.
            name: our name of it.
        """
        leaf = name.rsplit("/", 1)[1]
        if leaf == "kernel":
            turned = np.transpose(array, _AXES[array.ndim]) if self._turns(array) else array
            return _exchanged(turned, -1, self.flattened.get(name, 1))
        if leaf == "table":
            return array.reshape(len(array), -1)
        return array if leaf == "depthwise_kernel" else array.reshape(-1)

    def to_theirs(self, array: np.ndarray, name: str) -> np.ndarray:
        """Inverts `to_ours`, up to axes of length 1: to compare with an original."""
        array = _exchanged(array, self.flattened.get(name, 1), -1)
        if name.endswith("/kernel") and self._turns(array):
            return np.transpose(array, np.argsort(_AXES[array.ndim]))
        return array

    def _turns(self, array: np.ndarray) -> bool:
        return self.is_transposed and array.ndim in _AXES


def _exchanged(array, outer, inner):
    """A matrix whose rows run over (outer, inner) places, in the other order; -1 is the rest."""
    if 1 in (outer, inner):
        return array
    parts = array.reshape(outer, inner, array.shape[-1])
    return parts.transpose(1, 0, 2).reshape(array.shape)


_AXES = {4: (2, 3, 1, 0), 2: (1, 0)}
