"""What numpy's names in a pickle stand for here: types, arrays and scalars, checked and copied."""

import math
import re
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.pickle_stack import AllowedName, Buildable

MOST_AXES = 32
ARRAY_BYTES = 300
_NUMBERS = re.compile(r"f[248]|[iu][1248]|b1")
_TEXT = re.compile(r"[SUa][0-9]{1,9}")
_OBJECTS = re.compile(r"O[48]?")


class PickledType(Buildable):
    """`numpy.dtype(code, align, copy)` and its state (version, byte order, ...)."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False):
        if type(code) is not str:
            raise TypeError("a type that is no text")
        self.code, self.order = code, "<"

    def build(self, state: Any) -> None:
        """Takes the byte order; types with parts or names are none of a checkpoint's."""
        _, order, base, names, fields = state[:5]
        if order not in ("<", ">", "|", "=") or (base, names, fields) != (None, None, None):
            raise ValueError("a type with parts")
        self.order = order

    @property
    def holds(self) -> str | None:
        """`numbers`, `text`, `objects`, or None for what arrays of weights do not hold."""
        kinds = {"numbers": _NUMBERS, "text": _TEXT, "objects": _OBJECTS}
        return next((kind for kind, form in kinds.items() if form.fullmatch(self.code)), None)

    def numpy(self) -> np.dtype:
        """Gives numpy's type of numbers, in the file's byte order."""
        order: Any = self.order
        return np.dtype(self.code).newbyteorder(order)


class PickledArray(Buildable):
    """An array that `_reconstruct` makes empty and its state fills.

    `value` is a numpy array, a list (of an array of objects) or None (text, or not yet filled).
    """

    def __init__(self, file: MappedFile):
        self.file, self.shape = file, ()
        self.value: np.ndarray | list | None = None

    def build(self, state: Any) -> None:
        """Takes (version, shape, type, Fortran order, raw bytes or list of objects)."""
        _, shape, dtype, fortran_order, raw = state
        if type(dtype) is not PickledType or dtype.holds is None:
            code = getattr(dtype, "code", "?")
            raise self.file.refusal(f'holds an array of type "{code[:40]}"; numbers are read.')
        count = num_elements(shape)
        if dtype.holds == "objects":
            if type(raw) is not list or len(raw) != count:
                raise ValueError("objects that do not fill their array")
            self.value, self.shape = raw, shape
        elif dtype.holds == "numbers":
            self.value = array_of(
                self.file,
                raw.encode("latin-1") if type(raw) is str else raw,
                dtype=dtype.numpy(),
                shape=shape,
                fortran_order=bool(fortran_order),
            )


def array_of(
    file: MappedFile,
    raw: bytes | memoryview,
    *,
    dtype: np.dtype,
    shape: tuple[int, ...],
    fortran_order: bool = False,
) -> np.ndarray:
    """Copies raw bytes into an array in this machine's byte order and C order.

    Args:
        file: refuses and counts.
        raw: bytes or memoryview, exactly as long as the shape needs.
        dtype: numpy type of numbers, in the file's byte order.
        shape: of the array.
        fortran_order: the first axis runs quickest in `raw`.

    Raises:
        LfpError: sizes that do not fit.
    """
    if num_elements(shape) * dtype.itemsize != len(raw):
        raise file.damage(f"an array of shape {str(shape)[:80]} has {len(raw)} bytes")
    file.charge(ARRAY_BYTES + len(raw))
    values = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran_order else "C")
    if dtype.kind == "b":
        # Any byte but 0 is true, as a bool of numpy that holds 2 would not be everywhere.
        return np.asarray(values.view(np.uint8) != 0, order="C")
    return np.array(values, dtype=dtype.newbyteorder("="), order="C")


def from_bfloat16(file: MappedFile, values: np.ndarray) -> np.ndarray:
    """Makes float32 of bfloat16 read as uint16: numpy lacks it; its bits are the upper half.

    Raises:
        LfpError: more memory than the file allows.
    """
    file.charge(2 * values.nbytes)
    return np.asarray(values.astype(np.uint32) << 16).view(np.float32)


def num_elements(shape: tuple[int, ...]) -> int:
    """Multiplies the sizes of a shape that came from a file; ValueError where it is none."""
    if type(shape) is not tuple or len(shape) > MOST_AXES:
        raise ValueError("a shape that is none")
    if any(type(size) is not int or not 0 <= size < 1 << 40 for size in shape):
        raise ValueError("a shape that is none")
    if math.prod(max(size, 1) for size in shape) >= 1 << 60:  # numpy refuses it, empty or not.
        raise ValueError("a shape that is none")
    return math.prod(shape)


def numpy_names(file: MappedFile) -> dict[tuple[str, str], Any]:
    """Lists numpy's names for `run_pickle`: old and new module paths, none of them called."""
    array_class = object()

    def reconstruct(kind, shape, code):
        if type(kind) is not AllowedName or kind.value is not array_class:
            raise TypeError("no array")
        return PickledArray(file)

    def encode(text, encoding):
        if encoding not in ("latin1", "latin-1") or type(text) is not str:
            raise ValueError("an encoding that bytes do not need")
        file.charge(len(text))
        return text.encode("latin-1")

    names = {
        ("numpy", "ndarray"): array_class,
        ("numpy", "dtype"): PickledType,
        ("_codecs", "encode"): encode,
    }
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = reconstruct
        names[f"{package}.multiarray", "scalar"] = lambda *_: None  # Hyper-parameters, not weights.
    return names
