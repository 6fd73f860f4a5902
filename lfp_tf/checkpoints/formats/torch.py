"""torch's `.pth` files, the zip (torch 1.6 on) and the legacy stream, nothing of them run.

Both hold a pickle of tensors, each a view (offset, size, stride) of a storage whose raw bytes lie
elsewhere: in the member `NAME/data/KEY` of the zip, or behind the five pickles of the stream.
"""

import dataclasses
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats import zip_members
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.nested import flatten
from lfp_tf.checkpoints.formats.numpy_pickle import (
    ARRAY_BYTES,
    PickledArray,
    from_bfloat16,
    num_elements,
    numpy_names,
)
from lfp_tf.checkpoints.formats.pickle_machine import run_pickle
from lfp_tf.checkpoints.formats.pickle_stack import AllowedName, ordered_dictionary
from lfp_tf.checkpoints.formats.strides import strided
from lfp_tf.errors import printable

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
BARE_TENSOR = "tensor"
STORAGE_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


@dataclasses.dataclass(frozen=True)
class Storage:
    """A run of `count` elements from element `first` of the raw bytes called `key`."""

    key: str
    kind: str
    count: int
    first: int = 0

    @property
    def dtype(self) -> np.dtype:
        """The numpy type of its elements as they lie in the file."""
        return np.dtype(STORAGE_TYPES[self.kind])


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage, not yet read: offset and strides count elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """What numpy calls the size."""
        return self.size


# From {key of the file's dictionary: {name: anything with a shape}} and {key: whole number} to one
# of the former's keys, or None.
Choice = Callable[[dict[str, dict[str, Any]], dict[str, int]], str | None]


def read_torch(file: MappedFile, *, choose: Choice = lambda *_: None) -> dict[str, np.ndarray]:
    """Reads the tensors of a `.pth` file by name.

    It reads what lies under the key that `choose` gives where the file is a dictionary of
    dictionaries, else all of it: nested dictionaries join their keys with `/`, lists count from 0,
    a tensor that stands alone is called `tensor`. bfloat16 becomes float32; all other types stay.

    Args:
        file: the `.pth`.
        choose: the part that is read; None for all of the file.

    Raises:
        LfpError: a name that tensors do not need (a whole module, sparse or quantised tensors,
            code), or sizes that do not fit.
    """
    is_zip = bytes(file.view[:4]) == zip_members.MAGIC
    content, storages = _read_zip(file) if is_zip else _read_legacy(file)
    top = content if type(content) is dict else {}
    parts = {str(key): part for key, part in top.items() if type(part) is dict}
    numbers = {str(key): value for key, value in top.items() if type(value) is int}
    chosen = choose({key: _shapes(part) for key, part in parts.items()}, numbers)
    content = content if chosen is None else parts[chosen]
    arrays_of_tensors = {}

    def array_of(leaf):
        if type(leaf) is PickledArray:
            return leaf.value
        if type(leaf) is not Tensor:
            return None
        if leaf not in arrays_of_tensors:
            arrays_of_tensors[leaf] = _tensor_array(file, leaf, storages(leaf.storage))
        return arrays_of_tensors[leaf]

    arrays = flatten(file, content, array_of=array_of)
    if "" in arrays and len(arrays) == 1 and type(content) is not dict:
        arrays = {BARE_TENSOR: arrays[""]}
    if not arrays:
        raise file.refusal("holds no tensors.")
    return arrays


def _shapes(part):
    """{name: anything with a shape} of the tensors right in a dictionary."""
    tensors = {name: leaf for name, leaf in part.items() if type(name) is str}
    return {
        name: leaf.value if type(leaf) is PickledArray else leaf
        for name, leaf in tensors.items()
        if type(leaf) in (Tensor, PickledArray)
    }


