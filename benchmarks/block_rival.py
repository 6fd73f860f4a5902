"""The program of the block benchmark: one bottleneck of LFP's ResNets, with or without its pyramid.

Spec: mode (`inference`, `training`), batch, side (pixels of the square map), width, pyramid. The
training step gives the gradients of all kernels, of gamma and beta, and of the map. oneDNN is
switched by the environment of the process.
"""

import tensorflow as tf
import tf_keras

from benchmarks import drawn
from benchmarks.rivals import serve, timed
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.layers.pyramid_block import SCALES, PyramidBlock
from lfp_tf.recipes.cost import multiply_adds


def make(spec):
    """The facts and commands of `serve`."""
    side, width = spec["side"], spec["width"]
    maps = tf.constant(drawn.maps((spec["batch"], side, side, 4 * width)))
    model = _model(side, width, SCALES if spec["pyramid"] else ())
    forward = tf.function(lambda maps: model(maps, training=False)).get_concrete_function(maps)
    step = tf.function(lambda maps: _gradients(model, maps)).get_concrete_function(maps)
    run = forward if spec["mode"] == "inference" else step
    run(maps)
    # Matrices only resize here: they are no arithmetic of the block's own.
    facts = {"multiply_adds": multiply_adds(forward, without=("BatchMatMulV2",))}
    return facts, {"measure": lambda calls=1: timed(lambda: _wait(run(maps)), calls=calls)}


def _model(side, width, scales):
    images = tf_keras.Input((side, side, 4 * width))
    model = tf_keras.Model(images, PyramidBlock(width, scales=scales, name="block")(images))
    variables = variables_by_name(model)
    assign(variables, {n: drawn.weight_of_our_lfp(n, v.shape) for n, v in variables.items()})
    return model


def _gradients(model, maps):
    with tf.GradientTape() as tape:
        tape.watch(maps)
        loss = tf.reduce_mean(tf.square(model(maps, training=True)))
    return tape.gradient(loss, [maps, *model.trainable_variables])


def _wait(outputs):
    return tf.nest.flatten(outputs)[0].numpy()


if __name__ == "__main__":
    serve(make)
