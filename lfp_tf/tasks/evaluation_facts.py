"""What the evaluations of all tasks check of their records and tell beside their scores."""

import os
from collections.abc import Iterable
from typing import Any

from lfp_tf.data.description import read_split, task_classes
from lfp_tf.errors import LfpError
from lfp_tf.evaluation.facts import versions
from lfp_tf.images.palette import numbered_table
from lfp_tf.tasks.spec import TaskSpec


# A `recipe` is a `recipes.recipe.Recipe`, which stands above this room and is handed in.
def comparable_split(
    recipe: Any,
    folder: str | os.PathLike,
    split: str,
    task: TaskSpec,
    *,
    may_lack_last: bool = False,
) -> dict[str, Any]:
    """Gives what `dataset.json` says, if its split can score the recipe's network.

    A network whose classes are only numbered takes as many classes of any names.

    Args:
        recipe: of the network.
        folder: of the records.
        split: of the records.
        task: of the recipe.
        may_lack_last: whether records of the network's first classes alone will do.

    Raises:
        LfpError: no such split, records for other tasks, or other classes than the network's.
    """
    dataset = read_split(folder, split, task)
    ours, theirs = list(recipe.classes), task_classes(dataset, task.name)
    is_numbered = ours == list(numbered_table(len(ours)).names)
    scored = ours[: len(theirs)] if may_lack_last else ours
    if theirs != scored and not (is_numbered and len(theirs) == len(scored)):
        pairs = zip(theirs, ours, strict=False)
        differs = [f' (the first that differ: "{a}", "{b}")' for a, b in pairs if a != b]
        raise LfpError(
            f"{folder} has the {len(theirs)} {task.outputs} of {dataset['name']}, but the network "
            f"has {len(ours)} of {recipe.dataset}{''.join(differs[:1])}; give its own records."
        )
    return dataset


def seen_in_training(recipe: Any, split: str) -> bool | None:
    """Tells whether the weights were trained on a split of their data set; None: unknown."""
    known = recipe.trained_on
    if not known:
        return None
    return known["dataset"] == recipe.dataset and split in known["splits"]


def seen_warning(recipe: Any, split: str, what: str = "images") -> str:
    """Gives a sentence where the weights were trained on the split, else an empty text."""
    if not seen_in_training(recipe, split):
        return ""
    return (
        f"warning: these weights were trained on {split} of {recipe.dataset}; the score tells "
        f"nothing about new {what}."
    )


def described(
    recipe: Any,
    scores: dict,
    *,
    protocol: dict,
    split: str,
    records: str | os.PathLike,
    checkpoint: str | os.PathLike,
    seconds: float,
    history: Iterable[dict],
) -> dict[str, Any]:
    """Gives what `metrics.json` says: `scores` with what they are of, in the order of reading.

    Args:
        recipe: of the network.
        scores: plain values.
        protocol: plain values.
        split, records, checkpoint: as the page calls them.
        seconds: duration of the evaluation.
        history: entries of the run's `history.jsonl`.
    """
    return {
        "experiment": recipe.experiment,
        "dataset": recipe.dataset,
        "split": split,
        "records": str(records),
        "checkpoint": str(checkpoint),
        "protocol": protocol,
        "seen_in_training": seen_in_training(recipe, split),
        "seconds": seconds,
        **scores,
        "history": list(history),
        "config": recipe.as_dict(),
        "versions": versions(),
    }
