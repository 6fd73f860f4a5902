"""The stacked hourglass of pyramid residual modules (`bearpaw/PyraNet models/hg-prm.lua`)."""

import tf_keras

from lfp_tf.layers.hourglass import Hourglass
from lfp_tf.options import Norm, PyramidModule

_DEPTH = 4
# Input pixels a cell of the deepest map: sides must be multiples.
MULTIPLE = 64


def hourglass(
    *,
    classes: int = 16,
    stacks: int = 2,
    features: int = 256,
    residuals: int = 1,
    module: PyramidModule = PyramidModule(),
    initializer: str = "branch_aware",
    norm: Norm = Norm(),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """Hourglasses behind each other, each with heat maps of its own.

    Args:
        classes: joints.
        stacks: hourglasses; published are 1, 2 and 8.
        features: channels of the hourglasses.
        residuals: units at each place.
        module: `PyramidModule`.
        initializer: `branch_aware` or `torch_default`.
        norm: `Norm`; by itself decay 0.9 and epsilon 1e-5.
        input_shape: (height, width, 3), multiples of 64; None where any may come.

    Returns:
        A Keras model: images [B, H, W, 3] to {"heatmaps_1", "heatmaps_2", ...: [B, H / 4, W / 4,
        classes]}, raw, float32; the last one counts.

    Raises:
        ValueError: an option outside its choices, a side that is no multiple of 64.
    """
    for side in input_shape[:2]:
        if side is not None and (side < MULTIPLE or side % MULTIPLE):
            raise ValueError(
                f"input_shape is {tuple(input_shape)}, but both sides must be multiples of 64."
            )
    if stacks < 1 or residuals < 1:
        raise ValueError("stacks and residuals must be at least 1.")
    builder = Hourglass(features, residuals, module, initializer, norm)
    images = tf_keras.Input(input_shape, name="images")
    x, outputs = builder.stem(images), {}
    for stack in range(1, stacks + 1):
        name = f"stack{stack}"
        y = builder.hourglass(x, _DEPTH, name)
        y = builder.norm(y, f"{name}_bn")
        y = builder.norm(builder.convolve(y, features, f"{name}_lin_conv"), f"{name}_lin_bn")
        heatmaps = builder.convolve(y, classes, f"{name}_out")
        key = f"heatmaps_{stack}"
        outputs[key] = tf_keras.layers.Activation("linear", dtype="float32", name=key)(heatmaps)
        if stack < stacks:
            y = builder.convolve(y, features, f"{name}_merge_features")
            heatmaps = builder.convolve(heatmaps, features, f"{name}_merge_heatmaps")
            x = tf_keras.layers.Add(name=f"{name}_add")([x, y, heatmaps])
    return tf_keras.Model(images, outputs, name="hourglass")
