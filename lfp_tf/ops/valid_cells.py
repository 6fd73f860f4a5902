"""Which cells of padded maps belong to the image: images are padded at the bottom and right.

Valid sizes are int [B, 2]: rows and columns of each map that count, from the top left corner.
"""

import tensorflow as tf

from lfp_tf.ops.shapes import height_width


def cells_at_stride(sizes: tf.Tensor, stride: int) -> tf.Tensor:
    """Valid cells of a map: ceil(size / stride), so 41 pixels are 11 cells of stride 4.

    Args:
        sizes: int [B, 2], valid rows and columns in cells (or pixels) of the finer map.
        stride: cells of the finer map for one of the coarser map.

    Returns:
        int [B, 2].
    """
    return -(-sizes // stride)


def valid_mask(sizes: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """1 in valid cells and 0 in the others.

    Args:
        sizes: int [B, 2].
        like: [B, H, W, C]; its size and its type are those of the mask.

    Returns:
        [B, H, W, 1].
    """
    height, width = height_width(like)
    sizes = tf.cast(sizes, tf.int32)
    rows = tf.range(height)[None] < sizes[:, :1]
    columns = tf.range(width)[None] < sizes[:, 1:]
    return tf.cast(rows[:, :, None, None] & columns[:, None, :, None], like.dtype)


def clear_invalid(x: tf.Tensor, sizes: tf.Tensor | None) -> tf.Tensor:
    """[B, H, W, C] with zeros in invalid cells; as it is where `sizes` is None."""
    if sizes is None:
        return x
    # Not a product: what padding holds may be infinite.
    return tf.where(valid_mask(sizes, x) > 0, x, tf.zeros([], x.dtype))


def mean_of_valid(x: tf.Tensor, sizes: tf.Tensor | None) -> tf.Tensor:
    """The mean over the valid cells of [B, H, W, C]: [B, 1, 1, C]; 0 where none is valid."""
    if sizes is None:
        return tf.reduce_mean(x, [1, 2], keepdims=True)
    count = tf.reduce_sum(valid_mask(sizes, x), [1, 2], keepdims=True)
    return tf.reduce_sum(clear_invalid(x, sizes), [1, 2], keepdims=True) / tf.maximum(count, 1)
