"""The command-line options of pose: flip, scales, boxes of people; and its printed table."""

import argparse
import dataclasses
import math
import pathlib
from typing import TYPE_CHECKING, Any

from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks.flip_and_scales import FLIP, NO_FLIP, SCALES, check_flips, read_scales
from lfp_tf.tasks.spec import Option

if TYPE_CHECKING:
    from lfp_tf.tasks.pose.prediction import Protocol

_SCORED = ("evaluate", "predict")
OPTIONS = (
    dataclasses.replace(FLIP, commands=_SCORED),
    NO_FLIP,
    dataclasses.replace(SCALES, commands=_SCORED),
    Option(
        "people",
        "boxes of the people: {image's file name: [[x1, y1, x2, y2], ...]} in pixels; the network "
        "gets a square as high as each box (one person per image, as high as it)",
        ("predict",),
        "pose",
        metavar="FILE.json",
    ),
)
ENDINGS = (".overlay.png", ".json")
SUMMARIES = ()
AFTER_TRAINING = ()


def check(arguments: argparse.Namespace, command: str) -> None:
    """Refuses scales that are no numbers above 0; no TensorFlow.

    Raises:
        LfpError: such scales, --flip and --no_flip at once, or --people with a live view.
    """
    if command in _SCORED:
        check_flips(arguments)
        read_scales(arguments)
    if (
        command == "predict"
        and arguments.people
        and (arguments.live or arguments.camera is not None)
    ):
        raise LfpError("--people names people in image files; a live view sees one in each frame.")


def protocol(recipe: Any, arguments: argparse.Namespace, command: str) -> "Protocol":
    """Gives the protocol of a `recipes.recipe.Recipe`, with what the user changed."""
    from lfp_tf.tasks.pose.prediction import protocol_of

    if command not in _SCORED:
        return protocol_of(recipe, scales=(1.0,))
    flip = False if getattr(arguments, "no_flip", False) else arguments.flip or None
    return protocol_of(recipe, flip=flip, scales=read_scales(arguments))


def evaluation_options(arguments: argparse.Namespace) -> dict:
    """Gives further arguments of `evaluation.evaluate`: none."""
    return {}


def describe(protocol: "Protocol", arguments: argparse.Namespace) -> str:
    """Gives what an evaluation says of itself before it starts."""
    return f"by {protocol.score} (flip {protocol.flip}, scales {list(protocol.scales)})"


def read_annotations(arguments: argparse.Namespace, items: list) -> dict[pathlib.Path, list] | None:
    """Reads {source: list of boxes [x1, y1, x2, y2] in pixels} of --people; None without it.

    Args:
        arguments: parsed, of predict.
        items: list of `cli.items.Item`.

    Raises:
        LfpError: no such file, one of another form, an image that it does not name, or a video.
    """
    path = arguments.people
    if not path:
        return None
    content = _read_boxes(path)
    boxes = {}
    for item in items:
        if item.is_video:
            raise LfpError(f"--people names people in images, but {item.source} is a video.")
        keys = [key for key in (str(item.source), item.source.name) if key in content]
        if not keys:
            raise LfpError(
                f"--people {path} does not name {item.source.name}; give [] where nobody is."
                f"{nearest(item.source.name, content)}"
            )
        boxes[item.source] = content[keys[0]]
        if not _are_boxes(boxes[item.source]):
            raise LfpError(
                f"--people {path}: the boxes of {keys[0]} must be [[x1, y1, x2, y2], ...] in "
                "pixels, x2 and y2 at least one pixel further than x1 and y1."
            )
    return boxes


def table(facts: dict) -> str:
    """Gives the PCK of joints and of chance as aligned text, in per cent.

    Args:
        facts: what `metrics.json` says.
    """
    own, guessed = facts["scores"], facts["chance"]
    rows = [(e["name"], e["pck"], e["chance"], str(e["annotated"])) for e in facts["joints"]]
    for name, rate in own["groups"].items():
        rows.append((f"{name}, group", rate, guessed["groups"][name], ""))
    rows += [
        ("mean over joints", own["mean"], guessed["mean"], ""),
        ("all annotated joints", own["all_joints"], guessed["all_joints"], ""),
    ]
    width = max(len(row[0]) for row in rows)
    lines = [f"{'joint':{width}}     PCK  chance  annotated"]
    for name, rate, chance, count in rows:
        shown = ("-" if share is None else f"{100 * share:.2f}" for share in (rate, chance))
        lines.append("{:{}}  {:>6}  {:>6}  {:>9}".format(name, width, *shown, count).rstrip())
    score = facts["score"]
    lines.append(
        f"{score['name']} {100 * own['mean']:.2f} over {own['people']} people, chance "
        f"{100 * guessed['mean']:.2f}; {own['left_out']} without a {score['unit']} left out"
    )
    lines.append(f"compared: {facts['convention']['about']}")
    return "\n".join(lines)


def _read_boxes(path):
    try:
        content = load_json(path)
    except OSError as error:
        raise LfpError(f"--people {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise LfpError(f"--people {path} is no JSON ({error}).") from None
    if not isinstance(content, dict):
        raise LfpError(f"--people {path} must hold {{file name: [[x1, y1, x2, y2], ...]}}.")
    return content


def _are_boxes(boxes):
    return isinstance(boxes, list) and all(
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(n, int | float) and math.isfinite(n) for n in box)
        and box[2] - box[0] >= 1
        and box[3] - box[1] >= 1
        for box in boxes
    )
