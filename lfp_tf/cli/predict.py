"""`lfp-tf predict`: pictures and folders to label PNGs, overlays and JSON."""

import dataclasses
import pathlib
import time

from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    add_protocol_arguments,
    check_protocol,
    checked_experiment,
    load,
    protocol,
)
from lfp_tf.errors import LfpError, WorkFailed

HELP = "segment pictures and folders: label PNG, overlay with legend, JSON"
EXAMPLE = """
lfp-tf predict --experiment pspnet18_scenes --out predictions street.jpg
lfp-tf predict --experiment pspnet101_cityscapes --checkpoint old.pth pictures --out predictions
lfp-tf predict --saved_model export/scenes pictures/ --out predictions
"""
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")
MAX_PIXELS = 33_554_432


@dataclasses.dataclass(frozen=True)
class Item:
    """One picture: where it is, and what its results are called without their endings."""

    source: pathlib.Path
    target: pathlib.Path

    def outputs(self):
        """The three paths written: labels, overlay, facts."""
        endings = (".labels.png", ".overlay.png", ".json")
        return [self.target.with_name(self.target.name + ending) for ending in endings]


def add_arguments(parser):
    """Adds the arguments of `lfp-tf predict`."""
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="pictures, folders of them")
    parser.add_argument("--out", metavar="DIR", help="where the results go")
    parser.add_argument("--overwrite", action="store_true", help="replace results in --out")
    group = add_network_arguments(parser)
    group.add_argument(
        "--saved_model", metavar="DIR", help="what `export` wrote; a program: only if you trust it"
    )
    add_protocol_arguments(parser)
    parser.add_argument(
        "--max_pixels",
        type=int,
        default=MAX_PIXELS,
        help=f"refuse larger pictures ({MAX_PIXELS})",
    )


def run(arguments):
    """Carries out `lfp-tf predict`; prints the label PNGs written.

    Raises:
        LfpError: names or paths that are not as they must be, before anything is read.
        WorkFailed: at the end, if pictures were refused; each was named, the others are done.
    """
    if not arguments.out:
        raise LfpError("--out is missing: the folder that gets the results.")
    if arguments.max_pixels < 1:
        raise LfpError(f"--max_pixels must be at least 1, not {arguments.max_pixels}.")
    _check_network(arguments)
    items = find_items(arguments.inputs, pathlib.Path(arguments.out))
    if not arguments.overwrite:
        for path in (path for item in items for path in item.outputs()):
            if path.exists():
                raise LfpError(f"{path} exists already; give another --out, or --overwrite.")
    failed = _predict_all(items, arguments)
    if failed:
        raise WorkFailed(f"{failed} of {len(items)} pictures were refused; they are named above.")
    return 0


def find_items(inputs, out):
    """The pictures among files and folders, in order, with the names of their results.

    Folders are searched whole and keep their inner paths. Pictures that differ in their ending
    alone keep it in the results' names.

    Raises:
        LfpError: something that is not there, or a folder without a picture.
    """
    found = []
    for text in inputs:
        place = pathlib.Path(text)
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES)
            if not inside:
                raise LfpError(f"{place} holds no pictures ({', '.join(SUFFIXES)}).")
            found += [(path, path.relative_to(place)) for path in inside]
        elif place.exists():
            found.append((place, pathlib.Path(place.name)))
        else:
            raise LfpError(f"There is no picture or folder {place}.")
    stems = [inner.with_suffix("") for _, inner in found]
    names = [
        inner if stems.count(stem) > 1 else stem
        for (_, inner), stem in zip(found, stems, strict=True)
    ]
    for (path, _), name in zip(found, names, strict=True):
        if names.count(name) > 1:
            raise LfpError(f"Two pictures would both be written as {name}; one is {path}.")
    return [Item(path, out / name) for (path, _), name in zip(found, names, strict=True)]


def _check_network(arguments):
    if not arguments.saved_model:
        check_protocol(arguments)
        checked_experiment(arguments)
        return
    from lfp_tf.serving.description import find_export, read_export

    for name in ("experiment", "checkpoint", "preset", "protocol", "flip", "scales"):
        if getattr(arguments, name):
            raise LfpError(f"--{name} is fixed in a SavedModel; leave it out with --saved_model.")
    read_export(find_export(arguments.saved_model))


def _predict_all(items, arguments):
    from lfp_tf.pictures.decode import read_picture
    from lfp_tf.progress import Progress

    predict, facts, table = _network(arguments)
    failed = 0
    with Progress("predict", total=len(items), unit="pictures") as line:
        for item in items:
            try:
                picture = read_picture(str(item.source), max_pixels=arguments.max_pixels)
                begin = time.monotonic()
                labels = predict(picture)
                seconds = time.monotonic() - begin
            except LfpError as error:
                failed += 1
                text = str(error)
                line.note(text if str(item.source) in text else f"{item.source}: {text}")
            else:
                _write(item, picture, labels, table, facts | {"seconds": round(seconds, 4)})
                print(item.outputs()[0])
            line.update(1, item.source.name)
    return failed


def _network(arguments):
    """(function from a picture to labels, facts for the JSON, class table)."""
    import numpy as np

    from lfp_tf.pictures.palette import ClassTable

    if arguments.saved_model:
        from lfp_tf.serving.description import find_export, read_export
        from lfp_tf.serving.saved import saved_predictor

        folder = find_export(arguments.saved_model)
        found = read_export(folder)
        names, colors = found["classes"], found["colors"]
        facts = {"saved_model": str(folder), "protocol": found["protocol"]}
        predict = saved_predictor(folder)
    else:
        model = load(arguments)
        names, colors = model.recipe.classes, model.recipe.colors
        chosen = protocol(model.recipe, arguments, default="whole")
        predict, facts = _model_predictor(model, chosen)
        facts = {"experiment": arguments.experiment, "checkpoint": arguments.checkpoint} | facts
    return predict, facts, ClassTable(tuple(names), np.asarray(colors, np.uint8))


def _model_predictor(model, chosen):
    import tensorflow as tf

    from lfp_tf.evaluation.facts import describe_protocol
    from lfp_tf.tasks.prediction import predictor

    function = predictor(model, chosen)

    def predict(picture):
        try:
            return function(tf.constant(picture))["labels"].numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for a picture of this size.") from error
        except tf.errors.InvalidArgumentError as error:
            height, width = picture.shape[:2]
            raise LfpError(f"The network cannot take a picture of {width}x{height}.") from error

    return predict, {"protocol": describe_protocol(chosen)}


def _write(item, picture, labels, table, facts):
    import numpy as np

    from lfp_tf.files import atomic_path, write_json
    from lfp_tf.pictures.decode import encode_png
    from lfp_tf.pictures.overlay import overlay, with_legend

    labels_path, overlay_path, json_path = item.outputs()
    drawn = with_legend(overlay(picture, labels, table), labels, table)
    for path, array in ((labels_path, labels), (overlay_path, drawn)):
        with atomic_path(path) as temporary:
            temporary.write_bytes(encode_png(array))
    counts = np.bincount(labels.ravel(), minlength=len(table))
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda number: -counts[number])
    classes = [
        {
            "id": number,
            "name": table.names[number],
            "pixels": int(counts[number]),
            "share": round(float(counts[number] / labels.size), 6),
        }
        for number in order
    ]
    height, width = labels.shape
    about = {"file": str(item.source), "height": height, "width": width}
    write_json(json_path, about | facts | {"classes": classes})
