"""The residual units of the stacked hourglass: the plain one and the pyramid residual module.

Both follow `bearpaw/PyraNet models/layers/{Residual,PRM}.lua`: batch norm and ReLU stand before
each convolution, which have biases.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import norm_layer
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.dropout import current_keys
from lfp_tf.layers.gamma_norm import GammaNorm
from lfp_tf.layers.initializers import bias_uniform, branch_aware, fan_in_uniform
from lfp_tf.ops.convolution import convolution
from lfp_tf.ops.fractional_pooling import pick_windows, sliding_max
from lfp_tf.ops.interpolation import aligned_matrix, fractional_sizes, resize
from lfp_tf.ops.randomness import uniforms
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import PYRAMID_INITIALIZERS, Norm, PyramidModule

# Draws of the data's augmentation have lower numbers under the same keys.
_FIRST_SALT = 1 << 20
_GIVEN = threading.local()
# Nothing here needs AutoGraph, which would take most of the time to build a network.
_unconverted = tf.autograph.experimental.do_not_convert


@contextlib.contextmanager
def given_samples(samples: dict[str, list]) -> Iterator[None]:
    """Inside the block, modules pool with these samples instead of drawing any.

    Args:
        samples: {name of the layer: list of [B, D, 2] in [0, 1), one per level, for the width and
            for the height}; a layer without an entry does as it would.
    """
    before = getattr(_GIVEN, "samples", {})
    _GIVEN.samples = samples
    try:
        yield
    finally:
        _GIVEN.samples = before


def _norm_behind(name):
    """The norm right behind a convolution, by name; None where others are added in between."""
    if name == "conv2":
        return "bn3"
    return name.replace("conv1", "bn2") if "conv1" in name else None


def drawn_norm(
    norm: Norm, initializer: str, *, name: str, dtype: Any = None
) -> tf_keras.layers.Layer:
    """The norm that a `Norm` says; a batch norm's gamma is drawn as torch does where asked."""
    if norm.kind == "batch" and initializer == "torch_default":
        return GammaNorm("uniform", name=name, dtype=dtype, **norm.arguments())
    return norm_layer(norm, name=name, dtype=dtype)