def _read_zip(file):
    """Reads the pickled object; gives it and a function from a storage to its raw bytes."""
    members = zip_members.read_directory(file)
    roots = [name[: -len("data.pkl")] for name in members if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise file.refusal(f"holds {len(roots)} members NAME/data.pkl where torch.save writes one.")
    root = roots[0]
    if f"{root}byteorder" in members:
        order = bytes(zip_members.unpack(file, members[f"{root}byteorder"]))
        if order != b"little":
            raise file.refusal(f'has the byte order "{printable(order)[2:-1]}"; "little" is read.')
    if f"{root}constants.pkl" in members:
        raise file.refusal("is a TorchScript module, which is code; save its state_dict alone.")
    data = zip_members.unpack(file, members[f"{root}data.pkl"])
    known = {}
    content, end = run_pickle(
        file, data, allowed=_torch_names(file), persistent=_storages_of(file, known)
    )
    if end != len(data):
        raise file.refusal(
            "holds a second pickle (or more) behind the first one's end; it is hostile."
        )
    unpacked = {}

    def raw_bytes(storage):
        name = f"{root}data/{storage.key}"
        if name not in members:
            raise file.damage(f'the storage "{printable(storage.key)}" is missing')
        if name not in unpacked:
            file.charge(ARRAY_BYTES)
            unpacked[name] = zip_members.unpack(file, members[name])
        raw = unpacked[name]
        if storage.count * storage.dtype.itemsize != len(raw):
            raise file.damage(
                f'the storage "{printable(storage.key)}" has {len(raw)} bytes, '
                f"not {storage.count} elements of {storage.kind}"
            )
        return raw

    return content, raw_bytes


def _read_legacy(file):
    """As `_read_zip`, for five pickles and the raw storages behind them."""
    view, at, header = file.view, 0, []
    for expected in (LEGACY_MAGIC, LEGACY_PROTOCOL, None):
        value, at = run_pickle(file, view, start=at, allowed={})
        if expected is not None and (type(value) is not int or value != expected):
            raise file.refusal("is a pickle, but none that torch.save wrote.")
        header.append(value)
    if type(header[2]) is not dict or header[2].get("little_endian") is not True:
        raise file.refusal("was written on a big-endian machine; little-endian files are read.")
    known = {}
    content, at = run_pickle(
        file, view, start=at, allowed=_torch_names(file), persistent=_storages_of(file, known)
    )
    keys, at = run_pickle(file, view, start=at, allowed={})
    if type(keys) is not list or any(type(key) is not str for key in keys):
        raise file.damage("its list of storages is none")
    if sorted(keys) != sorted(known):
        raise file.damage("its list of storages is not the list of those used")
    places = {}
    for key in keys:
        storage = known[key]
        if file.size - at < 8:
            raise file.damage("its storages break off")
        (count,) = struct.unpack_from("<q", view, at)
        length = count * storage.dtype.itemsize
        at += 8
        if count != storage.count or length > file.size - at:
            raise file.damage(f'the storage "{printable(key)}" has another size than told')
        file.charge(ARRAY_BYTES)
        places[key] = view[at : at + length]
        at += length
    if at != file.size:
        raise file.refusal(
            f"goes on for {file.size - at} bytes behind its last storage; it is hostile."
        )
    return content, lambda storage: places[storage.key]


def _storages_of(file, known):
    """The function of persistent ids; `known` gets the storages by key, views' roots among them."""

    def storage_of(identity):
        word, kind, key, _, count, *view = identity
        is_known = type(kind) is AllowedName and str(kind.value) in STORAGE_TYPES
        if word != "storage" or not is_known:
            raise ValueError("no storage")
        if type(key) is int:
            key = str(key)
        if type(key) is not str or type(count) is not int or count < 0 or len(view) > 1:
            raise ValueError("no storage")
        root = Storage(key, kind.value, count)
        if known.setdefault(key, root) != root:
            raise file.damage(f'the storage "{printable(key)}" is told in two ways')
        if not view or view[0] is None:
            return root
        _, first, length = view[0]  # torch before 0.4: a storage that is a view of another.
        if type(first) is not int or type(length) is not int:
            raise ValueError("no storage")
        if not 0 <= first <= first + length <= count:
            raise file.damage(f'a view of the storage "{printable(key)}" lies outside')
        return Storage(key, kind.value, length, first)

    return storage_of


def _torch_names(file):
    """torch's names for `run_pickle`, with what they stand for here, and numpy's beside them."""

    def rebuild_tensor(storage, offset, size, stride):
        if type(storage) is not Storage or type(stride) is not tuple:
            raise TypeError("no tensor")
        num_elements(size)
        numbers = (offset, *stride)
        if len(stride) != len(size) or any(type(n) is not int or n < 0 for n in numbers):
            raise ValueError("no tensor")
        return Tensor(storage, offset, size, stride)

    def rebuild_tensor_v2(storage, offset, size, stride, needs_gradient, hooks, metadata=None):
        if metadata:
            raise file.refusal("holds a conjugated or negated tensor; plain ones are read.")
        return rebuild_tensor(storage, offset, size, stride)

    def rebuild_parameter(tensor, needs_gradient, hooks):
        if type(tensor) is not Tensor:
            raise TypeError("no tensor")
        return tensor

    return {
        ("collections", "OrderedDict"): ordered_dictionary(file),
        ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
        ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor_v2,
        ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
        **{("torch", kind): kind for kind in STORAGE_TYPES},
        **numpy_names(file),
    }


def _tensor_array(file, tensor, raw):
    """Copies what a tensor sees of its storage's bytes."""
    storage = tensor.storage
    elements = np.frombuffer(raw, storage.dtype)[storage.first : storage.first + storage.count]
    values = strided(file, elements, offset=tensor.offset, size=tensor.size, stride=tensor.stride)
    if storage.kind == "BFloat16Storage":
        return from_bfloat16(file, values)
    if storage.kind == "BoolStorage":
        return np.asarray(values.view(np.uint8) != 0)
    return np.array(values, order="C")
