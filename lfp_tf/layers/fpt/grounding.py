"""The grounding transformer: a fine map takes context from a coarser one, top-down."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.fpt.parts import convolution, mixture_table, norm, normalized
from lfp_tf.ops.attention import (
    BLOCK_ENTRIES,
    additive_attention,
    attention,
    mean_attention,
    mixture_shares,
)
from lfp_tf.ops.shapes import height_width
from lfp_tf.ops.valid_cells import clear_invalid, valid_mask
from lfp_tf.ops.window_attention import distance_window_attention
from lfp_tf.options import Grounding, Norm


@tf_keras.utils.register_keras_serializable("lfp_tf")
class GroundingTransformer(tf_keras.layers.Layer):
    """Attention of a fine map's cells over the cells of a coarse map.

    Zhang et al. 2020, section 3.3; dongzhang89/FPT lib/modeling/grounding_trans.py. The result is
    BN(conv1x1(attention)) of the fine map's size, without a residual; its gamma begins at 0.

    Args:
        options: `Grounding`, or its values by name.
        norm: `Norm`, or its values by name; decay 0.9 and epsilon 1e-5 where it leaves them open.
        block_entries: similarities that exist at a time; None makes all at once.
    """

    def __init__(self, options=Grounding(), *, norm=Norm(), block_entries=BLOCK_ENTRIES, **kwargs):
        super().__init__(**kwargs)
        self.options = Grounding.of(options)
        self.norm = Norm.of(norm)
        self.block_entries = block_entries
        self.convolutions, self.norms, self.tables = [], [], []

    def build(self, input_shape: list) -> None:
        """Makes the transforms, the mixture's weights, the last convolution and its norm."""
        options, channels = self.options, input_shape[0][-1]
        inner = options.channels or channels // 2
        self._add("values", channels, inner)
        if options.mode != "gaussian":
            self._add("queries", channels, inner)
            self._add("keys", channels, inner)
        if options.mode == "concatenate":
            self._add("pair", 2 * inner, 1)
        if options.mode == "eud" and options.mixtures > 1:
            self.tables.append(mixture_table(options.mixtures, inner, self.dtype_policy))
        if options.batch_norm:
            self._add("output_conv", inner, channels)
            arguments = {"dtype": self.dtype_policy, "zeros": options.zero_init}
            self.norms.append(norm("output_norm", channels, self.norm, **arguments))
        else:
            draw = {"kernel_initializer": "zeros"} if options.zero_init else {}
            self._add("output", inner, channels, **draw)
        super().build(input_shape)

    def call(
        self,
        inputs: list,
        fine_sizes: tf.Tensor | None = None,
        coarse_sizes: tf.Tensor | None = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Gives [B, H, W, C] of the fine map's size.

        Args:
            inputs: the fine map [B, H, W, C] and the coarse one [B, h, w, C]; sizes may be unknown.
            fine_sizes: int [B, 2], valid rows and columns; the result is zero in other cells.
            coarse_sizes: int [B, 2], valid rows and columns; other cells are no keys. None of
                either counts all.
            training: whether the norm uses the batch.
        """
        run = tf.autograph.experimental.do_not_convert(self._run)
        fine, coarse = inputs
        return run(fine, coarse, fine_sizes, coarse_sizes, training)

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the norm that alone reads it)."""
        return [(self._layers["output_conv"], norm) for norm in self.norms]

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        groups = {name: dataclasses.asdict(getattr(self, name)) for name in ("options", "norm")}
        return super().get_config() | {"block_entries": self.block_entries} | groups

    def _run(self, fine, coarse, fine_sizes, coarse_sizes, training):
        fine, coarse = clear_invalid(fine, fine_sizes), clear_invalid(coarse, coarse_sizes)
        mask = None if coarse_sizes is None else _flat(valid_mask(coarse_sizes, coarse))[..., 0]
        result = self._attended(fine, coarse, mask, coarse_sizes)
        height, width = height_width(fine)
        result = tf.reshape(result, [-1, height, width, result.shape[-1]])
        result = clear_invalid(result, fine_sizes)
        if not self.options.batch_norm:
            return clear_invalid(self._layers["output"](result), fine_sizes)
        result = self._layers["output_conv"](result)
        return clear_invalid(normalized(self.norms[0], result, training), fine_sizes)

    def _attended(self, fine, coarse, mask, coarse_sizes):
        mode, values = self.options.mode, self._layers["values"](coarse)
        options = {"key_mask": mask, "block_entries": self.block_entries}
        if mode == "gaussian":
            return attention(_flat(fine), _flat(coarse), _flat(values), **options)
        queries, keys = self._layers["queries"](fine), self._layers["keys"](coarse)
        flat = [_flat(x) for x in (queries, keys, values)]
        if mode == "dot":
            queries, keys, values = flat
            return mean_attention(queries, keys, values, mask)
        if mode == "embedded":
            return attention(*flat, **options)
        if mode == "concatenate":
            return self._concatenated(flat, **options)
        shares = mixture_shares(self.tables[0].table, flat[1], mask) if self.tables else None
        if not self.options.local:
            return attention(*flat, similarity="euclidean", mixture=shares, **options)
        # Padding is to a window what lies outside of the map: zeros.
        keys, values = (clear_invalid(x, coarse_sizes) for x in (keys, values))
        size = self.options.square_size
        return distance_window_attention(queries, keys, values, size=size, mixture=shares)

    def _concatenated(self, flat, **options):
        """relu(W_f [query; key] + b) by its halves."""
        queries, keys, values = flat
        pair = self._layers["pair"]
        # The layer's own variables would not be cast by its policy here.
        kernel, bias = (tf.cast(v, queries.dtype) for v in (pair.kernel, pair.bias))
        inner = queries.shape[-1]
        query_scores = tf.matmul(queries, kernel[0, 0, :inner][None]) + bias
        key_scores = tf.matmul(keys, kernel[0, 0, inner:][None])
        return additive_attention(query_scores, key_scores, values, **options)

    def _add(self, name, channels, filters, **options):
        layer = convolution(name, channels, filters, dtype=self.dtype_policy, **options)
        self.convolutions.append(layer)

    @property
    def _layers(self):
        return {layer.name: layer for layer in self.convolutions}


def _flat(x):
    """[B, H, W, D] to [B, H * W, D]."""
    height, width = height_width(x)
    return tf.reshape(x, [-1, height * width, x.shape[-1]])
