"""Detectron's `.pkl` files: a pickle of blobs by name, read by our own machine, written by hand.

Sources: facebookresearch/Detectron `detectron/utils/net.py`; ronghanghu/seg_every_thing
`lib/utils/net.py`. Python 2 wrote most of them, so texts and raw bytes are byte strings.
"""

import dataclasses
import os
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.nested import flatten
from lfp_tf.checkpoints.formats.numpy_pickle import PickledArray, numpy_names
from lfp_tf.checkpoints.formats.pickle_machine import run_pickle
from lfp_tf.checkpoints.formats.pickle_stack import ordered_dictionary
from lfp_tf.errors import LfpError, printable

# What the optimizer's blob of a weight has behind the weight's name.
MOMENTUM = "_momentum"
# The key of the blobs, and of detectron2's arrays, whose files are pickles of this form too.
_BLOBS, _CONFIG, _MODEL = "blobs", "cfg", "model"
# A dictionary as protocols 0, 1 and higher ones begin it, or an ordered one by its class.
_DICTIONARY = re.compile(
    rb"(\x80[\x00-\x05])?(\x95.{8})?(\}|\(d|ccollections\nOrderedDict\n|\x8c\x0bcollections)",
    re.DOTALL,
)
# Python 2's pickles measure a byte string by a signed number of 4 bytes.
_MOST_BYTES = (1 << 31) - 1


@dataclasses.dataclass(frozen=True)
class DetectronFile:
    """What a file holds.

    Attributes:
        blobs: {blob name: array} in Caffe2's layouts and in the file's order, without momentum.
        momentum: {blob name with `_momentum` behind it: array}.
        config: the text of the configuration that the file was trained with, as it stands there;
            None where there is none.
    """

    blobs: dict[str, np.ndarray]
    momentum: dict[str, np.ndarray]
    config: str | None


def is_detectron(file: MappedFile) -> bool:
    """Tells a pickled dictionary by its first opcodes; torch's pickles begin with a number."""
    return _DICTIONARY.match(bytes(file.view[:64])) is not None


def read_detectron(file: MappedFile) -> DetectronFile:
    """Reads the blobs and the text of the configuration; nothing in the file is run.

    Read are `{"blobs": ..., "cfg": ...}` and older files, which are the blobs themselves; of other
    dictionaries the arrays under `model`, or all of them, nested keys joined with `/`.

    Args:
        file: the `.pkl`, of any protocol from 0 to 4, by Python 2 or 3.

    Raises:
        LfpError: a name that arrays do not need (the sentence holds it), sizes that do not fit.
    """
    ordered = {("collections", "OrderedDict"): ordered_dictionary(file)}
    content, end = run_pickle(file, file.view, allowed=ordered | numpy_names(file))
    if end != file.size:
        raise file.refusal(
            "holds a second pickle (or more) behind the first one's end; it is hostile."
        )
    if type(content) is not dict:
        raise file.refusal("holds a pickle, but no dictionary of blobs.")
    inner = next((key for key in (_BLOBS, _MODEL) if type(content.get(key)) is dict), None)
    arrays = flatten(file, content if inner is None else content[inner], array_of=_array_of)
    if not arrays:
        raise file.refusal("holds no blobs.")
    is_momentum = {name: name.endswith(MOMENTUM) for name in arrays}
    return DetectronFile(
        blobs={name: array for name, array in arrays.items() if not is_momentum[name]},
        momentum={name: array for name, array in arrays.items() if is_momentum[name]},
        config=_config(file, content.get(_CONFIG)) if inner == _BLOBS else None,
    )


def write_detectron(
    path: str | os.PathLike, blobs: Mapping[str, np.ndarray], config: str | None = None
) -> None:
    """Writes a file that Detectron itself, numpy under Python 2 and 3, and this library read.

    Args:
        path: of the file, which is written over.
        blobs: {blob name: array of numbers}, with momentum blobs where there are some; their
            order stays.
        config: text of the configuration; None leaves it out.

    Raises:
        LfpError: a blob of 2 GiB or more, or not of numbers.
    """
    with open(path, "wb") as stream:
        stream.write(b"\x80\x02}(" + _text(_BLOBS) + b"}(")
        for name, array in blobs.items():
            stream.write(_text(name))
            for piece in _pickled(path, name, np.asarray(array)):
                stream.write(piece)
        stream.write(b"u")
        if config is not None:
            stream.write(_text(_CONFIG) + _text(config))
        stream.write(b"u.")


def _array_of(leaf):
    return leaf.value if type(leaf) is PickledArray else None


def _config(file: MappedFile, value: Any) -> str | None:
    """The text of the configuration; what is no text (other programs' dictionaries) is left."""
    if type(value) not in (str, bytes, memoryview):
        return None
    if type(value) is str:
        return value
    file.charge(2 * len(value))
    return str(value, "latin-1")


def _text(text: str) -> bytes:
    """Opcodes of a byte string, Python 2's text: read as latin-1, and so written."""
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(raw)) + raw
    return b"T" + struct.pack("<i", len(raw)) + raw


def _pickled(path, name, array):
    """Yields the opcodes of an array, its raw bytes as one piece."""
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise LfpError(
            f'{path} cannot hold the blob "{printable(name)}" of type {array.dtype}; give numbers.'
        )
    if array.nbytes > _MOST_BYTES:
        raise LfpError(
            f'{path} cannot hold the blob "{printable(name)}" of {array.nbytes} bytes: a pickle '
            "that Python 2 reads has at most 2 GiB a blob; write safetensors instead."
        )
    array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    order, code = array.dtype.str[0], array.dtype.str[1:]
    shape = b"".join(_number(size) for size in array.shape)
    yield b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _text("b")
    yield b"\x87R(K\x01(" + shape + b"tcnumpy\ndtype\n" + _text(code) + b"K\x00K\x01\x87R"
    yield b"(K\x03" + _text(order) + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    yield b"T" + struct.pack("<i", array.nbytes)
    yield array.tobytes()
    yield b"tb"


def _number(value: int) -> bytes:
    """Opcodes of a whole number of at most 8 bytes."""
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)
