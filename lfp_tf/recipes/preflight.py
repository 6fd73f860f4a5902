"""What is checked and completed of an experiment before anything is built; no TensorFlow here."""

import os
import pathlib
import shutil
from typing import Any

from lfp_tf.data.description import check_task, read_dataset, task_classes
from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec
from lfp_tf.training.fields import Experiment

_BYTES_PER_PARAMETER = 8  # the value and the optimizer's


def fill_in(params: Experiment, *, data_dir: str | os.PathLike | None = None) -> dict[str, Any]:
    """Completes an experiment from its records: folders, the number of classes.

    Args:
        params: of the experiment; they are changed.
        data_dir: the folder of records, in place of `data/DATASET`.

    Returns:
        What `dataset.json` says.

    Raises:
        LfpError: no records or split, for another task, of another data set or of another number
            of classes.
    """
    fields, task = params.task, catalog.of(params.task.model.network)
    for data in (fields.train_data, fields.validation_data):
        data.folder = str(data_dir or data.folder or f"data/{fields.dataset}")
    folder = fields.train_data.folder
    dataset = read_dataset(folder)
    check_task(dataset, folder, task)
    if dataset["name"] != fields.dataset:
        raise LfpError(
            f"{folder} holds records of {dataset['name']}, but this experiment is for "
            f"{fields.dataset}; give the right --data_dir, or task.dataset={dataset['name']} if "
            "you mean it."
        )
    names = task_classes(dataset, task.name)
    if not fields.take_classes(names, lambda: _classes_of_start(fields.init_checkpoint, task)):
        raise LfpError(
            f"{folder} holds records of {dataset['name']} with {len(names)} {task.outputs}, but "
            f"task.model.classes is {fields.model.classes}; give the right --data_dir."
        )
    for data in (fields.train_data, fields.validation_data):
        if data.split not in dataset["splits"]:
            raise LfpError(
                f"{data.folder} has no split {data.split!r}; it has {', '.join(dataset['splits'])}."
            )
    return dataset


def _classes_of_start(start: str, task: TaskSpec) -> list[str]:
    """Names of the classes of the run that a training starts from; none where it tells none."""
    path = pathlib.Path(start)
    for folder in (path, path.parent):
        if start and (folder / "dataset.json").is_file():
            return task_classes(read_dataset(folder), task.name)
    return []


def check_run(
    folder: str | os.PathLike, dataset: dict[str, Any], task: TaskSpec, *, mode: str
) -> None:
    """Refuses a folder that cannot take this run.

    Args:
        folder: of the run, which need not exist.
        dataset: what `fill_in` gave.
        task: of the run.
        mode: as of `training.run.Run`.

    Raises:
        LfpError: nothing to evaluate, or a run on other classes; their number alone may agree.
    """
    folder = pathlib.Path(folder)
    if mode == "eval" and not any(folder.glob("*.index")):
        raise LfpError(f"{folder} holds no checkpoint to evaluate; train first.")
    if not (folder / "dataset.json").exists():
        return
    before = read_dataset(folder)
    old, new = (task_classes(records, task.name) for records in (before, dataset))
    if old != new:
        raise LfpError(
            f"{folder} is a run on the {len(old)} classes of {before['name']}, not on these "
            f"{len(new)} of {dataset['name']}; give another --model_dir."
        )


def check_disk(params: Experiment, folder: str | os.PathLike) -> None:
    """Refuses a disk without room for the checkpoints of a run.

    Args:
        params: of the run.
        folder: of the run, which need not exist.

    Raises:
        LfpError: how much room is missing.
    """
    existing = pathlib.Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    model, copies = params.task.model, params.trainer.max_to_keep + 2
    needed = model.millions() * 1e6 * model.width**2 * _BYTES_PER_PARAMETER * copies
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise LfpError(
            f"{existing} has {free / 1e9:.1f} GB free, but {copies} checkpoints need about "
            f"{needed / 1e9:.1f} GB; make room or give another --model_dir."
        )


def share_out(params: Experiment, replicas: int) -> None:
    """Shares batches out to the replicas: a validation batch of 0 becomes one image each.

    Raises:
        LfpError: which numbers do not go together.
    """
    trainer, task = params.trainer, params.task
    batch, pieces = task.train_data.global_batch_size, trainer.accumulation_steps
    if batch % (replicas * pieces):
        raise LfpError(
            f"task.train_data.global_batch_size is {batch}, but {replicas} replicas x "
            f"{pieces} accumulation steps need a multiple of {replicas * pieces}."
        )
    validation = task.validation_data
    validation.global_batch_size = validation.global_batch_size or replicas
    if validation.global_batch_size % replicas:
        raise LfpError(
            f"task.validation_data.global_batch_size is {validation.global_batch_size}, but must "
            f"be a multiple of the {replicas} replicas, or 0 for one image each."
        )
