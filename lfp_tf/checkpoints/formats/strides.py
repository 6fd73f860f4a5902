"""Tensors as torch keeps them, old and new: views of a storage by offset, size and stride."""

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_pickle import ARRAY_BYTES, num_elements


def strided(
    file: MappedFile,
    elements: np.ndarray,
    *,
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
) -> np.ndarray:
    """Gives what a tensor sees of its storage, read-only, and charges a copy of it to the file.

    Args:
        file: refuses and counts.
        elements: [N], of the storage.
        offset: of the tensor's first element, at least 0.
        size: of the tensor.
        stride: elements from one to the next along each axis, at least 0.

    Raises:
        LfpError: it lies outside, or is larger than the file allows.
    """
    count = num_elements(size)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if count and last >= len(elements):
        raise file.damage(f"a tensor of size {str(size)[:80]} lies outside its storage")
    file.charge(ARRAY_BYTES + count * elements.itemsize)
    if not count:
        elements, strides = np.empty(0, elements.dtype), [0] * len(size)
    else:
        # An axis of one element never steps; its stride may be any number.
        pairs = zip(size, stride, strict=True)
        strides = [s * elements.itemsize if n > 1 else 0 for n, s in pairs]
        elements = elements[offset:]
    return np.lib.stride_tricks.as_strided(elements, size, strides, writeable=False)
