"""Which part of a file is the network: training checkpoints hold more, averaged copies among it."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.errors import LfpError, printable

# Stands between a file and the part of it that is chosen.
SEPARATOR = "::"
# The keys of most trainers; they hold the network whether its names are known or not.
USUAL_KEYS = ("state_dict", "model")
# What TensorFlow's averages are called behind the name of their variable.
TF_AVERAGE = "ExponentialMovingAverage"
_AVERAGED = re.compile(
    r"(^|[_.])(ema|swa|avg|averaged?|polyak)([_.]|$)|moving_?average", re.IGNORECASE
)


class Checkpoint(dict[str, np.ndarray]):
    """{name: array} of a file, and which part of it these are.

    Attributes:
        notes: sentences for the user on the part that was taken and the copies beside it.
        networks: names of the parts of which one must be chosen; most often there are none.
        step: of the training that wrote the file, where a torch file tells it.
        config: the text of the configuration beside a Detectron file's blobs, where it has one.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        notes: Sequence[str] = (),
        networks: Sequence[str] = (),
        *,
        step: int | None = None,
        config: str | None = None,
    ):
        super().__init__(arrays)
        self.notes, self.networks = list(notes), list(networks)
        self.step, self.config = step, config


def split_part(path: str | os.PathLike) -> tuple[str | os.PathLike, str | None]:
    """Splits `FILE::PART`, where no file has the whole as its name.

    >>> split_part("old.pth::state_dict_ema")
    ('old.pth', 'state_dict_ema')
    """
    file, separator, part = os.fspath(path).rpartition(SEPARATOR)
    return (file, part) if separator and not os.path.exists(path) else (path, None)


def choose_part(
    parts: Mapping[str, Mapping[str, Any]], *, part: str | None, file: str | os.PathLike
) -> tuple[str | None, list[str], list[str]]:
    """Chooses the dictionary of a training checkpoint that holds the network.

    It is the one asked for; else the only one whose names are known and whose key does not call it
    an average; else that under a usual key.

    Args:
        parts: {key: {name: anything with a shape}}.
        part: the key asked for, or None.
        file: how messages call the file.

    Returns:
        (the key, None for all of the file; sentences for the user; keys that leave a choice).

    Raises:
        LfpError: no such part.
    """
    if part is not None:
        if part not in parts:
            raise _no_part(file, part, list(parts))
        return part, [], []
    averaged = [key for key, names in parts.items() if names and _AVERAGED.search(key)]
    known = [key for key, names in parts.items() if recognise(names)]
    raw = [key for key in known if key not in averaged]
    usual = next((key for key in USUAL_KEYS if key in parts), None)
    if usual in raw or (usual and not raw):
        chosen = usual
    elif len(raw) > 1:
        return None, [], raw
    else:
        known_averages = [key for key in known if key in averaged]
        chosen = next(iter([*raw, *known_averages]), None)
    if chosen is None:
        return None, [], []
    notes = [] if chosen == usual else [f'the weights under "{printable(chosen)}" were taken']
    notes += [_beside(file, key) for key in averaged if key != chosen]
    return chosen, notes, []


def of_tensorflow(
    arrays: dict[str, np.ndarray], *, part: str | None, file: str | os.PathLike
) -> Checkpoint:
    """Takes the averages that stand beside their variables, where they are asked for.

    Args:
        arrays: {name in the file: array}.
        part: `ExponentialMovingAverage`, or None for the variables themselves.
        file: how messages call the file.

    Raises:
        LfpError: no such part.
    """
    ending = f"/{TF_AVERAGE}"
    count = sum(name.endswith(ending) for name in arrays)
    if part is None:
        return Checkpoint(arrays, [_beside(file, TF_AVERAGE)] if count else [])
    if part != TF_AVERAGE or not count:
        raise _no_part(file, part, [TF_AVERAGE] if count else [])
    averages = {
        name: arrays.get(name + ending, array)
        for name, array in arrays.items()
        if not name.endswith(ending)
    }
    return Checkpoint(averages, [f"{count} averages were taken in place of their variables"])


def refuse_part(part: str | None, *, file: str | os.PathLike) -> None:
    """Refuses a part of a file that has none.

    Raises:
        LfpError: a part was asked for.
    """
    if part is not None:
        raise _no_part(file, part, [])


def _beside(file, key):
    return (
        f'an averaged copy, "{printable(key)}", stands beside these weights; '
        f"{printable(file)}{SEPARATOR}{printable(key)} takes it"
    )


def _no_part(file, part, parts):
    names = ", ".join(map(printable, parts))
    rest = f"it has {names}" if parts else "it has no parts to choose from"
    return LfpError(f'{printable(file)} has no part "{printable(part)}"; {rest}.')
