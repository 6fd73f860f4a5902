"""A Gaussian filter over points as sparse products: splat, blur, slice; all classes at once."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csc_array, csr_array

from lfp_tf.tasks.segmentation.crf.lattice import build

try:
    # scipy's own kernels under `matrix @ dense`. They add into an existing array; the public
    # product makes a new one, whose memory pages cost as much time as the sums.
    from scipy.sparse._sparsetools import csc_matvecs, csr_matvecs
except ImportError:
    csc_matvecs = csr_matvecs = None

# Classes filtered together; it bounds the memory of the lattice's values with 182 classes.
PANEL = 32


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One pairwise term: weight times the symmetrically normalised filter n L(n Q), n = L(1)^-1/2.

    Attributes:
        splat: csc_array [M, N], points to vertices.
        blurs: csr_arrays [M, M], one per axis of the lattice.
        slice: csr_array [N, M], the transpose of `splat`.
    """

    splat: csc_array
    blurs: tuple[csr_array, ...]
    slice: csr_array

    @property
    def vertices(self) -> int:
        """Number of vertices M."""
        return self.splat.shape[0]  # pyright: ignore[reportOptionalSubscript]

    def add(self, values: np.ndarray, out: np.ndarray, work: tuple[np.ndarray, np.ndarray]) -> None:
        """Adds the filtered `values` [N, C] to `out` [N, C].

        Args:
            values, out: float32, C-contiguous.
            work: `workspace` of this kernel or of one with more vertices.

        Raises:
            ValueError: arrays that are not C-contiguous, whose sums would go into a copy.
        """
        if not (values.flags.c_contiguous and out.flags.c_contiguous):
            raise ValueError("values and out must be C-contiguous.")
        classes = values.shape[1]
        if classes <= PANEL:
            self._add(values, out, work)
            return
        for start in range(0, classes, PANEL):
            panel = slice(start, start + PANEL)
            sums = np.zeros_like(values[:, panel], order="C")
            self._add(np.ascontiguousarray(values[:, panel]), sums, work)
            out[:, panel] += sums

    def _add(self, values, out, work):
        shape = (self.vertices, values.shape[1])
        old, new = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in work)
        old.fill(0)
        add_product(self.splat, values, old)
        for blur in self.blurs:
            np.copyto(new, old)
            add_product(blur, old, new)
            old, new = new, old
        add_product(self.slice, old, out)


def gaussian_kernel(features: np.ndarray, weight: float) -> Kernel:
    """Builds the kernel of weight * exp(-|f_i - f_j|^2 / 2).

    Args:
        features: float32 [d, N], in units of the standard deviation.
        weight: above 0.

    Raises:
        LfpError: the features reach too far for the lattice.
    """
    lattice = build(features)
    dimensions, points = features.shape
    vertices = lattice.neighbours[0].shape[0]  # pyright: ignore[reportOptionalSubscript]
    pointers = np.arange(0, lattice.corners.size + 1, dimensions + 1, dtype=np.int32)
    corners = lattice.corners.ravel()

    def products(weights):
        parts = (weights.ravel(), corners, pointers)
        return (
            csc_array(parts, shape=(vertices, points)),
            lattice.neighbours,
            csr_array(parts, shape=(points, vertices)),
        )

    alpha = 1 / (1 + 2.0**-dimensions)
    ones, sums = np.ones((points, 1), np.float32), np.zeros((points, 1), np.float32)
    plain = Kernel(*products(lattice.weights))
    plain.add(ones, sums, workspace([plain], 1))
    scale = 1 / np.sqrt(np.float32(alpha) * sums + np.float32(1e-20))
    return Kernel(*products(lattice.weights * (scale * np.float32(np.sqrt(weight * alpha)))))


def workspace(kernels: Sequence[Kernel], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Makes two flat float32 buffers in which each kernel can filter that many classes."""
    size = max((kernel.vertices for kernel in kernels), default=0) * min(classes, PANEL)
    return np.empty(size, np.float32), np.empty(size, np.float32)


def add_product(matrix: csr_array | csc_array, dense: np.ndarray, out: np.ndarray) -> None:
    """Computes out += matrix @ dense, without a temporary array where scipy's kernels exist.

    Args:
        matrix: csr_array or csc_array [R, K], float32.
        dense: float32 [K, C], C-contiguous.
        out: float32 [R, C], C-contiguous.
    """
    kernel = csr_matvecs if matrix.format == "csr" else csc_matvecs
    if kernel is None:
        out += matrix @ dense
        return
    rows, columns = matrix.shape  # pyright: ignore[reportGeneralTypeIssues]
    parts = (matrix.indptr, matrix.indices, matrix.data)
    kernel(rows, columns, dense.shape[1], *parts, dense.ravel(), out.ravel())
