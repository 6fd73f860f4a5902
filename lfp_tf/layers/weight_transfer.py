"""What predicts the last layer of masks from each class's box weights (MaskX R-CNN).

Letters: K classes with background as 0, U of them that occur, H units of the box head, D channels
of masks.
"""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.initializers import fan_out_normal
from lfp_tf.options import WeightTransfer

_SLOPE = 0.1


def transfer_function(
    inputs: int, channels: int, options: WeightTransfer = WeightTransfer()
) -> tf_keras.Model:
    """Builds T: from vectors of classes [U, inputs] to kernels of their masks [U, channels].

    Hu et al. 2018, section 3.2; ronghanghu/seg_every_thing lib/modeling/mask_rcnn_heads.py.

    Args:
        inputs: numbers of a class's vector.
        channels: D, which is the width of all layers.
        options: `WeightTransfer`, of which layers and activation count.
    """
    vectors = x = tf_keras.Input((inputs,), name="class_vectors")
    for number in range(1, options.layers):
        x = _dense(channels, f"transfer_fc{number}")(x)
        if options.activation == "leaky":
            x = tf_keras.layers.LeakyReLU(_SLOPE, name=f"transfer_leaky{number}")(x)
        else:
            x = tf_keras.layers.ReLU(name=f"transfer_relu{number}")(x)
    return tf_keras.Model(vectors, _dense(channels, "transfer_out")(x), name="transfer")


def class_rows(
    labels: tf.Tensor,
    *,
    source: str,
    classifier: tf.Tensor,
    regressor: tf.Tensor,
    stop_gradient: bool = True,
) -> tf.Tensor:
    """The box weights that tell a class, of some classes.

    Args:
        labels: int32 [U].
        source: `cls`, `box` or `cls+box`.
        classifier: kernel [H, K].
        regressor: kernel [H, 4K], four columns a class.
        stop_gradient: whether gradients end here.

    Returns:
        [U, H], [U, 4H] (dx, dy, dw, dh one after the other) or [U, 5H].
    """
    rows = []
    if source in ("cls", "cls+box"):
        rows.append(tf.transpose(tf.gather(classifier, labels, axis=1)))
    if source in ("box", "cls+box"):
        units = regressor.shape[0]
        groups = tf.gather(tf.reshape(regressor, [units, -1, 4]), labels, axis=1)
        rows.append(tf.reshape(tf.transpose(groups, [1, 2, 0]), [-1, 4 * units]))
    joined = tf.concat(rows, axis=1)
    return tf.stop_gradient(joined) if stop_gradient else joined


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ClassEmbedding(tf_keras.layers.Layer):
    """A fixed vector a class, `table` [K, dim]; background's is zero.

    A new one is not a number, so that a network without its table shows it.

    Args:
        classes: K.
        dim: numbers of a vector.
    """

    def __init__(self, classes, dim, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.dim = dim

    def build(self, input_shape: Any = None) -> None:
        """Makes the table."""
        self.table = self.add_weight(
            "table",
            [self.classes, self.dim],
            tf.float32,
            tf_keras.initializers.Constant(float("nan")),
            trainable=False,
            experimental_autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives the vectors [U, dim] of labels int32 [U]."""
        return tf.gather(tf.convert_to_tensor(self.table), inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"classes": self.classes, "dim": self.dim}


def _dense(units, name):
    return tf_keras.layers.Dense(units, kernel_initializer=fan_out_normal(), name=name)
