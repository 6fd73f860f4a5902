"""The network of `lfp-tf predict`: an experiment's or an export's, as functions of a picture."""

import collections.abc
import dataclasses

from lfp_tf.cli.crf_arguments import check_crf, crf_options, final_crf_options
from lfp_tf.cli.network_arguments import check_protocol, checked_experiment, load, protocol
from lfp_tf.errors import LfpError, graph_sentence

_FIXED_IN_EXPORTS = (
    *("experiment", "checkpoint", "preset", "protocol", "flip", "scales"),
    "second_softmax",
)


@dataclasses.dataclass(frozen=True)
class Network:
    """What a network makes of a picture uint8 [H, W, 3], and what results say of it.

    Attributes:
        labels: function of a picture to whole numbers [H, W].
        probabilities: function of a picture to float32 [H, W, C].
        facts: plain values for JSON.
        table: `ClassTable`.
    """

    labels: collections.abc.Callable
    probabilities: collections.abc.Callable
    facts: dict
    table: object


def check_network(arguments):
    """Refuses names, paths and options that cannot be, before anything slow.

    Returns:
        The network's kind: `segmentation`, `classification` or `pose`.

    Raises:
        LfpError: what is wrong.
    """
    if arguments.long_side is not None and arguments.long_side < 1:
        raise LfpError(f"--long_side must be at least 1, not {arguments.long_side}.")
    check_crf(arguments)
    if not arguments.saved_model:
        check_protocol(arguments)
        return checked_experiment(arguments).kind
    from lfp_tf.serving.description import find_export, read_export

    for name in _FIXED_IN_EXPORTS:
        if getattr(arguments, name):
            raise LfpError(f"--{name} is fixed in a SavedModel; leave it out with --saved_model.")
    return read_export(find_export(arguments.saved_model))["kind"]


def open_network(arguments):
    """The `Network` that the arguments name."""
    import numpy as np

    from lfp_tf.images.palette import ClassTable

    if arguments.saved_model:
        functions, facts, names, colors = _export(arguments.saved_model)
    else:
        model = load(arguments)
        names, colors = model.recipe.classes, model.recipe.colors
        chosen = protocol(model.recipe, arguments, default="whole")
        if chosen.name == "lfp":
            chosen = dataclasses.replace(chosen, window_crf=crf_options(arguments))
        functions, facts = _model(model, chosen)
        facts = {"experiment": arguments.experiment, "checkpoint": arguments.checkpoint} | facts
    if arguments.long_side:
        facts["long_side"] = arguments.long_side
    if options := crf_options(arguments):
        facts["crf"] = dataclasses.asdict(options)
    return Network(*functions, facts, ClassTable(tuple(names), np.asarray(colors, np.uint8)))


def at_network_size(picture, arguments):
    """The picture as the network and the CRF see it: `--long_side`, or its own size."""
    from lfp_tf.images.geometry import resize_long_side

    return resize_long_side(picture, arguments.long_side) if arguments.long_side else picture


def segmenter(network, arguments):
    """A function of a picture to its labels, as large, through `--long_side` and `--crf`."""
    from lfp_tf.images.geometry import resize_labels

    options = final_crf_options(arguments)

    def segment(picture):
        seen = at_network_size(picture, arguments)
        if options:
            from lfp_tf.tasks.segmentation.crf.crf import refine

            labels = refine(network.probabilities(seen), seen, options).argmax(axis=-1)
        else:
            labels = network.labels(seen)
        return resize_labels(labels, picture.shape[:2]) if arguments.long_side else labels

    return segment


def _export(folder):
    """(labels, probabilities), facts, names and colours of an export."""
    import tensorflow as tf

    from lfp_tf.serving.description import find_export, read_export
    from lfp_tf.serving.saved import saved_predictor

    folder = find_export(folder)
    found = read_export(folder)
    labels = saved_predictor(folder)

    def probabilities(picture):
        function = labels.loaded.signatures["probabilities"]
        try:
            return function(images=tf.constant(picture)[None])["probabilities"][0].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(graph_sentence(error)) from error

    facts = {"saved_model": str(folder), "protocol": found["protocol"]}
    return (labels, probabilities), facts, found["classes"], found["colors"]


def _model(model, chosen):
    """(labels, probabilities), facts of a Keras model under a protocol."""
    import tensorflow as tf

    from lfp_tf.evaluation.facts import describe_protocol
    from lfp_tf.tasks.segmentation.prediction import predictor

    function = predictor(model, chosen)

    def outputs(picture):
        try:
            return function(tf.constant(picture))
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for a picture of this size.") from error
        except tf.errors.InvalidArgumentError as error:
            height, width = picture.shape[:2]
            raise LfpError(f"The network cannot take a picture of {width}x{height}.") from error

    def probabilities(picture):
        found = outputs(picture)
        if "scores" in found:  # Protocol tf1_whole has no softmax of its own.
            return tf.nn.softmax(found["scores"]).numpy()
        return found["probabilities"].numpy()

    functions = (lambda picture: outputs(picture)["labels"].numpy(), probabilities)
    return functions, {"protocol": describe_protocol(chosen)}
