"""The tasks and their networks: the one table that names them; no TensorFlow here."""

import importlib
from typing import Any

from lfp_tf.errors import LfpError
from lfp_tf.tasks.spec import TaskSpec

SEGMENTATION = TaskSpec(
    "segmentation",
    networks=(
        *("pspnet", "deeplabv2", "deeplabv3", "deeplabv3plus", "lfp_segmentation"),
        "fpt_segmentation",
    ),
    function="segment",
    is_oldest=True,
)
CLASSIFICATION = TaskSpec("classification", networks=("lfp_classifier",), function="classify")
POSE = TaskSpec(
    "pose", networks=("hourglass",), function="keypoints", outputs="joints", counted="people"
)
DETECTION = TaskSpec("detection", networks=("rcnn", "rcnn_c4"), function="detect")
TASKS = (SEGMENTATION, CLASSIFICATION, POSE, DETECTION)


def of(network: str) -> TaskSpec:
    """Finds the task of a network.

    Args:
        network: what `models.catalog` calls it.

    Raises:
        LfpError: no experiment has such a network.
    """
    for task in TASKS:
        if network in task.networks:
            return task
    names = ", ".join(name for task in TASKS for name in task.networks)
    raise LfpError(f"task.model.network is {network!r}, but must be one of {names}.")


def named(name: str | None) -> TaskSpec:
    """Finds the task of a name; None is the task of records and exports that name none.

    Raises:
        LfpError: no such task.
    """
    for task in TASKS:
        if task.name == name or (name is None and task.is_oldest):
            return task
    raise LfpError(f'There is no task "{name}", but {", ".join(task.name for task in TASKS)}.')


# A module; what it offers is in the table of docs/architecture.md, which a test reads.
def part(task: TaskSpec, name: str) -> Any:
    """Imports a file of a task when it is needed: `part(POSE, "config")`."""
    return importlib.import_module(f"lfp_tf.tasks.{task.name}.{name}")
