"""`dataset.json`: what a folder of records tells about itself."""

import dataclasses
import importlib.metadata
import os
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable
from lfp_tf.files import write_json

FORMAT = "lfp_tf records"
FORMAT_VERSION = 2  # Version 1 named one task, or none.
IGNORE_LABEL = 255


@dataclasses.dataclass(frozen=True)
class Description:
    """What `dataset.json` tells of a data set, besides its splits.

    Attributes:
        name: of the data set.
        tasks: names of the tasks that the records serve.
        classes: names of the classes, or of the joints.
        colors: [C, 3] of 0..255; [0, 3] or empty where classes have none.
        options: what else the records depend on.
        facts: more entries of the file, for these tasks (`synsets`, `flip_order`,
            `task_classes`).
    """

    name: str
    tasks: Sequence[str]
    classes: Sequence[str]
    colors: np.ndarray | Sequence[Sequence[int]] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


class Task(Protocol):
    """What records need to know of a task: `tasks.spec.TaskSpec` is one."""

    @property
    def name(self) -> str:
        """How `dataset.json` calls it."""
        ...

    @property
    def is_oldest(self) -> bool:
        """Whether records that name no task are for it."""
        ...


def read_dataset(folder: str | os.PathLike) -> dict[str, Any]:
    """What `dataset.json` of a folder tells.

    Returns:
        dict: name, tasks (names of those that the records serve; empty in the oldest files),
        classes (list of names), colors (list of [r, g, b]; empty where classes have none),
        ignore_label, library_version, options, what a task needs besides (`synsets`;
        `flip_order`; `task_classes`), and splits: {split: {count, num_shards, digest, bytes,
        height: [min, max], width: [min, max], same_size, label_pixels (list, one number per
        class), ignored_pixels}}; the last two are None for splits without labels.

    Raises:
        LfpError: the folder or the file is missing, broken or not ours.
    """
    folder = existing_folder(folder)
    path = folder / "dataset.json"
    if not path.exists():
        raise LfpError(
            f"{folder} has no dataset.json, so its classes are unknown; {_how_to_make(folder)}"
        )
    try:
        content = load_json(path)
    except (ValueError, OSError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({error}); {_how_to_make(folder)}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise LfpError(f"{path} was not written by lfp-tf; {_how_to_make(folder)}")
    version = content.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        newer = printable(content.get("library_version"))
        raise LfpError(f"{path} was written by a newer lfp-tf ({newer}); update this one.")
    _check_content(path, content)
    # Version 1 told one task under `task`.
    tasks = content.get("tasks") or [task for task in [content.get("task")] if task]
    return {key: value for key, value in content.items() if key != "task"} | {"tasks": tasks}


def _are_texts(value, _):
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_colors(value, content):
    shape = np.array(value, np.float64).shape
    return isinstance(value, list) and shape in ((0,), (0, 3), (len(content["classes"]), 3))


def _are_classes_of_tasks(value, _):
    return isinstance(value, dict) and all(_are_texts(names, None) for names in value.values())


def _are_splits(value, _):
    keys = {"count", "same_size", "label_pixels"}
    return all(isinstance(split["count"], int) and keys <= split.keys() for split in value.values())


# What every reader takes from the file: {field: function of (its value, the whole)}.
_CHECKS = {
    "format_version": lambda value, _: isinstance(value, int),
    "name": lambda value, _: isinstance(value, str),
    "classes": _are_texts,
    "colors": _are_colors,
    "ignore_label": lambda value, _: isinstance(value, int),
    "splits": _are_splits,
}
_OPTIONAL = {"tasks": _are_texts, "task_classes": _are_classes_of_tasks}


def _check_content(path, content):
    """Refuses a file that lacks what every reader takes from it."""
    checks = _CHECKS | {key: check for key, check in _OPTIONAL.items() if content.get(key)}
    for field, is_good in checks.items():
        try:
            if is_good(content[field], content):
                continue
        except (KeyError, TypeError, ValueError, AttributeError):
            pass
        raise LfpError(
            f"{path} does not tell {field} as lfp-tf writes it: it is damaged or was changed by "
            f"hand; {_how_to_make(path.parent)}"
        )


def task_classes(dataset: dict[str, Any], task_name: str) -> list[str]:
    """Names of the classes of one of the tasks that records serve.

    `dataset.json` lists under `task_classes` those of tasks that have others than `classes`: the
    objects of `scenes` are car, person and sign.

    Args:
        dataset: what `read_dataset` gave.
        task_name: of the task.
    """
    return list((dataset.get("task_classes") or {}).get(task_name, dataset["classes"]))


def check_task(dataset: dict[str, Any], folder: str | os.PathLike, task: Task) -> None:
    """Refuses records that are for other tasks.

    Args:
        dataset: what `read_dataset` gave.
        folder: the folder that it describes.
        task: the one to use them for.

    Raises:
        LfpError: the records are for other tasks.
    """
    tasks = dataset["tasks"]
    if task.name in tasks or (task.is_oldest and not tasks):
        return
    what = " and ".join(tasks) or "another task"
    raise LfpError(
        f"{folder} holds records of {dataset['name']} for {what}, but this is {task.name}; "
        "give records for it."
    )


def read_split(folder: str | os.PathLike, split: str, task: Task) -> dict[str, Any]:
    """Reads `dataset.json` and checks that the folder has a split, for a task.

    Returns:
        What `read_dataset` gives, for all splits.

    Raises:
        LfpError: no such split, or records for another task.
    """
    dataset = read_dataset(folder)
    check_task(dataset, folder, task)
    if split not in dataset["splits"]:
        raise LfpError(
            f'{folder} has no split "{split}"; it has {", ".join(sorted(dataset["splits"]))}.'
        )
    return dataset


def check_mixable(folder: str | os.PathLike, name: str, classes: Sequence[str]) -> None:
    """Refuses a folder that holds records of another data set or of other classes.

    Raises:
        LfpError: it does.
    """
    if not (pathlib.Path(folder) / "dataset.json").exists():
        return
    before = read_dataset(folder)
    if before["name"] != name or before["classes"] != list(classes):
        raise LfpError(
            f"{folder} holds records of {before['name']} with {len(before['classes'])} classes; "
            "give another --out, or --overwrite to replace them."
        )


def forget_split(folder: str | os.PathLike, split: str) -> None:
    """Removes a split whose shards are about to be replaced from `dataset.json`."""
    path = pathlib.Path(folder) / "dataset.json"
    if not path.exists():
        return
    try:
        dataset = read_dataset(folder)
    except LfpError:
        path.unlink()
        return
    dataset["splits"].pop(split, None)
    write_json(path, dataset)


def write_dataset(
    folder: str | os.PathLike,
    description: Description,
    splits: dict[str, dict[str, Any]],
    *,
    overwrite: bool = False,
) -> None:
    """Writes `dataset.json` over the splits just written and those that were there before.

    Args:
        folder: where the shards are.
        description: of the data set.
        splits: {split: what `write_records` gave}.
        overwrite: forget splits of another data set instead of refusing.

    Raises:
        LfpError: the folder holds records of another data set or of other classes.
    """
    folder = pathlib.Path(folder)
    earlier = _earlier_splits(folder, description, overwrite)
    num_classes = len(description.classes)
    written = {split: _per_class(facts, num_classes) for split, facts in splits.items()}
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": _library_version(),
        "name": description.name,
        "tasks": list(description.tasks),
        "ignore_label": IGNORE_LABEL,
        "classes": list(description.classes),
        "colors": np.asarray(description.colors).tolist(),
        **description.facts,
        "options": description.options,
        "splits": earlier | written,
    }
    write_json(folder / "dataset.json", content)
    for split in splits:
        plan_path(folder, split).unlink(missing_ok=True)


