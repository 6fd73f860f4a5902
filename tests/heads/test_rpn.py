import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.heads.rpn import rpn_head

MAPS = {n: tf_keras.Input([None, None, 4], name=f"p{n}") for n in (2, 3)}


def test_all_levels_have_one_head():
    outputs = rpn_head(MAPS, anchors=3, channels=5)
    made = tf_keras.Model({f"p{n}": x for n, x in MAPS.items()}, outputs)
    shapes = {name: variable.shape for name, variable in variables_by_name(made).items()}
    assert shapes == {
        "rpn_conv/kernel": (3, 3, 4, 5),
        "rpn_conv/bias": (5,),
        "rpn_logits/kernel": (1, 1, 5, 3),
        "rpn_logits/bias": (3,),
        "rpn_deltas/kernel": (1, 1, 5, 12),
        "rpn_deltas/bias": (12,),
    }
    x = np.random.RandomState(0).rand(2, 3, 4, 4).astype(np.float32)
    results = made({"p2": x, "p3": x})
    assert results["rpn_deltas_2"].shape == (2, 3, 4, 12)
    np.testing.assert_array_equal(results["rpn_logits_2"], results["rpn_logits_3"])


def test_scores_begin_near_even():
    outputs = rpn_head(MAPS, anchors=3, channels=256)
    made = tf_keras.Model({f"p{n}": x for n, x in MAPS.items()}, outputs)
    variables = variables_by_name(made)
    assert abs(float(tf.math.reduce_std(variables["rpn_logits/kernel"])) - 0.01) < 1e-3
    assert not variables["rpn_logits/bias"].numpy().any()
