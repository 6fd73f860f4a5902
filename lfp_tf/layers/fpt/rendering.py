"""The rendering transformer: a coarse map takes detail from a finer one, bottom-up."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.fpt.parts import convolution, norm, normalized, strided_convolution
from lfp_tf.ops.valid_cells import clear_invalid, mean_of_valid
from lfp_tf.options import Norm

VARIANTS = ("paper", "released")


@tf_keras.utils.register_keras_serializable("lfp_tf")
class RenderingTransformer(tf_keras.layers.Layer):
    """Weighs a coarse map's channels by a fine map's means and adds the fine map, strided.

    With Q the coarse map, V the fine one and g the mean of V over the map:

    - `paper` (Zhang et al. 2020, section 3.4): ReLU(BN(conv3x3(BN(conv3x3(Q g)) + V'))), V' the
      strided BN(conv3x3(V)); channels of both maps are the same.
    - `released` (dongzhang89/FPT lib/modeling/rendering_trans.py): ReLU(BN(conv3x3(Q)) w + V'),
      w = ReLU(BN(conv1x1(g))). The original's stride is 2 whatever the distance of the maps.

    No convolution has a bias. The result has the coarse map's size and channels.

    Args:
        variant: `paper` or `released`.
        stride: fine cells for one coarse cell: 1, 2, 4, ...; zeros stand around the map.
        norm: `Norm`, or its values by name; decay 0.9 and epsilon 1e-5 where it leaves them open.
            Where a channel has one value in all, training takes the running values.
    """

    def __init__(self, variant="paper", *, stride=2, norm=Norm(), **kwargs):
        super().__init__(**kwargs)
        if variant not in VARIANTS:
            raise ValueError(f'variant is "{variant}", but must be one of {", ".join(VARIANTS)}.')
        self.variant = variant
        self.stride = stride
        self.norm = Norm.of(norm)
        self.convolutions, self.norms = [], []

    def build(self, input_shape: list) -> None:
        """Makes the convolutions and their norms."""
        coarse, fine = (shape[-1] for shape in input_shape)
        if self.variant == "paper" and coarse != fine:
            raise ValueError(f"The maps have {coarse} and {fine} channels, but need the same.")
        self._add("coarse", coarse, coarse, kernel=3)
        self._add("fine", fine, coarse, kernel=3, strides=self.stride, padding="valid")
        if self.variant == "paper":
            self._add("output", coarse, coarse, kernel=3)
        else:
            self._add("gate", fine, coarse)
        super().build(input_shape)

    def call(
        self,
        inputs: list,
        coarse_sizes: tf.Tensor | None = None,
        fine_sizes: tf.Tensor | None = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Gives [B, h, w, C] of the coarse map's size.

        Args:
            inputs: the coarse map [B, h, w, C] and the fine one [B, H, W, D]; sizes may be unknown,
                h = ceil(H / stride), w alike.
            coarse_sizes: int [B, 2], valid rows and columns; the result is zero in other cells.
            fine_sizes: int [B, 2], valid rows and columns; other cells count in no mean and are
                zeros to convolutions. None of either counts all.
            training: whether norms use the batch.

        Raises:
            ValueError: sizes that do not fit.
        """
        run = tf.autograph.experimental.do_not_convert(self._run)
        return run(*inputs, coarse_sizes, fine_sizes, training)

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the norm that alone reads it)."""
        return list(zip(self.convolutions, self.norms, strict=True))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        values = {"variant": self.variant, "stride": self.stride}
        return super().get_config() | values | {"norm": dataclasses.asdict(self.norm)}

    def _run(self, coarse, fine, coarse_sizes, fine_sizes, training):
        self._check_sides(coarse.shape, fine.shape)
        coarse, fine = clear_invalid(coarse, coarse_sizes), clear_invalid(fine, fine_sizes)
        means = mean_of_valid(fine, fine_sizes)
        strided = self._unit("fine", fine, training)
        if self.variant == "paper":
            result = self._unit("coarse", coarse * means, training) + strided
            result = self._unit("output", clear_invalid(result, coarse_sizes), training)
        else:
            gate = tf.nn.relu(self._unit("gate", means, training))
            result = self._unit("coarse", coarse, training) * gate + strided
        return clear_invalid(tf.nn.relu(result), coarse_sizes)

    def _check_sides(self, coarse, fine):
        for small, large in zip(coarse[1:3], fine[1:3], strict=True):
            if small is None or large is None:
                continue
            if small != -(-large // self.stride):
                raise ValueError(
                    f"A map of {fine[1]} x {fine[2]} at stride {self.stride} does not become one "
                    f"of {coarse[1]} x {coarse[2]}."
                )

    def _unit(self, name, x, training):
        layers = {layer.name: layer for layer in (*self.convolutions, *self.norms)}
        convolve = layers[f"{name}_conv"]
        x = strided_convolution(convolve, x) if convolve.padding == "valid" else convolve(x)
        return normalized(layers[f"{name}_norm"], x, training)

    def _add(self, name, channels, filters, **options):
        options |= {"use_bias": False, "dtype": self.dtype_policy}
        self.convolutions.append(convolution(f"{name}_conv", channels, filters, **options))
        self.norms.append(norm(f"{name}_norm", filters, self.norm, dtype=self.dtype_policy))
