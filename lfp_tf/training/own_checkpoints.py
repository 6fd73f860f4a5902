"""Checkpoints written by our training: where they lie, what their run says, filling a network."""

import dataclasses
import os
import pathlib
import re
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.documents import load_json, parse_yaml
from lfp_tf.errors import LfpError, printable
from lfp_tf.training.best import best_info

# Names the experiment of a run.
RUN_FILE = "run.json"


def own_checkpoint(path: str | os.PathLike) -> str | None:
    """Finds the prefix of a checkpoint that our training wrote, None for anything else.

    Args:
        path: a run's folder, whose best checkpoint counts, else its newest; or a prefix.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        best = best_info(path)
        if best:
            return str(path / "best" / best["checkpoint"])
        newest = newest_whole(path).prefix
        return newest if newest and _is_ours(newest) else None
    prefix = str(path).removesuffix(".index")
    return prefix if pathlib.Path(f"{prefix}.index").exists() and _is_ours(prefix) else None


@dataclasses.dataclass(frozen=True)
class Newest:
    """The newest checkpoint of a folder that can be read whole.

    Attributes:
        prefix: None where there is none.
        step: of it; 0 without one.
        damaged: prefixes of newer ones that are cut short or lost a file.
    """

    prefix: str | None = None
    step: int = 0
    damaged: tuple[str, ...] = ()


def newest_whole(folder: str | os.PathLike) -> Newest:
    """Finds the newest whole checkpoint of a run by the files themselves.

    The file `checkpoint` beside them is not asked: a kill or a full disk may have cut it.
    """
    steps: dict[int, str] = {}
    for path in pathlib.Path(folder).glob("*-*"):
        if match := re.fullmatch(r"(.+-(\d+))\.(index|data-\d+-of-\d+)", path.name):
            steps[int(match[2])] = str(path.parent / match[1])
    damaged = []
    for step in sorted(steps, reverse=True):
        if _is_whole(steps[step]):
            return Newest(steps[step], step, tuple(damaged))
        damaged.append(steps[step])
    return Newest(damaged=tuple(damaged))


def task_fields(folder: pathlib.Path) -> dict[str, Any] | None:
    """Reads `task` of a run's `params.yaml` or of a converted network's `options.yaml`.

    Args:
        folder: of the run or the converted network.

    Returns:
        Nested dictionaries; None where there is neither file.

    Raises:
        LfpError: the file does not tell its network.
    """
    for name in ("params.yaml", "options.yaml"):
        path = folder / name
        if path.exists():
            return _checked_fields(path)
    return None


def experiment_of(folder: pathlib.Path) -> str | None:
    """Reads the name of the experiment that a run trained; None where the run does not tell it.

    Raises:
        LfpError: `run.json` is damaged.
    """
    path = folder / RUN_FILE
    if not path.exists():
        return None
    try:
        name = load_json(path)["experiment"]
        if not isinstance(name, str):
            raise TypeError("experiment is no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LfpError(
            f"{path} does not name an experiment ({printable(repr(error))}); copy it again."
        ) from None
    return name


def _checked_fields(path):
    try:
        task = parse_yaml(path.read_text(encoding="utf-8"))["task"]
        if not isinstance(task["dataset"], str) or not isinstance(task["model"], dict):
            raise TypeError("dataset is no text, or model holds no fields")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LfpError(
            f"{path} does not tell its network: it is damaged or was changed by hand "
            f"({printable(repr(error))}); copy it again."
        ) from None
    return task


def restore(model: tf_keras.Model, prefix: str) -> None:
    """Fills a network from a checkpoint that our training wrote.

    Raises:
        LfpError: it is damaged, or of another network.
    """
    try:
        status = tf.train.Checkpoint(model=model).read(prefix)
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise LfpError(f"{prefix} does not fit this network or is damaged.") from error


def _is_whole(prefix):
    """Whether every tensor can be read, checksums included."""
    try:
        reader = tf.train.load_checkpoint(prefix)
        for name in reader.get_variable_to_dtype_map():
            reader.get_tensor(name)
    # TensorFlow's reader turns its own errors into these.
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError, TypeError):
        return False
    return True


def _is_ours(prefix):
    try:
        names = [name for name, _ in tf.train.list_variables(prefix)]
    except (tf.errors.OpError, ValueError):
        return False
    # A detector is a model of models: its layers stand one word deeper.
    return any(re.match(r"model/(\w+/)?layer_with_weights-0/", name) for name in names)
