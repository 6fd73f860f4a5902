"""The program of the benchmark of MaskX R-CNN's mask head.

Spec: mode (`training`, `inference`), classes (with background), boxes, present (classes that these
are of), dim (channels of masks and pyramid), box_dim, served (whether the network is as exported).
"""

import gc
import pathlib
import re

import numpy as np
import tensorflow as tf

from benchmarks import drawn
from benchmarks.rivals import serve, timed

_CELLS = 14


def make(spec):
    """The facts and commands of `serve`."""
    from lfp_tf.models.catalog import build_network

    options = {
        "classes": spec["classes"] - 1,
        "transfer_input": "cls+box",
        "pyramid_dim": spec["dim"],
        "mask_dim": spec["dim"],
        "box_dim": spec["box_dim"],
        # The backbone takes no part.
        "width": 0.125,
    }
    before = _bytes("VmRSS")
    model = build_network("rcnn", **options)
    weights = {id(variable): variable for variable in model.variables}
    if spec["served"]:
        model = _served(model, options)
        weights |= {id(variable): variable for variable in model.variables}
    pooled = tf.constant(drawn.maps((spec["boxes"], _CELLS, _CELLS, spec["dim"])))
    rng = np.random.RandomState(0)
    present = rng.choice(np.arange(1, spec["classes"]), spec["present"], replace=False)
    labels = tf.constant(rng.choice(present, spec["boxes"]), tf.int32)
    call = {"training": _training, "inference": _inference}[spec["mode"]](model, pooled, labels)
    # What building took at its peak does not count.
    gc.collect()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    call()
    call()
    weight_bytes = sum(4 * int(np.prod(variable.shape)) for variable in weights.values())
    peak = _bytes("VmHWM") - before - weight_bytes
    commands = {
        "measure": lambda calls=1: timed(call, calls=calls),
        "memory": lambda: {"peak_bytes": peak},
    }
    return {"classes": spec["classes"]}, commands


def _served(model, options):
    from lfp_tf.recipes.recipe import Recipe
    from lfp_tf.serving.network import served_network

    names = [str(number) for number in range(options["classes"])]
    model.recipe = Recipe("none", "none", "rcnn", options, "none", None, names, [], {}, "none")
    return served_network(model)


def _inference(model, pooled, labels):
    call = tf.function(lambda: tf.sigmoid(model.mask_logits(model.masks(pooled), labels)))
    return lambda: call().numpy()


def _training(model, pooled, labels):
    side = model.mask_side
    targets = tf.constant(drawn.maps((len(labels), side, side)) > 0)
    variables = [*model.masks.trainable_variables, *model.transfer.trainable_variables]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            logits = model.mask_logits(model.masks(pooled), labels)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, tf.float32), logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(1e-3 * gradient)
        return loss

    return lambda: step().numpy()


def _bytes(what):
    """Of this process: `VmRSS`, what it holds, or `VmHWM`, the most since that was cleared."""
    status = pathlib.Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(rf"{what}:\s+(\d+) kB", status)
    return 1024 * int(kilobytes)


if __name__ == "__main__":
    serve(make)
