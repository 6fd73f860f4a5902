"""The stacked hourglass of pyramid residual modules (`bearpaw/PyraNet models/hg-prm.lua`)."""

import itertools

import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm, norm_arguments
from lfp_tf.layers.gamma_norm import GammaNorm
from lfp_tf.layers.initializers import bias_uniform, branch_aware, fan_in_uniform
from lfp_tf.layers.pyramid_residual import PyramidResidual, Residual

_DEPTH = 4
# Input pixels a cell of the deepest map: sides must be multiples.
MULTIPLE = 64


def hourglass(
    *,
    classes=16,
    stacks=2,
    features=256,
    residuals=1,
    pyramid=True,
    variant="B",
    base_width=9,
    cardinality=4,
    shared_weights=False,
    fractional_pooling="training",
    initializer="branch_aware",
    bn_decay=0.9,
    bn_eps=1e-5,
    bn_unbiased=True,
    bn_synchronized=True,
    bn_frozen=False,
    input_shape=(None, None, 3),
):
    """Hourglasses behind each other, each with heat maps of its own.

    Args:
        classes: joints.
        stacks: hourglasses; published are 1, 2 and 8.
        features: channels of the hourglasses.
        residuals: units at each place.
        pyramid: whether there are pyramid modules; without them is the plain hourglass.
        variant, base_width, cardinality, shared_weights, fractional_pooling: see
            `PyramidResidual`.
        initializer: `branch_aware` or `torch_default`.
        bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen: see `BatchNorm`.
        input_shape: (height, width, 3), multiples of 64; None where any may come.

    Returns:
        A Keras model: pictures [B, H, W, 3] to {"heatmaps_1", "heatmaps_2", ...: [B, H / 4, W / 4,
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
    norm = norm_arguments(bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen)
    module = {
        "variant": variant,
        "base_width": base_width,
        "cardinality": cardinality,
        "shared_weights": shared_weights,
        "fractional_pooling": fractional_pooling,
    }
    builder = _Builder(features, residuals, module if pyramid else None, initializer, norm)
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


class _Builder:
    """What all parts of one network share, and the count of its modules."""

    def __init__(self, features, residuals, module, initializer, norm):
        self.features = features
        self.residuals = residuals
        self.module_arguments = module
        self.initializer = initializer
        self.norm_arguments = norm
        self.salts = itertools.count()

    def stem(self, x):
        """From the picture to a quarter of its size."""
        x = self.norm(self.convolve(x, 64, "stem_conv", kernel=7, stride=2), "stem_bn")
        x = self.module(x, 128, "stem_r1", preact=False)
        x = tf_keras.layers.MaxPool2D(2, name="stem_pool")(x)
        x = self.module(x, 128, "stem_r4")
        return self.module(x, self.features, "stem_r5")

    def hourglass(self, x, depth, stack):
        """One hourglass of some depth; modules turn into plain units where maps are small."""
        up = self.module if depth >= 2 else self.residual
        down = self.module if depth >= 3 else self.residual
        name = f"{stack}_n{depth}"

        def units(y, build, place, **arguments):
            for number in range(1, self.residuals + 1):
                y = build(y, self.features, f"{name}_{place}_{number}", **arguments)
            return y

        above = units(x, up, "up")
        y = tf_keras.layers.MaxPool2D(2, name=f"{name}_pool")(x)
        y = units(y, down, "low1")
        y = self.hourglass(y, depth - 1, stack) if depth > 1 else units(y, down, "low2")
        # The projection on the skip keeps the variance of the sum below from piling up.
        y = units(y, down, "low3", project=True)
        y = tf_keras.layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample")(y)
        return tf_keras.layers.Add(name=f"{name}_add")([above, y])

    def module(self, x, channels, name, **arguments):
        """A pyramid residual module, or a plain unit in the network without pyramids."""
        if self.module_arguments is None:
            return self.residual(x, channels, name, **arguments)
        arguments |= self.module_arguments | {"salt": next(self.salts)}
        return PyramidResidual(
            channels,
            initializer=self.initializer,
            norm=self.norm_arguments,
            name=name,
            **arguments,
        )(x)

    def residual(self, x, channels, name, **arguments):
        """A plain unit."""
        return Residual(
            channels,
            initializer=self.initializer,
            norm=self.norm_arguments,
            name=name,
            **arguments,
        )(x)

    def convolve(self, x, channels, name, *, kernel=1, stride=1):
        """A convolution with bias; `kernel // 2` zeros on every side."""
        fan_in = kernel * kernel * x.shape[-1]
        is_paper = self.initializer == "branch_aware"
        if stride > 1:
            x = tf_keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        return tf_keras.layers.Conv2D(
            channels,
            kernel,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            kernel_initializer=branch_aware() if is_paper else fan_in_uniform(),
            bias_initializer="zeros" if is_paper else bias_uniform(fan_in),
            name=name,
        )(x)

    def norm(self, x, name):
        """Batch norm and ReLU."""
        if self.initializer == "branch_aware":
            layer = BatchNorm(name=name, **self.norm_arguments)
        else:
            layer = GammaNorm("uniform", name=name, **self.norm_arguments)
        return tf_keras.layers.ReLU(name=f"{name}_relu")(layer(x))