def _earlier_splits(folder, description, overwrite):
    try:
        check_mixable(folder, description.name, description.classes)
        return read_dataset(folder)["splits"] if (folder / "dataset.json").exists() else {}
    except LfpError:
        if overwrite:
            return {}
        raise


def existing_folder(folder: str | os.PathLike) -> pathlib.Path:
    """The folder as a path; where there is none, an LfpError that tells how to make it."""
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise LfpError(f"There is no folder {folder}; {_how_to_make(folder)}")
    return folder


def _how_to_make(folder):
    name = folder.resolve().name
    source = "" if name == "scenes" else " --source DIR"
    return f"`lfp-tf data {name}{source} --out {folder}` makes it."


def _per_class(facts, num_classes):
    """A split's facts with pixels counted per class, and ignored ones, instead of per value."""
    pixels = facts["label_pixels"]
    if pixels is None:
        return facts | {"ignored_pixels": None}
    by_class = [pixels.get(str(number), 0) for number in range(num_classes)]
    return facts | {"label_pixels": by_class, "ignored_pixels": pixels.get(str(IGNORE_LABEL), 0)}


def plan_path(folder: str | os.PathLike, split: str) -> pathlib.Path:
    """Where the state of an unfinished split is kept."""
    return pathlib.Path(folder) / f".{split}.plan.json"


def _library_version():
    try:
        return importlib.metadata.version("lfp-tf")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