class _PreactUnit(tf_keras.layers.Layer):
    """What both units share: convolutions behind norms, and the skip."""

    def __init__(
        self,
        channels,
        *,
        preact=True,
        project=False,
        initializer="branch_aware",
        norm=Norm(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if initializer not in PYRAMID_INITIALIZERS:
            raise ValueError(
                f'initializer is "{initializer}", but must be one of '
                f"{', '.join(PYRAMID_INITIALIZERS)}."
            )
        self.channels = channels
        self.preact = preact
        self.project = project
        self.initializer = initializer
        self.norm = Norm.of(norm)
        self.convolutions, self.norms = [], []

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("channels", "preact", "project", "initializer")
        values = {name: getattr(self, name) for name in names}
        return super().get_config() | values | {"norm": dataclasses.asdict(self.norm)}

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the batch norm that alone reads it); most stand behind sums."""
        if self.norm.kind == "group":
            return []
        norms = {layer.name: layer for layer in self.norms}
        pairs = [(layer, _norm_behind(layer.name)) for layer in self.convolutions]
        return [(layer, norms[name]) for layer, name in pairs if name]

    def _add_convolution(self, name, before, filters, kernel=1, *, dilation=1, branches=(1, 1)):
        """Makes a convolution from `before` channels; `branches` in and out are those it serves."""
        if self.initializer == "branch_aware":
            draws = {"kernel_initializer": branch_aware(*branches)}
        else:
            draws = {
                "kernel_initializer": fan_in_uniform(),
                "bias_initializer": bias_uniform(kernel * kernel * before),
            }
        layer = Conv2D(
            filters,
            kernel,
            dilation_rate=dilation,
            padding="same",
            name=name,
            dtype=self.dtype_policy,
            **draws,
        )
        with tf.name_scope(name):
            layer.build([None, None, None, before])
        self.convolutions.append(layer)

    def _add_norm(self, name, channels):
        layer = drawn_norm(self.norm, self.initializer, name=name, dtype=self.dtype_policy)
        with tf.name_scope(name):
            layer.build([None, None, None, channels])
        self.norms.append(layer)

    def _add_skip(self, channels):
        """The projection, where the channels change or `project` asks for it."""
        if self.project or channels != self.channels:
            self._add_norm("skip_bn", channels)
            self._add_convolution("skip_conv", channels, self.channels)

    def _through(self, x, names, training):
        """Passes x through layers by name: norms with a ReLU behind; unknown names are left out."""
        norms = {layer.name: layer for layer in self.norms}
        convolutions = {layer.name: layer for layer in self.convolutions}
        for name in names:
            if name in norms:
                x = tf.nn.relu(norms[name](x, training=training))
            elif name in convolutions:
                x = convolutions[name](x)
        return x


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Residual(_PreactUnit):
    """The bottleneck of the hourglass: 1x1 to half the channels, 3x3, 1x1, and the skip.

    Args:
        channels: channels out, even.
        preact: whether a norm and a ReLU stand before the first convolution.
        project: whether the skip is norm, ReLU and a 1x1 though the channels stay.
        initializer: `branch_aware` or `torch_default`.
        norm: `Norm`, or its values by name.
    """

    def build(self, input_shape: tuple) -> None:
        """Makes the layers `bn1`, `conv1`, ... `conv3` and the skip's."""
        before, half = input_shape[-1], self.channels // 2
        if self.preact:
            self._add_norm("bn1", before)
        self._add_convolution("conv1", before, half)
        self._add_norm("bn2", half)
        self._add_convolution("conv2", half, half, 3)
        self._add_norm("bn3", half)
        self._add_convolution("conv3", half, self.channels)
        self._add_skip(before)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """[B, H, W, C] to [B, H, W, channels]."""
        return _unconverted(self._run)(inputs, training)

    def _run(self, inputs, training):
        body = ("bn1", "conv1", "bn2", "conv2", "bn3", "conv3")
        skip = self._through(inputs, ("skip_bn", "skip_conv"), training)
        return self._through(inputs, body, training) + skip


@tf_keras.utils.register_keras_serializable("lfp_tf")
class PyramidResidual(_PreactUnit):
    """The pyramid residual module (Yang et al. 2017), laid out as in the released code.

    Main branch: 1x1 to half the channels, 3x3. Pyramid: 1x1 to D = channels // base_width, then at
    each of `cardinality` levels fractional max-pooling by 2^(i / cardinality), a 3x3 and bilinear
    back (corners aligned), added up, 1x1 to half the channels. Both are added, 1x1 to `channels`,
    and the skip.

    Args:
        channels: channels out, even.
        variant: `B`, the released one; `A`: a 1x1 of its own a level; `C`: levels joined, not
            added; `D`: 3x3 dilated by i in place of the resampling.
        base_width: the published 9; `cardinality`: the published 4 (the code's defaults, 6 and 30,
            were used for nothing).
        preact, project: as in `Residual`.
        shared_weights: whether all levels have one 3x3 kernel and bias.
        fractional_pooling: when windows are drawn: in `training`, `random`: in evaluation too (as
            the original), `fixed`: never. Where they are not, u is 0.5. Under
            `dropout.sample_keys` a sample's draw depends on its key and `salt` only.
        salt: tells apart two modules of one network.
        initializer: `branch_aware` or `torch_default`.
        norm: `Norm`, or its values by name.

    Raises:
        ValueError: a word outside its choices, fewer channels than `base_width`, a map too small
            for its levels.
    """

    def __init__(
        self,
        channels,
        *,
        variant="B",
        base_width=9,
        cardinality=4,
        shared_weights=False,
        fractional_pooling="training",
        salt=0,
        **kwargs,
    ):
        super().__init__(channels, **kwargs)
        # Refuses what is outside its choices.
        PyramidModule(variant=variant, fractional_pooling=fractional_pooling)
        if not 1 <= base_width <= channels:
            raise ValueError(f"base_width is {base_width}, but must be 1 to {channels}, the width.")
        if cardinality < 1:
            raise ValueError(f"cardinality is {cardinality}, but must be at least 1.")
        self.variant = variant
        self.base_width = base_width
        self.cardinality = cardinality
        self.shared_weights = shared_weights
        self.fractional_pooling = fractional_pooling
        self.salt = salt

    def build(self, input_shape: tuple) -> None:
        """Makes the layers `main_*`, `pyr_*`, `join_*` and the skip's."""
        before, half, levels = input_shape[-1], self.channels // 2, self.cardinality
        thin = self.channels // self.base_width
        if self.preact:
            self._add_norm("main_bn1", before)
            self._add_norm("pyr_bn1", before)
        self._add_convolution("main_conv1", before, half)
        self._add_norm("main_bn2", half)
        self._add_convolution("main_conv2", half, half, 3)
        for suffix in self._suffixes():
            shared = levels if len(self._suffixes()) == 1 else 1
            self._add_convolution(f"pyr_conv1{suffix}", before, thin, branches=(1, shared))
            self._add_norm(f"pyr_bn2{suffix}", thin)
        for level in range(1, 2 if self.shared_weights else levels + 1):
            dilation = level if self.variant == "D" else 1
            self._add_convolution(f"pyr_scale{level}", thin, thin, 3, dilation=dilation)
        is_joined = self.variant == "C"
        width, summed = (thin * levels, 1) if is_joined else (thin, levels)
        self._add_norm("pyr_bn3", width)
        self._add_convolution("pyr_conv2", width, half, branches=(summed, 1))
        self._add_norm("join_bn", half)
        self._add_convolution("join_conv", half, self.channels)
        self._add_skip(before)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """[B, H, W, C] to [B, H, W, channels]; H and W may be unknown."""
        return _unconverted(self._run)(inputs, training)

    def _run(self, inputs, training):
        main = ("main_bn1", "main_conv1", "main_bn2", "main_conv2")
        pyramid = self._through(self._levels(inputs, training), ("pyr_bn3", "pyr_conv2"), training)
        joined = self._through(inputs, main, training) + pyramid
        skip = self._through(inputs, ("skip_bn", "skip_conv"), training)
        return self._through(joined, ("join_bn", "join_conv"), training) + skip

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("variant", "base_width", "cardinality", "shared_weights")
        names += ("fractional_pooling", "salt")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _suffixes(self):
        """Of the reductions: one per level in variant A, else one for all."""
        levels = range(1, self.cardinality + 1)
        return [f"_{level}" for level in levels] if self.variant == "A" else [""]

    def _levels(self, inputs, training):
        """What all levels make of the input, added up or joined."""
        x = self._through(inputs, ("pyr_bn1",), training)
        thin = [
            self._through(x, (f"pyr_conv1{suffix}", f"pyr_bn2{suffix}"), training)
            for suffix in self._suffixes()
        ]
        if self.variant == "D":
            maps = [self._convolve(level, thin[0]) for level in range(self.cardinality)]
        else:
            maps = self._resampled(thin, height_width(inputs), training)
        return tf.concat(maps, axis=-1) if self.variant == "C" else tf.add_n(maps)

    def _resampled(self, thin, size, training):
        """Each level pooled, filtered and brought back; levels of one map share its maxima."""
        windows = [sliding_max(x) for x in thin]
        windows *= self.cardinality if len(windows) == 1 else 1
        sizes = [fractional_sizes(side, self.cardinality) for side in size]
        samples = self._samples(thin[0], training)
        maps = []
        for level, levels_size in enumerate(zip(*sizes, strict=True)):
            pooled = pick_windows(windows[level], levels_size, samples[level])
            maps.append(resize(self._convolve(level, pooled), size, aligned_matrix))
        return maps

    def _convolve(self, level, x):
        """The 3x3 of a level, counted from 0."""
        if not self.shared_weights:
            return self._through(x, (f"pyr_scale{level + 1}",), None)
        layer = next(one for one in self.convolutions if one.name == "pyr_scale1")
        dilation = level + 1 if self.variant == "D" else 1
        y = convolution(x, tf.cast(layer.kernel, x.dtype), dilation=dilation)
        return tf.nn.bias_add(y, tf.cast(layer.bias, x.dtype))

    def _samples(self, thin, training):
        """[B, D, 2] for each level, or None where 0.5 is taken for all."""
        given = getattr(_GIVEN, "samples", {}).get(self.name)
        if given is not None:
            return given
        is_drawn = training if self.fractional_pooling == "training" else True
        if self.fractional_pooling == "fixed" or not is_drawn:
            return [None] * self.cardinality
        shape = [-1, self.cardinality, thin.shape[-1], 2]
        count = self.cardinality * thin.shape[-1] * 2
        keys = current_keys()
        if keys is None:
            drawn = tf.random.uniform([tf.shape(thin)[0], count])
        else:
            drawn = tf.map_fn(
                lambda key: uniforms(key, count, salt=_FIRST_SALT + self.salt),
                keys,
                fn_output_signature=tf.TensorSpec([count], tf.float64),
            )
        return tf.unstack(tf.reshape(tf.cast(drawn, tf.float32), shape), axis=1)
