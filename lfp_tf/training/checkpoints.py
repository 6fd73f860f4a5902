"""The checkpoints of a run in its folder: the newest one, writing one, going back to one."""

import os
import pathlib
import shutil

import tensorflow as tf

from lfp_tf import files
from lfp_tf.errors import LfpError
from lfp_tf.training.own_checkpoints import Newest, newest_whole
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
        _renew_state(pathlib.Path(written))
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(written), max_to_keep=max_to_keep
        )

    @property
    def last(self) -> str | None:
        """The prefix of the last one that this process wrote or came upon, or None."""
        return self._manager.latest_checkpoint

    def newest(self) -> Newest:
        """Finds the newest whole one in the folder, see `find_newest`."""
        return find_newest(self.folder)

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


def find_newest(folder: str | os.PathLike) -> Newest:
    """Finds the newest whole checkpoint of a run's folder.

    Raises:
        LfpError: there are checkpoints, but none is whole.
    """
    newest = newest_whole(folder)
    if newest.damaged and newest.prefix is None:
        raise LfpError(
            f"{folder} holds checkpoints, but none is whole (the newest, {newest.damaged[0]}, is "
            "damaged); remove them to start again, or give another --model_dir."
        )
    return newest


def remove_debris(folder: str | os.PathLike) -> None:
    """Removes what is left of checkpoints and notes whose writing was killed."""
    for place in (pathlib.Path(folder), pathlib.Path(folder) / "best"):
        files.remove_debris(place)
    for path in pathlib.Path(folder).glob("*_temp"):
        shutil.rmtree(path, ignore_errors=True)


def _renew_state(folder):
    """Writes the list that TensorFlow keeps of a folder's checkpoints from the files themselves.

    A lost or cut list would keep old checkpoints for ever, and hide the newest.
    """
    steps = {}
    for path in folder.glob("*-*.index"):
        number = path.stem.rpartition("-")[2]
        if number.isdigit():
            steps[int(number)] = str(path.with_suffix(""))
    newest = newest_whole(folder)
    prefixes = [steps[step] for step in sorted(steps) if step <= newest.step]
    if newest.prefix:
        tf.compat.v1.train.update_checkpoint_state(
            str(folder),
            newest.prefix,
            all_model_checkpoint_paths=prefixes,
            # Without times the manager would keep all of them.
            all_model_checkpoint_timestamps=[
                pathlib.Path(f"{prefix}.index").stat().st_mtime for prefix in prefixes
            ],
        )
