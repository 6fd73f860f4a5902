"""What TensorFlow itself writes, checkpoints and graphs: its refusals as our sentences."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import writable


@contextlib.contextmanager
def saving(folder: str | os.PathLike) -> Iterator[None]:
    """Turns what TensorFlow and the system say about writing under `folder` into sentences.

    Raises:
        WorkFailed: the disk is full, or a quota or limit of file sizes is reached.
        LfpError: the folder cannot be written.
    """
    with writable(folder):
        try:
            yield
        # ENOSPC and EDQUOT, EFBIG, EIO.
        except (
            tf.errors.ResourceExhaustedError,
            tf.errors.OutOfRangeError,
            tf.errors.UnknownError,
        ) as error:
            raise WorkFailed(
                f"A checkpoint or graph could not be written under {folder} (is the disk full?); "
                "make room and run the same command again."
            ) from error
        except tf.errors.PermissionDeniedError as error:
            raise LfpError(f"{folder} cannot be written; give another folder.") from error
