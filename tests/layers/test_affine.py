import numpy as np
import tensorflow as tf

from lfp_tf.layers.affine import Affine


def test_channels_are_scaled_and_moved_and_stay_so():
    layer = Affine()
    x = tf.constant([[[[1.0, 2.0]], [[3.0, -4.0]]]])
    np.testing.assert_array_equal(layer(x), x)
    layer.scale.assign([2.0, 0.5])
    layer.offset.assign([1.0, -1.0])
    np.testing.assert_array_equal(layer(x)[0, :, 0], [[3.0, 0.0], [7.0, -3.0]])
    assert layer.trainable_variables == []
    assert [v.name for v in layer.variables] == ["affine/scale:0", "affine/offset:0"]


def test_half_precision_stays_half():
    layer = Affine(dtype="mixed_bfloat16")
    assert layer(tf.ones([1, 2])).dtype == tf.bfloat16
    assert layer.scale.dtype == tf.float32
