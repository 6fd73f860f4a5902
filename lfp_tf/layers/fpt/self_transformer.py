"""The self transformer: a map takes context from itself (Feature Pyramid Transformer)."""

import dataclasses
import math
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.dropout import current_keys
from lfp_tf.layers.fpt.parts import convolution, mixture_table, norm, normalized
from lfp_tf.ops.attention import BLOCK_ENTRIES, Dropout, attention, mixture_shares
from lfp_tf.ops.pooling import halving_average_pool
from lfp_tf.ops.shapes import height_width
from lfp_tf.ops.valid_cells import cells_at_stride, clear_invalid, valid_mask
from lfp_tf.options import Norm, SelfAttention

# Keys of two heads of one sample are this far apart.
_HEAD = 1 << 20


@tf_keras.utils.register_keras_serializable("lfp_tf")
class SelfTransformer(tf_keras.layers.Layer):
    """Attention of a map over itself, with a mixture of softmaxes.

    Zhang et al. 2020, section 3.2; dongzhang89/FPT lib/modeling/self_trans.py. The result is
    BN(conv1x1(attention)) + x: [B, H, W, C], or [B, H, W, 2 C] with `concat`, the input behind.
    Differences: any size of map (the original's pooled length fails where a side is odd), and
    blocks of queries, so that the matrix of similarities is never whole.

    Args:
        options: `SelfAttention`, or its values by name.
        norm: `Norm`, or its values by name; decay 0.9 and epsilon 1e-5 where it leaves them open.
        block_entries: similarities that exist at a time; None makes all at once.
        salt: tells apart the attention dropouts of one network.
    """

    def __init__(
        self, options=SelfAttention(), *, norm=Norm(), block_entries=BLOCK_ENTRIES, salt=0, **kwargs
    ):
        super().__init__(**kwargs)
        self.options = SelfAttention.of(options)
        self.norm = Norm.of(norm)
        self.block_entries = block_entries
        self.salt = salt
        self.convolutions, self.norms, self.tables = [], [], []

    def build(self, input_shape: tuple) -> None:
        """Makes the transforms, the mixture's weights, the last convolution and its norm."""
        options, channels = self.options, input_shape[-1]
        self.key_channels = options.key_channels or channels
        value_channels = options.value_channels or channels
        self._add_transform("queries", channels)
        if not options.shared_kq:
            self._add_transform("keys", channels)
        self._add("values", channels, options.heads * value_channels)
        self._add("output", options.heads * value_channels, channels, use_bias=False)
        self.norms.append(norm("output_norm", channels, self.norm, dtype=self.dtype_policy))
        if options.mixtures > 1:
            table = mixture_table(options.mixtures, self.key_channels, self.dtype_policy)
            self.tables.append(table)
        super().build(input_shape)

    def call(
        self, inputs: tf.Tensor, sizes: tf.Tensor | None = None, training: bool | None = None
    ) -> tf.Tensor:
        """Takes context from the whole map.

        Args:
            inputs: [B, H, W, C]; H and W may be unknown.
            sizes: int [B, 2], valid rows and columns. The other cells are no keys, count in no
                mean, and are zero in the result; None counts all.
            training: whether norms use the batch and attention's weights are dropped.
        """
        # Nothing in it needs AutoGraph, which would take most of the time to build a network.
        return tf.autograph.experimental.do_not_convert(self._run)(inputs, sizes, training)

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the norm that alone reads it)."""
        layers = self._layers
        pairs = [("output", "output_norm")]
        pairs += [(f"{name}_conv", f"{name}_norm") for name in ("queries", "keys")]
        return [(layers[first], layers[norm]) for first, norm in pairs if norm in layers]

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        values = {name: getattr(self, name) for name in ("block_entries", "salt")}
        groups = {name: dataclasses.asdict(getattr(self, name)) for name in ("options", "norm")}
        return super().get_config() | values | groups

    def _run(self, inputs, sizes, training):
        options = self.options
        x = clear_invalid(inputs, sizes)
        queries, query_mask = self._transformed("queries", x, training), _flat_mask(x, sizes)
        if options.pool_keys:
            key_sizes = None if sizes is None else cells_at_stride(sizes, 2)
            # Windows of invalid cells may reach valid ones, which a 3x3 transform would read.
            source = clear_invalid(halving_average_pool(x, sizes), key_sizes)
        else:
            source, key_sizes = x, sizes
        name = "queries" if options.shared_kq else "keys"
        keys, key_mask = self._transformed(name, source, training), _flat_mask(source, key_sizes)
        values = self._layers["values"](source)
        result = self._attended(queries, keys, values, query_mask, key_mask, training)
        y = self._layers["output"](clear_invalid(result, sizes))
        y = normalized(self._layers["output_norm"], y, training)
        y = tf.concat([y, x], -1) if options.concat else y + x
        return clear_invalid(y, sizes)

    def _attended(self, queries, keys, values, query_mask, key_mask, training):
        """[B, H, W, heads * E]."""
        options, (height, width) = self.options, height_width(queries)
        per_head = [_by_head(x, options.heads) for x in (queries, keys, values)]
        query_mask, key_mask = (
            None if mask is None else tf.repeat(mask, options.heads, 0)
            for mask in (query_mask, key_mask)
        )
        shares = None
        if self.tables:
            mean_of_keys = options.mixture_source == "key_mean"
            positions = (per_head[1], key_mask) if mean_of_keys else (per_head[0], query_mask)
            shares = mixture_shares(self.tables[0].table, *positions)
        result = attention(
            *per_head,
            temperature=math.sqrt(self.key_channels) if options.temperature == "sqrt_dk" else 1.0,
            mixture=shares,
            key_mask=key_mask,
            dropout=self._dropout(tf.shape(queries)[0], training),
            block_entries=self.block_entries,
        )
        result = tf.reshape(result, [-1, options.heads, height * width, result.shape[-1]])
        result = tf.transpose(result, [0, 2, 1, 3])
        return tf.reshape(result, [-1, height, width, options.heads * result.shape[-1]])

    def _dropout(self, batch, training):
        if not training or not self.options.dropout:
            return None
        keys = current_keys()
        if keys is None:
            keys = tf.random.uniform([batch, 2], 0, tf.int32.max, tf.int32)
        heads = tf.stack([tf.range(self.options.heads) * _HEAD + self.salt] * 2, 1)
        heads *= tf.constant([1, 0])
        keys = tf.reshape(keys[:, None] + heads[None], [-1, 2])
        return Dropout(self.options.dropout, keys)

    def _transformed(self, name, x, training):
        if self.options.transform != "conv":
            x = self._layers[f"{name}_conv"](x)
            x = tf.nn.relu(normalized(self._layers[f"{name}_norm"], x, training))
            name = f"{name}_out"
        return self._layers[name](x)

    def _add_transform(self, name, channels):
        width = self.options.heads * self.key_channels
        if self.options.transform == "conv":
            self._add(name, channels, width)
            return
        dilation = 4 if self.options.transform == "dffn" else 1
        options = {"use_bias": False, "dilation_rate": dilation}
        self._add(f"{name}_conv", channels, width, kernel=3, **options)
        self.norms.append(norm(f"{name}_norm", width, self.norm, dtype=self.dtype_policy))
        self._add(f"{name}_out", width, width)

    def _add(self, name, channels, filters, **options):
        layer = convolution(name, channels, filters, dtype=self.dtype_policy, **options)
        self.convolutions.append(layer)

    @property
    def _layers(self):
        return {layer.name: layer for layer in (*self.convolutions, *self.norms)}


def _by_head(x, heads):
    """[B, H, W, heads * D] to [B * heads, H * W, D]."""
    height, width = height_width(x)
    x = tf.reshape(x, [-1, height * width, heads, x.shape[-1] // heads])
    return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [-1, height * width, x.shape[-1]])


def _flat_mask(x, sizes):
    """[B, H * W], 1 in valid cells; None where all are."""
    if sizes is None:
        return None
    height, width = height_width(x)
    return tf.reshape(valid_mask(sizes, x), [-1, height * width])
