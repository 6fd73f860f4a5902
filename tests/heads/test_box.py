import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.heads.box import box_head, box_outputs
from lfp_tf.options import Norm, RoIHeads

X = np.random.RandomState(0).normal(size=(3, 7, 7, 4)).astype(np.float32)


def head(options, norm=Norm()):
    pooled = tf_keras.Input([7, 7, 4])
    return tf_keras.Model(pooled, box_head(pooled, options, norm))


def test_two_dense_layers_see_row_after_row():
    made = head(RoIHeads(box_dim=5))
    v = variables_by_name(made)
    assert list(v) == ["box_fc1/kernel", "box_fc1/bias", "box_fc2/kernel", "box_fc2/bias"]
    hidden = np.maximum(X.reshape(3, -1) @ v["box_fc1/kernel"].numpy(), 0)
    expected = np.maximum(hidden @ v["box_fc2/kernel"].numpy(), 0)
    np.testing.assert_allclose(made(X), expected, atol=1e-5)


def test_four_convolutions_may_have_norms():
    options = RoIHeads(box_head="4conv1fc", box_dim=5, box_conv_dim=8, normalization="group_norm")
    made = head(options, Norm(kind="affine", groups=2))
    convolutions = [
        f"box_conv{n}{leaf}"
        for n in (1, 2, 3, 4)
        for leaf in ("/kernel", "_norm/gamma", "_norm/beta")
    ]
    assert list(variables_by_name(made)) == [*convolutions, "box_fc1/kernel", "box_fc1/bias"]
    assert made(X).shape == (3, 5)


def test_outputs_of_all_classes_or_of_none():
    features = tf_keras.Input([5])
    own = tf_keras.Model(features, box_outputs(features, classes=4))
    shared = tf_keras.Model(features, box_outputs(features, classes=4, class_agnostic=True))
    x = tf.random.normal([3, 5])
    assert {name: y.shape for name, y in own(x).items()} == {
        "class_logits": (3, 4),
        "deltas": (3, 16),
    }
    assert shared(x)["deltas"].shape == (3, 8)
