"""Convolution in the form that is quickest where it runs and can be trained there."""

import functools
import math

import numpy as np
import tensorflow as tf

# What follows was measured with `python -m benchmarks convolution`, see docs/performance.md.
# Without whole blocks of channels oneDNN takes up to three times as long for dilated bfloat16.
BLOCK = 32
# From and to that many channels oneDNN is quicker slice by slice, which stay in its cache.
WIDE, SLICE = (2048, 128), 512
# Of fewer channels oneDNN's gradient of a strided 1x1 kernel writes beyond its memory, so that
# the process dies, or a later result is wrong (TensorFlow 2.20).
LEAST_STRIDED = 16
# Convolutions that one of many groups becomes: between 8 and 16 neither zeros nor calls cost much.
_GROUPED_PARTS = 8


def convolution(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    stride: int | tuple = 1,
    padding: str = "same",
    dilation: int | tuple = 1,
) -> tf.Tensor:
    """A convolution of any stride and dilation.

    What differs from `tf.nn.convolution` is time alone:

    - That takes a dilated one apart into images of every n-th pixel, and back, which takes up
      to four times as long and keeps what follows from being fused. Here it is one operation,
      unless TensorFlow's own CPU kernels are at work, which have no gradient for it.
    - With oneDNN a kernel wider than one pixel over many channels is taken in slices of these.
    - A strided kernel of one pixel over few channels reads every n-th pixel first.

    Args:
        x: [B, H, W, C].
        kernel: [h, w, C, D] of the same type.
        stride, dilation: a number, or one for rows and one for columns.
        padding: `same` or `valid`.

    Returns:
        [B, H', W', D].
    """
    if np.max(stride) > 1 and kernel.shape[:2] == (1, 1) and kernel.shape[2] < LEAST_STRIDED:
        down, right = np.broadcast_to(stride, 2).tolist()
        x, stride = x[:, ::down, ::right], 1
    options = {"strides": stride, "padding": padding.upper(), "dilations": dilation}
    is_dilated, channels = np.max(dilation) > 1, kernel.shape[-1]
    if is_dilated and kernels() == "eigen":
        return tf.nn.convolution(x, kernel, **options)
    added = -channels % BLOCK if is_dilated else 0
    if added:
        kernel = tf.pad(kernel, [[0, 0], [0, 0], [0, 0], [0, added]])
    is_wide = np.all(kernel.shape[2:] >= np.array(WIDE)) and max(kernel.shape[:2]) > 1
    form = _in_slices if is_wide and kernels() == "onednn" else tf.nn.conv2d
    y = form(x, kernel, **options)
    return y[..., :channels] if added else y


def grouped_convolution(
    x: tf.Tensor,
    kernel: tf.Tensor,
    *,
    groups: int,
    stride: int | tuple = 1,
    padding: str = "same",
    dilation: int | tuple = 1,
) -> tf.Tensor:
    """A convolution of each group of channels apart, as a few of several groups at a time.

    Between the groups of one convolution the kernel is zero. TensorFlow's own CPU kernels know no
    groups, and XLA, which Keras turns to, takes 8 s for the gradient of one layer of a ResNeXt of
    480 x 320 pixels that takes 0.06 s so.

    Args:
        x: [B, H, W, C].
        kernel: [h, w, C / groups, D] of the same type; the D results are in the groups' order.
        groups: a divisor of C and of D.
        stride, padding, dilation: as of `convolution`.

    Returns:
        [B, H', W', D].
    """
    parts = math.gcd(groups, _GROUPED_PARTS)
    together = groups // parts
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    pairs = zip(tf.split(x, parts, axis=3), tf.split(kernel, parts, axis=3), strict=True)
    results = [convolution(part, _block_diagonal(k, together), **options) for part, k in pairs]
    return tf.concat(results, axis=3)


def _block_diagonal(kernel, groups):
    """[h, w, c, groups * d] as [h, w, groups * c, groups * d] with zeros between the groups."""
    height, width, channels, results = kernel.shape
    blocks = tf.reshape(kernel, [height, width, 1, channels, groups, results // groups])
    own = tf.reshape(tf.eye(groups, dtype=kernel.dtype), [1, 1, groups, 1, groups, 1])
    return tf.reshape(blocks * own, [height, width, groups * channels, results])


@functools.cache
def kernels() -> str:
    """Whose kernels convolve: `gpu`, `onednn`, or `eigen` for TensorFlow's own on a CPU."""
    if tf.config.get_visible_devices("GPU"):
        return "gpu"
    try:
        with tf.init_scope(), tf.device("CPU"):
            tf.raw_ops.Conv2DBackpropFilter(
                input=tf.zeros([1, 5, 5, 1]),
                filter_sizes=[3, 3, 1, 1],
                out_backprop=tf.zeros([1, 5, 5, 1]),
                strides=[1, 1, 1, 1],
                padding="SAME",
                dilations=[1, 2, 2, 1],
            )
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        return "eigen"
    return "onednn"


def _in_slices(x, kernel, **options):
    def sliced(x, kernel):
        count = kernel.shape[2]
        sizes = [min(SLICE, count - begin) for begin in range(0, count, SLICE)]
        slices = zip(tf.split(x, sizes, axis=3), tf.split(kernel, sizes, axis=2), strict=True)
        return tf.add_n([tf.nn.conv2d(*one, **options) for one in slices])

    @tf.custom_gradient
    def sliced_in_training(x, kernel):
        def gradient(upstream):
            with tf.GradientTape() as tape:
                tape.watch((x, kernel))
                y = sliced(x, kernel)
            return tape.gradient(y, (x, kernel), upstream)

        return tf.nn.conv2d(x, kernel, **options), gradient

    # Sums of slices would be rounded to bfloat16 on the way.
    optimizer = tf.config.optimizer.get_experimental_options()
    is_cast = optimizer.get("auto_mixed_precision_onednn_bfloat16", False)
    if x.dtype == tf.float32 and not is_cast:
        return sliced(x, kernel)
    return sliced_in_training(x, tf.convert_to_tensor(kernel))
