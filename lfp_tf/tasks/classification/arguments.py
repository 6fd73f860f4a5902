"""Classification on the command line: it has no options of its own; its printed table."""

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lfp_tf.tasks.classification.prediction import Protocol

OPTIONS = ()
ENDINGS = (".overlay.png", ".json")
SUMMARIES = ()
AFTER_TRAINING = ()


def check(arguments: argparse.Namespace, command: str) -> None:
    """Checks nothing: there are no options."""


def protocol(recipe: Any, arguments: argparse.Namespace, command: str) -> "Protocol":
    """Gives the protocol of a `recipes.recipe.Recipe`."""
    from lfp_tf.tasks.classification.prediction import protocol_of

    return protocol_of(recipe)


def evaluation_options(arguments: argparse.Namespace) -> dict:
    """Gives further arguments of `evaluation.evaluate`: none."""
    return {}


def describe(protocol: "Protocol", arguments: argparse.Namespace) -> str:
    """Gives what an evaluation says of itself before it starts."""
    return (
        f"by the middle {protocol.crop} x {protocol.crop} of each with its shorter side at "
        f"{protocol.shortest} pixels"
    )


def read_annotations(arguments: argparse.Namespace, items: list) -> None:
    """Reads nothing: a classifier needs no annotations."""


def table(facts: dict) -> str:
    """Gives accuracies by class and of all classes as aligned text, in per cent.

    Args:
        facts: what `metrics.json` says.
    """
    width = max(len("class"), *(len(entry["name"]) for entry in facts["classes"]))
    lines = [f"{'class':{width}}   top-1   top-5  images"]
    for entry in facts["classes"]:
        shares = (_percent(entry[name]) for name in ("top1", "top5"))
        row = "  ".join(f"{share:>6}" for share in shares)
        lines.append(f"{entry['name']:{width}}  {row}  {entry['images']:>8}")
    scores = facts["scores"]
    lines.append(
        f"top-1 accuracy {_percent(scores['top1_accuracy'])} (error "
        f"{_percent(scores['top1_error'])}), top-5 accuracy {_percent(scores['top5_accuracy'])} "
        f"(error {_percent(scores['top5_error'])}), mean of the classes' top-1 "
        f"{_percent(scores['mean_class_accuracy'])}, over {len(facts['images'])} images"
    )
    return "\n".join(lines)


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f}"
