"""Whether a rival computes what we do: asked before anything is timed."""

import pathlib
import tempfile

import numpy as np

from benchmarks import rivals
from lfp_tf.errors import WorkFailed

# The largest difference of logits is this share of their standard deviation (float32 rounding
# through fifty layers gives a few millionths).
AGREEMENT = 1e-4


def first_outputs(*contestants):
    """What the first call of each rival gave: logits, or the loss of a training step."""
    with tempfile.TemporaryDirectory() as folder, rivals.running(*contestants) as found:
        paths = [str(pathlib.Path(folder) / f"{number}.npy") for number in range(len(found))]
        for rival, path in zip(found, paths, strict=True):
            rival.ask(do="outputs", path=path)
        return [np.load(path) for path in paths]


def difference(ours, theirs, name):
    """The largest difference, as a share of our standard deviation; of one number, of itself.

    Args:
        ours, theirs: arrays of one shape.
        name: what they are, for the error.

    Raises:
        WorkFailed: the rival computes something else than we do.
    """
    scale = np.std(ours) if ours.ndim else np.abs(ours)
    found = float(np.max(np.abs(ours - theirs)) / scale)
    if not found <= AGREEMENT:
        raise WorkFailed(
            f"PyTorch's {name} differ from ours by {found:.2g} (allowed {AGREEMENT:g}); "
            "the comparison would be of two networks."
        )
    return found
