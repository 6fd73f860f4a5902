"""The pyramid bottleneck: a ResNet's block with a thin branch that works at several sizes."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.gamma_norm import GammaNorm
from lfp_tf.layers.initializers import ContribFanIn, fan_out_truncated
from lfp_tf.ops.interpolation import legacy_matrix, resize, resize_to_all, scaled_size
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import Norm

SCALES = (0.75, 0.875, 1.16, 1.33)
# Epsilon of TF1's fused batch norm, which raises 1e-5 to it.
EPSILON = 1.001e-5
DECAY = 0.9
# Channels of the block over those of its pyramid.
_THINNING = 8


@tf_keras.utils.register_keras_serializable("lfp_tf")
class PyramidBlock(tf_keras.layers.Layer):
    """Bottleneck + pyramid + shortcut (`wanggrun/Learning-Feature-Pyramids resnet_model.py`).

    The pyramid brings the input to width / 8 channels, resizes that to each scale (bilinear of
    TF1), filters each by a 3x3 of its own, brings all back, joins their channels and widens them
    by a 1x1. Stride and dilation are those of the 3x3 convolutions. [B, H, W, C] becomes
    [B, H', W', 4 * width]; H' = ceil(H / stride) with `same`, floor with `floor` padding.

    Args:
        width: channels of the 3x3 convolution.
        stride: 1 or 2.
        dilation: of the 3x3 convolutions, at every scale alike.
        scales: of the pyramid; none gives the plain block.
        use_bias: whether the 3x3 convolutions have biases, as the dilated ones of the original do.
        padding: `same` (TensorFlow's), or `floor` (a row and column behind where the stride is 2;
            the last ones of the shortcut are left out): what the detector does.
        size_precision: `float64` or, in the detector, `float32`: how sizes are computed from
            scales, see `scaled_size`.
        norm: `Norm`, or its values by name.

    Raises:
        ValueError: an unknown padding, a stride on an identity shortcut, a map that has no pixel
            at the smallest scale.
    """

    def __init__(
        self,
        width,
        *,
        stride=1,
        dilation=1,
        scales=SCALES,
        use_bias=False,
        padding="same",
        size_precision="float64",
        norm=Norm(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if padding not in ("same", "floor"):
            raise ValueError(f'padding is "{padding}", but must be "same" or "floor".')
        if size_precision not in ("float64", "float32"):
            raise ValueError(
                f'size_precision is "{size_precision}", but must be "float64" or "float32".'
            )
        self.width = width
        self.stride = stride
        self.dilation = dilation
        self.scales = tuple(scales)
        self.use_bias = use_bias
        self.padding = padding
        self.size_precision = size_precision
        self.norm = Norm.of(norm).or_else(decay=DECAY, epsilon=EPSILON)
        self.convolutions, self.norms = [], []

    def build(self, input_shape: tuple) -> None:
        """Makes the convolutions and norms: main branch, pyramid, projection."""
        channels, width = input_shape[-1], self.width
        thin = max(1, width // _THINNING)
        self._add("conv1", "bn1", channels, width)
        self._add("conv2", "bn2", width, width, kernel=3)
        self._add("conv3", "bn3", width, 4 * width, gamma="zeros")
        if self.scales:
            self._add("reduce", "reduce_bn", channels, thin)
            for number in range(1, len(self.scales) + 1):
                self._add(f"scale{number}", f"scale{number}_bn", thin, thin, kernel=3)
            joined = thin * len(self.scales)
            self._add("merge", "merge_bn", joined, 4 * width, gamma="zeros")
        if channels != 4 * width:
            self._add("projection", "projection_bn", channels, 4 * width, strided=True)
        elif self.stride != 1:
            raise ValueError(
                f"A block of stride {self.stride} must change the channels, but both are "
                f"{channels}; give another width."
            )
        super().build(input_shape)

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the norm that alone reads it)."""
        return list(zip(self.convolutions, self.norms, strict=True))

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The block's output after its ReLU; H and W may be unknown."""
        # Nothing in it needs AutoGraph, which would take most of the time to build a network.
        return tf.autograph.experimental.do_not_convert(self._run)(inputs, training)

    def check_size(self, height: int | None, width: int | None) -> None:
        """Refuses maps of which a scale leaves nothing; None is a side that is not known.

        Raises:
            ValueError: as it says.
        """
        least = 2 if self._is_padded else 1
        for side in (height, width):
            for scale in self.scales if side is not None else ():
                if scaled_size(side, scale, precision=self.size_precision) < least:
                    raise ValueError(
                        f"A map of {height} x {width} is too small for the pyramid block's scale "
                        f"{scale}; give a larger image (at least 33 pixels at stride 32)."
                    )

    def _run(self, inputs, training):
        main = self._unit("conv1", "bn1", inputs, training)
        main = self._unit("conv2", "bn2", main, training)
        main = self._unit("conv3", "bn3", main, training, relu=False)
        if self.scales:
            main += self._pyramid(inputs, height_width(main), training)
        if "projection" in self._units:
            cut = inputs[:, :-1, :-1] if self._is_padded else inputs
            inputs = self._unit("projection", "projection_bn", cut, training, relu=False)
        return tf.nn.relu(main + inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("width", "stride", "dilation", "scales", "use_bias", "padding")
        values = {name: getattr(self, name) for name in (*names, "size_precision")}
        return super().get_config() | values | {"norm": dataclasses.asdict(self.norm)}

    @property
    def _is_padded(self):
        return self.padding == "floor" and self.stride > 1

    @property
    def _units(self):
        return {layer.name: layer for layer in (*self.convolutions, *self.norms)}

    def _add(self, name, norm_name, channels, filters, *, kernel=1, strided=False, gamma=None):
        """Makes a convolution and its norm; the 3x3 ones and the projection have the stride."""
        is_wide = kernel == 3
        has_stride = strided or is_wide
        is_dilated = is_wide and self.dilation > 1
        convolution = Conv2D(
            filters,
            kernel,
            strides=self.stride if has_stride else 1,
            dilation_rate=self.dilation if is_wide else 1,
            padding="valid" if has_stride and self._is_padded else "same",
            use_bias=self.use_bias and is_wide,
            # The original's dilated convolution is a function of its own with another rule.
            kernel_initializer=ContribFanIn() if is_dilated else fan_out_truncated(),
            name=name,
            dtype=self.dtype_policy,
        )
        arguments = self.norm.arguments() | {"name": norm_name, "dtype": self.dtype_policy}
        norm = GammaNorm(gamma, **arguments) if gamma else BatchNorm(**arguments)
        for layer, count in ((convolution, channels), (norm, filters)):
            with tf.name_scope(layer.name):
                layer.build([None, None, None, count])
        self.convolutions.append(convolution)
        self.norms.append(norm)

    def _unit(self, name, norm_name, x, training, *, relu=True):
        """Convolution, norm and ReLU."""
        convolution = self._units[name]
        if self._is_padded and convolution.kernel_size[0] == 3:
            x = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]])
        x = self._units[norm_name](convolution(x), training=training)
        return tf.nn.relu(x) if relu else x

    def _pyramid(self, inputs, size, training):
        thin = self._unit("reduce", "reduce_bn", inputs, training)
        self.check_size(*inputs.shape[1:3])
        sides = height_width(inputs)
        sizes = [
            [scaled_size(side, scale, precision=self.size_precision) for side in sides]
            for scale in self.scales
        ]
        if not all(isinstance(side, int) for side in sides):
            least = tf.reduce_min(tf.stack([side for size in sizes for side in size]))
            message = "The image is too small for the pyramid blocks: a scale leaves no pixel."
            tf.debugging.assert_greater_equal(least, 1 + self._is_padded, message=message)
        branches = []
        for number, branch in enumerate(resize_to_all(thin, sizes, legacy_matrix), start=1):
            branch = self._unit(f"scale{number}", f"scale{number}_bn", branch, training)
            branches.append(resize(branch, size, legacy_matrix))
        return self._unit("merge", "merge_bn", tf.concat(branches, -1), training, relu=False)
