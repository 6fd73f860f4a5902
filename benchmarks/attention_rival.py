"""The TensorFlow programs of the attention benchmark: attention, a layer of FPT, a detector.

Spec: what (`attention`, `layer`, `detector`) and mode. Attention: kind (`blocks`, `naive`, or
`floor`: inputs and results alone), rows, keys, channels, values, parts, similarity, temperature;
mode is `forward` or `gradients`. Layer: layer, maps, channels. Detector: experiment, changes, size,
records, spread; mode is `inference` or `training`.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from benchmarks import attention_inputs, drawn
from benchmarks.rivals import serve


def make(spec):
    """The facts and commands of `serve`."""
    kinds = {"attention": _attention, "layer": _layer, "detector": _detector}
    call = kinds[spec["what"]](spec)
    return {}, attention_inputs.commands(call, lambda x: x.numpy())


def _attention(spec):
    from lfp_tf.ops.attention import BLOCK_ENTRIES, attention

    arrays = attention_inputs.tensors(spec)
    given = {name: tf.convert_to_tensor(array) for name, array in arrays}
    upstream = given.pop("upstream", None)
    options = {name: spec[name] for name in ("similarity", "temperature")}
    options["block_entries"] = BLOCK_ENTRIES if spec["kind"] == "blocks" else None
    names = list(given)
    if spec["kind"] == "floor":
        shapes = [(1, spec["rows"], spec["values"])]
        shapes += [given[name].shape for name in names if upstream is not None]
        return tf.function(lambda: [tf.random.stateless_uniform(s, [1, 2]) for s in shapes])

    @tf.function
    def forward(*inputs):
        return [attention(**dict(zip(names, inputs, strict=True)), **options)]

    @tf.function
    def gradients(upstream, *inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            (result,) = forward.python_function(*inputs)
        # As in a network, where the gradient of the result comes after it.
        with tf.control_dependencies([result]):
            upstream = tf.identity(upstream)
        return [result, *tape.gradient(result, inputs, upstream)]

    if upstream is None:
        return lambda: forward(*given.values())
    return lambda: gradients(upstream, *given.values())


def _layer(spec):
    from lfp_tf.checkpoints.variables import assign, layer_variables

    maps = {name: tf.constant(array) for name, array in attention_inputs.maps(spec).items()}
    upstream = maps.pop("upstream")
    layer, inputs = _built(spec["layer"], list(maps.values()))
    prefix = f"{layer.name}/"
    variables = {n.removeprefix(prefix): v for n, v in layer_variables(layer).items()}
    weights = {n: attention_inputs.layer_weight(n, v.shape) for n, v in variables.items()}
    assign(variables, weights)

    @tf.function
    def forward():
        return [layer(inputs, training=False)]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = layer(inputs, training=True)
        flat = tf.nest.flatten(inputs)
        found = tape.gradient(result, [*flat, *layer.trainable_weights], upstream)
        # The gradients of weights are made, but cancel in part: only the maps' are compared.
        with tf.control_dependencies(found):
            return [tf.identity(result), *found[: len(flat)]]

    return forward if spec["mode"] == "forward" else gradients


def _built(kind, maps):
    """(the paper's layer, its input)."""
    from lfp_tf.layers.fpt.grounding import GroundingTransformer
    from lfp_tf.layers.fpt.rendering import RenderingTransformer
    from lfp_tf.layers.fpt.self_transformer import SelfTransformer

    layers = {"self": SelfTransformer, "grounding": GroundingTransformer}
    layer = layers.get(kind, RenderingTransformer)()
    inputs = maps[0] if len(maps) == 1 else maps
    layer.build(tf.nest.map_structure(lambda x: x.shape, inputs))
    return layer, inputs


def _detector(spec):
    from lfp_tf.options import Shares
    from lfp_tf.recipes import config, experiments
    from lfp_tf.recipes.networks import task_class

    params = config.of_experiment(spec["experiment"], changes=spec["changes"])
    task = task_class(experiments.read(spec["experiment"]).task)(params)
    model = task.build_model()
    if spec["mode"] == "inference":
        return _detection(spec, params, model)
    optimizer = task.create_optimizer(params.trainer.optimizer_config)
    batch = next(iter(task.training_batches(task.task_config.train_data, 0, Shares(1))))
    step = tf.function(lambda: task.train_step(batch, model, optimizer)[task.loss])
    return lambda: [step()]


def _detection(spec, params, model):
    """The whole way of one image, as `evaluate` goes it."""
    from lfp_tf.tasks.detection.prediction import Protocol, detector

    names = [field.name for field in dataclasses.fields(Protocol)]
    protocol = Protocol(**{name: getattr(params.task.evaluation, name) for name in names})
    _spread(spec, model)
    detect = tf.function(detector(model, protocol, params.task.model.preprocess), autograph=False)
    pixels = drawn.images(1, spec["size"])[0] * np.float32(58.0) + np.float32(120.0)
    image = tf.constant(pixels.round().astype(np.uint8))
    return lambda: list(detect(image).values())


def _spread(spec, model):
    """Scales the class scores' kernel: drawn weights would find nothing, or all."""
    from lfp_tf.checkpoints.variables import variables_by_name

    images = tf.constant(drawn.images(1, spec["spread_size"]))

    @tf.function
    def logits():
        outputs = model.trunk_outputs(images, training=False)
        info = tf.constant([[*spec["spread_size"], 1.0]], tf.float32)
        boxes = model.proposals(outputs, info, count=100).boxes[0]
        features = model.box_features(outputs, boxes, tf.zeros([100], tf.int32))
        return model.box_outputs(features)["class_logits"]

    kernel = variables_by_name(model)["box_classes/kernel"]
    kernel.assign(kernel * spec["spread"] / float(np.std(logits())))


if __name__ == "__main__":
    serve(make)
