import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.layers.blocks import convolve_as, norm_layer, normalize
from lfp_tf.options import Norm

X = np.random.RandomState(0).normal(2.0, 3.0, (2, 3, 4, 8)).astype(np.float32)


@pytest.mark.parametrize(
    ("norm", "leaves"),
    [
        (Norm(), ["gamma", "beta", "moving_mean", "moving_variance"]),
        (Norm(kind="affine"), ["scale", "offset"]),
        (Norm(kind="group", groups=4), ["gamma", "beta"]),
    ],
)
def test_the_kind_decides_the_layer(norm, leaves):
    images = tf_keras.Input([None, None, 8])
    model = tf_keras.Model(images, normalize(images, name="bn1", norm=norm))
    assert list(variables_by_name(model)) == [f"bn1/{leaf}" for leaf in leaves]
    assert float(tf.reduce_min(model(X))) == 0.0


def test_groups_have_one_mean_and_variance_an_image():
    y = norm_layer(Norm(kind="group", groups=4), name="norm")(X)
    grouped = X.reshape(2, 12, 4, 2)
    mean, variance = (f(grouped, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    expected = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(X.shape)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_norm_takes_the_place_of_the_bias():
    x = tf_keras.Input([None, None, 8])
    plain = tf_keras.Model(x, convolve_as(x, 8, 3, name="conv", normalization="none"))
    assert list(variables_by_name(plain)) == ["conv/kernel", "conv/bias"]
    norm = Norm(kind="affine", groups=2)
    y = convolve_as(x, 8, 3, name="conv", normalization="group_norm", norm=norm, relu=True)
    normalized = tf_keras.Model(x, y)
    names = ["conv/kernel", "conv_norm/gamma", "conv_norm/beta"]
    assert list(variables_by_name(normalized)) == names
    assert float(tf.reduce_min(normalized(X))) == 0.0


def test_layers_of_batch_norm_alone_refuse_other_kinds():
    with pytest.raises(ValueError, match='norm is "affine", but this network has batch norm only'):
        Norm(kind="affine").arguments()
