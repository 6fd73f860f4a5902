"""The programs of the segment benchmark: `lfp_tf.segment`, or the network that it calls alone.

Spec: kind (`segment`, `network`), experiment, size of the image, width of the network or None.
"""

import numpy as np
import tensorflow as tf

import lfp_tf
from benchmarks.rivals import serve, timed
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.segmentation.prediction import protocol_of


def make(spec):
    """The facts and commands of `serve`."""
    changes = {"task": {"model": {"width": spec["width"]}}} if spec["width"] else None
    model = lfp_tf.build(spec["experiment"], changes=changes)
    image = np.random.default_rng(0).integers(0, 256, (*spec["size"], 3), np.uint8)
    call = {"segment": _segment, "network": _network}[spec["kind"]](model, image)
    call()
    return {"kind": spec["kind"]}, {"measure": lambda calls=1: timed(call, calls=calls)}


def _segment(model, image):
    # One pass, as the network alone does, whatever the experiment is scored with.
    protocol = protocol_of(model.recipe, name="whole", flip="none")
    return lambda: lfp_tf.segment(model, image, protocol=protocol)


def _network(model, image):
    inputs = preprocess(image[None], model.recipe.preprocess)
    signature = [tf.TensorSpec(inputs.shape, tf.float32)]
    network = tf.function(
        lambda images: model(images, training=False)["logits"],
        input_signature=signature,
        autograph=False,
    )
    return lambda: network(inputs).numpy()


if __name__ == "__main__":
    serve(make)
