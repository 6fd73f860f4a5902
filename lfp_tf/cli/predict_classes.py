"""`lfp-tf predict` of a classifier: every picture's best classes, as a line and as JSON."""

import dataclasses
import time

from lfp_tf.cli.network_arguments import load
from lfp_tf.cli.refused_arguments import OF_SEGMENTATION, refuse
from lfp_tf.errors import LfpError, WorkFailed, graph_sentence


@dataclasses.dataclass(frozen=True)
class _Network:
    """A function of a picture uint8 [H, W, 3] to probabilities [C], the names, facts for JSON."""

    probabilities: object
    names: list
    facts: dict


def check_arguments(arguments):
    """Refuses flags of `lfp-tf predict` that a classifier has no use for; no TensorFlow.

    Raises:
        LfpError: one of them was given.
    """
    refuse(arguments, OF_SEGMENTATION, "is for segmentation; a classifier sees whole pictures.")
    refuse(arguments, {"people": None}, "is for pose; a classifier sees whole pictures.")


def predict(items, arguments):
    """Names the class of every picture; prints a line each and writes its best five as JSON.

    A line is `FILE<tab>CLASS<tab>PROBABILITY`; the JSON stands at `item.target` + ".json".

    Args:
        items: list of `predict_items.Item`.
        arguments: of `lfp-tf predict`, names and paths already checked.

    Raises:
        LfpError: flags that are not for classifiers, results that are there already.
        WorkFailed: at the end, if pictures were refused; each was named, the others are done.
    """
    check_arguments(arguments)
    for item in items:
        if not arguments.overwrite and _json_path(item).exists():
            raise LfpError(
                f"{_json_path(item)} exists already; give another --out, or --overwrite."
            )
    network = _export(arguments.saved_model) if arguments.saved_model else _model(arguments)
    num_refused = _predict_all(items, network, arguments)
    if num_refused:
        raise WorkFailed(
            f"{num_refused} of {len(items)} pictures were refused; they are named above."
        )


def _predict_all(items, network, arguments):
    """The number of pictures that were refused; the rest goes on."""
    from lfp_tf.images.decode import read_picture
    from lfp_tf.progress import Progress

    num_refused = 0
    with Progress("predict", total=len(items), unit="pictures") as line:
        for item in items:
            try:
                picture = read_picture(str(item.source), max_pixels=arguments.max_pixels)
                begin = time.monotonic()
                probabilities = network.probabilities(picture)
            except LfpError as error:
                num_refused += 1
                text = str(error)
                line.note(text if str(item.source) in text else f"{item.source}: {text}")
            else:
                seconds = round(time.monotonic() - begin, 4)
                _write(item, picture, probabilities, network, seconds)
            line.update(1, item.source.name)
    return num_refused


def _write(item, picture, probabilities, network, seconds):
    from lfp_tf.files import write_json

    height, width = picture.shape[:2]
    best = best_classes(probabilities, network.names)
    about = {"file": str(item.source), "height": height, "width": width}
    write_json(_json_path(item), about | network.facts | {"seconds": seconds, "classes": best})
    print(f"{item.source}\t{best[0]['name']}\t{best[0]['probability']:.4f}")


def best_classes(probabilities, names):
    """The five most probable classes.

    Args:
        probabilities: [C].
        names: of the classes.

    Returns:
        list of {"id", "name", "probability"}, at most five, the first of equal ones first.
    """
    import numpy as np

    from lfp_tf.tasks.classification.metrics import TOP

    order = np.argsort(-np.asarray(probabilities), kind="stable")[:TOP].tolist()
    return [
        {"id": number, "name": names[number], "probability": float(probabilities[number])}
        for number in order
    ]


def _json_path(item):
    return item.target.with_name(f"{item.target.name}.json")


def _model(arguments):
    """The `_Network` of an experiment's classifier."""
    import tensorflow as tf

    from lfp_tf.tasks.classification.prediction import (
        MAX_PROPORTION,
        describe_protocol,
        is_strip,
        picture_classifier,
    )

    model = load(arguments)
    classify = picture_classifier(model)

    def probabilities(picture):
        height, width = picture.shape[:2]
        if is_strip(height, width):
            raise LfpError(
                f"The picture has {width}x{height} pixels; no side may be more than "
                f"{MAX_PROPORTION} times the other."
            )
        try:
            return classify(tf.constant(picture)).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for a picture of this size.") from error

    facts = {
        "experiment": arguments.experiment,
        "checkpoint": arguments.checkpoint,
        "protocol": describe_protocol(model.recipe),
    }
    return _Network(probabilities, model.recipe.classes, facts)


def _export(folder):
    """The `_Network` of a classifier's export."""
    import tensorflow as tf

    from lfp_tf.serving.description import find_export, read_export
    from lfp_tf.serving.saved import saved_predictor

    folder = find_export(folder)
    found = read_export(folder)
    # Signatures do not keep their variables alive: the function below holds on to all of it.
    loaded = saved_predictor(folder).loaded

    def probabilities(picture):
        function = loaded.signatures["images"]
        try:
            return function(images=tf.constant(picture)[None])["probabilities"][0].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(graph_sentence(error)) from error

    facts = {"saved_model": str(folder), "protocol": found["protocol"]}
    return _Network(probabilities, found["classes"], facts)
