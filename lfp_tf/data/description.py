"""`dataset.json`: what a folder of records tells about itself."""

import importlib.metadata
import json
import pathlib

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.files import write_json

FORMAT = "lfp_tf records"
FORMAT_VERSION = 2  # 1 told one task, or none
IGNORE_LABEL = 255


def read_dataset(folder):
    """What `dataset.json` of a folder tells.

    Returns:
        dict: name, tasks (names of those that the records serve; empty in the oldest files),
        classes (list of names), colors (list of [r, g, b]; empty where classes have none),
        ignore_label, library_version, options, what a task needs besides (`synsets`;
        `flip_order`), and splits: {split: {count, num_shards, digest, bytes, height: [min, max],
        width: [min, max], same_size, label_pixels (list, one number a class), ignored_pixels}};
        the last two are None for splits without labels.

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
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({error}); {_how_to_make(folder)}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise LfpError(f"{path} was not written by lfp-tf; {_how_to_make(folder)}")
    if found["format_version"] > FORMAT_VERSION:
        raise LfpError(
            f"{path} was written by a newer lfp-tf ({found['library_version']}); update this one."
        )
    # Version 1 told one task under `task`.
    tasks = found.get("tasks") or [task for task in [found.get("task")] if task]
    return {key: value for key, value in found.items() if key != "task"} | {"tasks": tasks}


def check_task(dataset, folder, task):
    """Refuses records that are for other tasks.

    Args:
        dataset: what `read_dataset` gave.
        folder: where from.
        task: its `name`, and whether it `is_oldest`: records that tell no task are for that one.

    Raises:
        LfpError: they are.
    """
    told = dataset["tasks"]
    if task.name in told or (task.is_oldest and not told):
        return
    what = " and ".join(told) or "another task"
    raise LfpError(
        f"{folder} holds records of {dataset['name']} for {what}, but this is {task.name}; "
        "give records for it."
    )


def read_split(folder, split, task):
    """What `dataset.json` says, after a split and the task were looked for.

    Args:
        folder: of the records.
        split: a name.
        task: as `check_task` takes it.

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


def check_mixable(folder, name, classes):
    """Refuses a folder that holds records of another data set or of other classes."""
    if not (pathlib.Path(folder) / "dataset.json").exists():
        return
    before = read_dataset(folder)
    if before["name"] != name or before["classes"] != list(classes):
        raise LfpError(
            f"{folder} holds records of {before['name']} with {len(before['classes'])} classes; "
            "give another --out, or --overwrite to replace them."
        )


def forget_split(folder, split):
    """Takes a split whose shards are about to be replaced out of `dataset.json`."""
    path = pathlib.Path(folder) / "dataset.json"
    if not path.exists():
        return
    try:
        found = read_dataset(folder)
    except LfpError:
        path.unlink()
        return
    found["splits"].pop(split, None)
    write_json(path, found)


def write_dataset(
    folder,
    *,
    name,
    tasks,
    classes,
    colors,
    splits,
    options=None,
    overwrite=False,
    facts=None,
):
    """Writes `dataset.json` over the splits just written and those that were there before.

    Args:
        folder: where the shards are.
        name: the data set's name.
        classes: list of class names.
        colors: list or array [C, 3] of 0..255.
        splits: {split: what `write_records` gave}.
        options: a dict of what else the records depend on.
        overwrite: forget splits of another data set instead of refusing.
        tasks: names of those that the records serve.
        facts: what else it tells, for these tasks.

    Raises:
        LfpError: the folder holds records of another data set or of other classes.
    """
    folder = pathlib.Path(folder)
    before = _splits_before(folder, name, classes, overwrite)
    counted = {split: _per_class(facts, len(classes)) for split, facts in splits.items()}
    description = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "library_version": _library_version(),
        "name": name,
        "tasks": list(tasks),
        "ignore_label": IGNORE_LABEL,
        "classes": list(classes),
        "colors": np.asarray(colors).tolist(),
        **(facts or {}),
        "options": options or {},
        "splits": before | counted,
    }
    write_json(folder / "dataset.json", description)
    for split in splits:
        plan_path(folder, split).unlink(missing_ok=True)


def _splits_before(folder, name, classes, overwrite):
    try:
        check_mixable(folder, name, classes)
        return read_dataset(folder)["splits"] if (folder / "dataset.json").exists() else {}
    except LfpError:
        if overwrite:
            return {}
        raise


def existing_folder(folder):
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
    """Turns the counts by label value into a list by class and the number of ignored pixels."""
    pixels = facts["label_pixels"]
    if pixels is None:
        return facts | {"ignored_pixels": None}
    by_class = [pixels.get(str(number), 0) for number in range(num_classes)]
    return facts | {"label_pixels": by_class, "ignored_pixels": pixels.get(str(IGNORE_LABEL), 0)}


def plan_path(folder, split):
    """Where the state of an unfinished split is kept."""
    return pathlib.Path(folder) / f".{split}.plan.json"


def _library_version():
    try:
        return importlib.metadata.version("lfp-tf")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
