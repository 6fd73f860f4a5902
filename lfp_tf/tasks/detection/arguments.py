"""The command-line options of detection: sizes, thresholds; and its printed table."""

import argparse
from typing import TYPE_CHECKING, Any

from lfp_tf.errors import LfpError
from lfp_tf.tasks.spec import Option

if TYPE_CHECKING:
    from lfp_tf.tasks.detection.prediction import Protocol

_PROTOCOL = ("evaluate", "predict", "export")
SHOWN_SCORE = 0.5
MAX_BOXES = 100
OPTIONS = (
    Option(
        "short_side",
        "pixels that the short side of an image is scaled to (the experiment's)",
        _PROTOCOL,
        "detection",
        parse=int,
        metavar="N",
        is_fixed_in_exports=True,
    ),
    Option(
        "max_size",
        "pixels that no side exceeds (the experiment's)",
        _PROTOCOL,
        "detection",
        parse=int,
        metavar="N",
        is_fixed_in_exports=True,
    ),
    Option(
        "subset",
        "tell the scores of these classes (set A) and of the others (set B) apart: voc, nonvoc, "
        "E1_A20B60, or names and numbers (the classes whose masks were learnt)",
        ("evaluate",),
        "detection",
        metavar="CLASS",
        takes_many=True,
    ),
    Option(
        "true_boxes",
        "also predict masks in the true boxes, and tell their mean IoU",
        ("evaluate",),
        "detection",
        parse=None,
        default=False,
    ),
    Option(
        "least_score",
        f"draw and count objects from this score on; the JSON files have all ({SHOWN_SCORE})",
        ("predict",),
        "detection",
        parse=float,
        default=SHOWN_SCORE,
        metavar="S",
    ),
    Option(
        "max_boxes",
        f"of an image that `instances` takes ({MAX_BOXES})",
        ("export",),
        "detection",
        parse=int,
        default=MAX_BOXES,
        metavar="N",
    ),
)
ENDINGS = (".overlay.png", ".json")
COCO_FILE = "coco_results.json"
SUMMARIES = (COCO_FILE,)
AFTER_TRAINING = ()
_COLUMNS = ("AP", "AP50", "AP75", "APs", "APm", "APl")


def check(arguments: argparse.Namespace, command: str) -> None:
    """Refuses sizes below 1 and scores outside of 0..1; no TensorFlow.

    Raises:
        LfpError: such a value.
    """
    for name in ("short_side", "max_size"):
        value = getattr(arguments, name, None)
        if value is not None and value < 1:
            raise LfpError(f"--{name} must be at least 1, not {value}.")
    score = getattr(arguments, "least_score", SHOWN_SCORE)
    if not 0 <= score <= 1:
        raise LfpError(f"--least_score must lie in 0..1, not {score}.")


def protocol(recipe: Any, arguments: argparse.Namespace, command: str) -> "Protocol":
    """Gives the protocol of a `recipes.recipe.Recipe`, with what the user changed.

    Raises:
        LfpError: a short side above the largest size.
    """
    from lfp_tf.tasks.detection.prediction import protocol_of

    chosen = protocol_of(
        recipe,
        short_side=getattr(arguments, "short_side", None),
        max_size=getattr(arguments, "max_size", None),
    )
    if chosen.short_side > chosen.max_size:
        raise LfpError(
            f"The short side is {chosen.short_side} pixels, but no side may exceed "
            f"{chosen.max_size}; give --max_size too."
        )
    return chosen


def evaluation_options(arguments: argparse.Namespace) -> dict:
    """Gives further arguments of `evaluation.evaluate`: classes of set A, masks in true boxes."""
    words = arguments.subset or []
    return {
        "subset": [int(word) if word.isdecimal() else word for word in words],
        "true_boxes": arguments.true_boxes,
    }


def describe(protocol: "Protocol", arguments: argparse.Namespace) -> str:
    """Gives what an evaluation says of itself before it starts."""
    return f"with the short side at {protocol.short_side} pixels, at most {protocol.max_size}"


def read_annotations(arguments: argparse.Namespace, items: list) -> None:
    """Reads nothing: a detector needs no annotations."""


def table(facts: dict) -> str:
    """Gives the APs of classes and of all, as aligned text, in per cent.

    Args:
        facts: what `metrics.json` says.
    """
    lines = _class_lines(facts)
    for kind, scores in facts["scores"].items():
        lines.append(f"{kind}: {_words(scores)}")
    for part, own in facts.get("sets", {}).items():
        for kind, scores in own["scores"].items():
            lines.append(f"{kind}, set {part}: {_words(scores)}")
    if "mask_iou" in facts:
        for title, key in _TRUE_BOXES.items():
            shares = (f"{part} {_percent(share)}" for part, share in facts[key].items())
            lines.append(f"{title}: {', '.join(shares)}")
    if sets := facts.get("sets"):
        a, b = (len(sets[part]["classes"]) for part in "AB")
        lines.append(f"set A is {sets['A']['name']} ({a} of {a + b} classes), set B the other {b}")
    lines.append(f"over {len(facts['images'])} images, overlaps as COCO measures them")
    return "\n".join(lines)


_TRUE_BOXES = {
    "mask IoU in the true boxes, mean over classes": "mask_iou",
    "the same of the boxes themselves, filled": "filled_box_iou",
}


def _class_lines(facts):
    """The heading and a line a class."""
    kinds, classes = list(facts["scores"]), facts["classes"]
    width = max(len("all classes"), *(len(entry["name"]) for entry in classes))
    has_overlaps, has_sets = "mask_iou" in facts, "sets" in facts
    heads = "".join(f"  {f'{kind} AP':>8}  {f'{kind} AP50':>10}" for kind in kinds)
    heads += f"  {'mask IoU':>8}" if has_overlaps else ""
    lines = [f"{'class':{width}}{heads}  objects{'  set' if has_sets else ''}"]
    for entry in classes:
        shown = "".join(
            f"  {_percent(entry[kind]['AP']):>8}  {_percent(entry[kind]['AP50']):>10}"
            for kind in kinds
        )
        shown += f"  {_percent(entry['mask_iou']):>8}" if has_overlaps else ""
        end = f"  {entry['set']:>3}" if has_sets else ""
        lines.append(f"{entry['name']:{width}}{shown}  {entry['objects']:>7}{end}")
    return lines


def _words(scores):
    return ", ".join(f"{name} {_percent(scores[name])}" for name in _COLUMNS)


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f}"
