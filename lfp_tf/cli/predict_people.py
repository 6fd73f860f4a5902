"""What `lfp-tf predict` does for pose: the joints of people, drawn and as JSON."""

import json
import math
import pathlib
import time

from lfp_tf.cli.evaluate_pose import check_arguments
from lfp_tf.cli.network_arguments import load, scales
from lfp_tf.errors import LfpError, WorkFailed, nearest


def add_arguments(parser):
    """Adds --people; returns its group."""
    group = parser.add_argument_group("pose")
    group.add_argument(
        "--people",
        metavar="FILE.json",
        help="boxes of the people: {picture's file name: [[x1, y1, x2, y2], ...]} in pixels; each "
        "is seen as a square as high as its box (one person a picture, as high as it)",
    )
    return group


def predict(items, arguments):
    """Finds the joints of people and writes overlays and JSON; prints the JSON files.

    Args:
        items: list of `predict_items.Item`, pictures alone.
        arguments: parsed, of an experiment or an export for pose.

    Raises:
        LfpError: flags, names or boxes that are not as they must be, before anything is read.
        WorkFailed: at the end, if pictures were refused; each was named, the others are done.
    """
    _check(items, arguments)
    boxes = read_people(arguments.people, items) if arguments.people else {}
    from lfp_tf.images.decode import read_picture
    from lfp_tf.progress import Progress

    find, names, facts = _network(arguments)
    num_refused = 0
    with Progress("predict", total=len(items), unit="pictures") as line:
        for item in items:
            begin = time.monotonic()
            try:
                picture = read_picture(str(item.source), max_pixels=arguments.max_pixels)
                people = boxes.get(item, [_whole(picture)])
                _check_boxes(people, picture, arguments.people)
                joints = find(picture, people)
            except LfpError as error:
                num_refused += 1
                text = str(error)
                line.note(text if str(item.source) in text else f"{item.source}: {text}")
            else:
                seconds = {"seconds": round(time.monotonic() - begin, 4)}
                _write(item, picture, people, joints, names, facts | seconds)
                print(outputs(item)[1])
            line.update(1, item.source.name)
    if num_refused:
        raise WorkFailed(
            f"{num_refused} of {len(items)} pictures were refused; they are named above."
        )


def outputs(item):
    """The paths written of a picture: overlay and facts."""
    return item.outputs()[1:]


def read_people(path, items):
    """{item: list of boxes [x1, y1, x2, y2]} of a file of boxes.

    Raises:
        LfpError: no such file, one of another form, or a picture that it does not name.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LfpError(f"--people {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise LfpError(f"--people {path} is no JSON ({error}).") from None
    if not isinstance(content, dict):
        raise LfpError(f"--people {path} must hold {{file name: [[x1, y1, x2, y2], ...]}}.")
    found = {}
    for item in items:
        keys = [key for key in (str(item.source), item.source.name) if key in content]
        if not keys:
            raise LfpError(
                f"--people {path} does not name {item.source.name}; give [] where nobody is."
                f"{nearest(item.source.name, content)}"
            )
        found[item] = content[keys[0]]
        if not _are_boxes(found[item]):
            raise LfpError(
                f"--people {path}: the boxes of {keys[0]} must be [[x1, y1, x2, y2], ...] in "
                "pixels, x2 and y2 at least one pixel further than x1 and y1."
            )
    return found


def _are_boxes(boxes):
    return isinstance(boxes, list) and all(
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(n, int | float) and math.isfinite(n) for n in box)
        and box[2] - box[0] >= 1
        and box[3] - box[1] >= 1
        for box in boxes
    )


def _check_boxes(boxes, picture, path):
    """Refuses boxes that lie wholly beside their picture."""
    height, width = picture.shape[:2]
    for box in boxes:
        if not (box[0] < width and box[1] < height and box[2] > 0 and box[3] > 0):
            raise LfpError(
                f"--people {path} has the box {box} beside the picture of {width}x{height}."
            )


def _check(items, arguments):
    check_arguments(arguments)
    if arguments.overwrite:
        return
    for path in (path for item in items for path in outputs(item)):
        if path.exists():
            raise LfpError(f"{path} exists already; give another --out, or --overwrite.")


def _network(arguments):
    """(function of a picture and its boxes to joints [P, J, 3], joints' names, facts)."""
    import numpy as np

    def in_rows(boxes):
        """[[x1, y1, x2, y2], ...] as float32 [P, 4] of ymin, xmin, ymax, xmax."""
        return np.array(boxes, np.float32).reshape(-1, 4)[:, [1, 0, 3, 2]]

    if arguments.saved_model:
        from lfp_tf.serving.description import find_export, read_export
        from lfp_tf.tasks.pose.saved import saved_people

        folder = find_export(arguments.saved_model)
        about, find = read_export(folder), saved_people(folder)
        facts = {"saved_model": str(folder), "protocol": about["protocol"]}
        return lambda picture, boxes: find(picture, in_rows(boxes)), about["classes"], facts
    import tensorflow as tf

    from lfp_tf.tasks.pose.prediction import people_predictor

    model = load(arguments)
    own = model.recipe.evaluation
    flip, factors = arguments.flip or own["flip"], tuple(scales(arguments) or own["scales"])
    predict_ = people_predictor(model, flip=flip, factors=factors)

    def find(picture, boxes):
        try:
            return predict_(tf.constant(picture), tf.constant(in_rows(boxes))).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for a picture of this size.") from error

    facts = {"experiment": arguments.experiment, "checkpoint": arguments.checkpoint}
    facts["protocol"] = {"name": "person", "flip": flip, "scales": list(factors)}
    return find, list(model.recipe.classes), facts


def _whole(picture):
    height, width = picture.shape[:2]
    return [0, 0, width, height]


def _write(item, picture, boxes, joints, names, facts):
    from lfp_tf.files import atomic_path, write_json
    from lfp_tf.images.decode import encode_png
    from lfp_tf.images.skeleton import draw_skeletons

    overlay_path, json_path = outputs(item)
    with atomic_path(overlay_path) as temporary:
        temporary.write_bytes(encode_png(draw_skeletons(picture, list(joints), names)))
    height, width = picture.shape[:2]
    people = [
        {
            "box": box,
            "keypoints": {
                name: dict(zip(("x", "y", "score"), map(float, joint), strict=True))
                for name, joint in zip(names, person, strict=True)
            },
        }
        for box, person in zip(boxes, joints, strict=True)
    ]
    about = {"file": str(item.source), "height": height, "width": width}
    write_json(json_path, about | facts | {"people": people})
