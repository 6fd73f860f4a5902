"""numpy's files: `.npz` archives, `.npy` arrays, and the `.npy` dictionary of caffe-tensorflow.

The dictionary is an object array, a pickle, and is read by our own machine; everything else is
read from its header and raw bytes.
"""

import re

import numpy as np

from lfp_tf.checkpoints.formats import zip_members
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.nested import flatten
from lfp_tf.checkpoints.formats.numpy_pickle import (
    PickledArray,
    PickledType,
    array_of,
    num_elements,
    numpy_names,
)
from lfp_tf.checkpoints.formats.pickle_machine import run_pickle
from lfp_tf.errors import printable

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000  # numpy's own limit.
_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*(?P<type>'[^']{1,20}'|\[.*\])\s*,"
    r"\s*'fortran_order'\s*:\s*(?P<fortran_order>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[0-9L,\s]*)\)\s*,?\s*\}\s*",
    re.DOTALL,
)


def read_npy_dictionary(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads a `.npy` dictionary as `LAYER/LEAF` (any nesting; lists count from 0).

    Args:
        file: the `.npy`.

    Raises:
        LfpError: a name that arrays do not need, a second pickle, or an array of plain numbers.
    """
    dtype, shape, _, start = _read_header(file, file.view)
    if dtype.holds != "objects":
        raise file.refusal(
            "holds one array without a name; a dictionary of arrays or an .npz is needed."
        )
    value, end = run_pickle(file, file.view, start=start, allowed=numpy_names(file))
    if end != file.size:
        raise file.refusal(
            "holds a second pickle (or more) behind the first one's end; it is hostile."
        )
    if type(value) is not PickledArray or value.shape != shape or type(value.value) is not list:
        raise file.damage("its pickle is not the array that its header tells of")
    content = value.value[0] if shape == () else value.value

    def leaf_array(leaf):
        return leaf.value if type(leaf) is PickledArray else None

    arrays = flatten(file, content, array_of=leaf_array)
    if not arrays or "" in arrays:
        raise file.refusal("holds no dictionary of arrays.")
    return arrays


def read_npy(file: MappedFile) -> np.ndarray:
    """Reads the one array of numbers of a `.npy`.

    Args:
        file: the `.npy`.

    Raises:
        LfpError: objects or texts, sizes that do not fit.
    """
    dtype, shape, fortran_order, start = _read_header(file, file.view)
    if dtype.holds != "numbers":
        raise file.refusal(f'holds an array of type "{printable(dtype.code)}", not of numbers.')
    return array_of(
        file, file.view[start:], dtype=dtype.numpy(), shape=shape, fortran_order=fortran_order
    )


def read_npz(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the arrays of an `.npz` by name, without text arrays and other members.

    Args:
        file: the `.npz`.

    Raises:
        LfpError: object arrays (they need a pickle), sizes that do not fit.
    """
    arrays = {}
    for name, member in zip_members.read_directory(file).items():
        if not name.endswith(".npy"):
            continue
        data = zip_members.unpack(file, member)
        dtype, shape, fortran_order, start = _read_header(file, data)
        name = name.removesuffix(".npy")
        if dtype.holds == "numbers":
            arrays[name] = array_of(
                file,
                data[start:],
                dtype=dtype.numpy(),
                shape=shape,
                fortran_order=fortran_order,
            )
        elif dtype.holds != "text":
            raise file.refusal(
                f'holds the array "{printable(name)}" of type "{printable(dtype.code)}", '
                "not of numbers; save it without objects."
            )
    if not arrays:
        raise file.refusal("holds no arrays of numbers.")
    return arrays


def _read_header(file, data):
    """Reads type, shape, Fortran order, and the byte at which the values begin."""
    width = 2 if bytes(data[6:7]) == b"\x01" else 4
    length = int.from_bytes(data[8 : 8 + width], "little")
    start = 8 + width + length
    if bytes(data[:6]) != MAGIC or length > LONGEST_HEADER or start > len(data):
        raise file.damage("an array's header is none")
    header = _HEADER.fullmatch(str(data[8 + width : start], "latin-1"))
    if not header:
        raise file.damage("an array's header is none")
    sizes = [size.strip(" L\n") for size in header["shape"].split(",")]
    if not all(size.isascii() and len(size) < 16 for size in sizes):
        raise file.damage("an array's header is none")
    try:
        shape = tuple(int(size) for size in sizes if size)
        num_elements(shape)
    except ValueError:
        raise file.damage("an array's header is none")
    code = header["type"].strip("'")
    dtype = PickledType(code[1:] if code[:1] in "<>|=" else code)
    dtype.order = code[0] if code[0] in "<>|=" else "="
    return dtype, shape, header["fortran_order"] == "True", start
