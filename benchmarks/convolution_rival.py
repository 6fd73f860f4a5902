"""The program of the convolution benchmark: one convolution, forward or its gradients.

Spec: shape (pixels a side, channels in and out, dilation), dtype, otherwise: what of
`ops.convolution` is taken away (`WIDE`: slices, `BLOCK`: zeros, `kernels`: both and dilation as
one operation) or nothing.
"""

import tensorflow as tf

from benchmarks import drawn
from benchmarks.rivals import serve, timed
from lfp_tf.ops import convolution

_OTHERWISE = {"WIDE": (1 << 30, 0), "BLOCK": 1, "kernels": lambda: "eigen"}
_SAMPLES = 200


def make(spec):
    """The facts and commands of `serve`."""
    if spec["otherwise"]:
        setattr(convolution, spec["otherwise"], _OTHERWISE[spec["otherwise"]])
    side, channels, outputs, dilation = spec["shape"]
    maps = tf.cast(drawn.maps((1, side, side, channels)), spec["dtype"])
    kernel = tf.cast(drawn.maps((3, 3, channels, outputs)), spec["dtype"])
    upstream = tf.cast(drawn.maps((1, side, side, outputs)), spec["dtype"])

    @tf.function
    def inference():
        return [convolution.convolution(maps, kernel, dilation=dilation)]

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch((maps, kernel))
            y = convolution.convolution(maps, kernel, dilation=dilation)
        return tape.gradient(y, (maps, kernel), upstream)

    parts = {"inference": inference, "gradients": gradients}
    first = tf.reshape(tf.cast(inference()[0], tf.float32), [-1]).numpy()
    facts = {"samples": first[:: max(1, first.size // _SAMPLES)].tolist()}
    return facts, {
        "measure": lambda part, calls=1: timed(lambda: parts[part]()[-1].numpy(), calls=calls)
    }


if __name__ == "__main__":
    serve(make)
