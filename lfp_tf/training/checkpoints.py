"""The checkpoints of a run in its folder: the newest one, writing one, going back to one."""

import os
import pathlib
import shutil

import tensorflow as tf
from official.core import train_utils

from lfp_tf import files
from lfp_tf.errors import LfpError
from lfp_tf.training.saving import saving


class Checkpoints:
    """Reads and writes what a trainer's `tf.train.Checkpoint` holds.

    Args:
        folder: of the run, where checkpoints are read.
        checkpoint: of step, network and optimizer.
        written: folder where they are written: the run's, or a worker's own that nobody reads.
        max_to_keep: older ones are removed.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        checkpoint: tf.train.Checkpoint,
        *,
        written: str | os.PathLike,
        max_to_keep: int,
    ):
        self.folder, self._checkpoint = pathlib.Path(folder), checkpoint
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(written), max_to_keep=max_to_keep
        )

    @property
    def last(self) -> str | None:
        """The prefix of the last one that this process wrote or came upon, or None."""
        return self._manager.latest_checkpoint

    def newest(self) -> str | None:
        """Gives the prefix of the newest one in the folder, or None."""
        return newest(self.folder)

    def save(self, step: int) -> None:
        """Writes the checkpoint of a step.

        Raises:
            LfpError, WorkFailed: see `saving`.
        """
        with saving(self.folder):
            self._manager.save(checkpoint_number=step)

    def restore(self, prefix: str) -> None:
        """Goes back to the checkpoint of a prefix.

        Raises:
            LfpError: it is damaged, or of another network.
        """
        try:
            self._checkpoint.restore(prefix).assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise LfpError(
                f"{prefix} does not fit this experiment's network or is damaged; use another "
                "--model_dir, or remove that checkpoint to go on from the one before."
            ) from error


def newest(folder: str | os.PathLike) -> str | None:
    """Gives the prefix of the newest checkpoint in a folder, or None."""
    return tf.train.latest_checkpoint(str(folder))


def step_of(folder: str | os.PathLike) -> int:
    """Reads the step of the newest checkpoint in a folder, 0 without one.

    Raises:
        LfpError: it is damaged.
    """
    prefix = newest(folder)
    if not prefix:
        return 0
    try:
        return train_utils.read_global_step_from_checkpoint(prefix)  # pyright: ignore[reportReturnType]
    except (tf.errors.OpError, ValueError) as error:
        raise LfpError(
            f"{prefix} is damaged; remove it to go on from the checkpoint before."
        ) from error


def remove_debris(folder: str | os.PathLike) -> None:
    """Removes what is left of checkpoints and notes whose writing was killed."""
    for place in (pathlib.Path(folder), pathlib.Path(folder) / "best"):
        files.remove_debris(place)
    for path in pathlib.Path(folder).glob("*_temp"):
        shutil.rmtree(path, ignore_errors=True)
