"""What evaluations of every kind tell beside their scores."""

from lfp_tf.evaluation.facts import versions


def seen_in_training(recipe, split):
    """Whether the weights were trained on a split of their data set; None where it is unknown."""
    known = recipe.trained_on
    if not known:
        return None
    return known["dataset"] == recipe.dataset and split in known["splits"]


def seen_warning(recipe, split, what="pictures"):
    """A sentence where the weights were trained on the split, else an empty text."""
    if not seen_in_training(recipe, split):
        return ""
    return (
        f"warning: these weights were trained on {split} of {recipe.dataset}; the score tells "
        f"nothing about new {what}."
    )


def described(recipe, scores, *, protocol, split, records, checkpoint, seconds, history):
    """What `metrics.json` says: `scores` with what they are of, in the order of reading.

    Args:
        recipe: `tasks.recipe.Recipe` of the network.
        scores: plain values.
        protocol: plain values.
        split, records, checkpoint: as the page calls them.
        seconds: of the evaluation.
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
