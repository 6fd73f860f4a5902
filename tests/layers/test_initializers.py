import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.gamma_norm import GammaNorm
from lfp_tf.layers.initializers import BranchAware, ContribFanIn, branch_aware, fan_out_truncated


def test_branch_aware_is_he_with_one_branch_on_both_sides():
    assert branch_aware().deviation((3, 3, 64, 64)) == pytest.approx(math.sqrt(2 / (9 * 64)))


def test_branches_count_on_their_side():
    # 1 / (0.25 (4 * 28 + 128)) = 1 / 60
    assert branch_aware(4, 1).deviation((1, 1, 28, 128)) == pytest.approx(math.sqrt(1 / 60))
    assert branch_aware(1, 4).deviation((1, 1, 256, 28)) == pytest.approx(
        math.sqrt(4 / (256 + 4 * 28))
    )


def test_without_a_relu_it_is_half():
    shape = (3, 3, 8, 16)
    assert branch_aware(alpha=1.0).deviation(shape) == pytest.approx(
        branch_aware().deviation(shape) / 2
    )


def test_draws_have_that_deviation():
    tf_keras.utils.set_random_seed(0)
    shape = (3, 3, 40, 50)
    drawn = branch_aware(2, 3)(shape).numpy()
    assert drawn.std() == pytest.approx(branch_aware(2, 3).deviation(shape), rel=0.02)
    assert abs(drawn).max() > 3 * drawn.std()


def test_contribs_normal_is_cut_at_two_deviations():
    tf_keras.utils.set_random_seed(0)
    drawn = ContribFanIn()((3, 3, 64, 64)).numpy()
    deviation = math.sqrt(2.6 / (9 * 64))
    assert abs(drawn).max() <= 2 * deviation
    assert drawn.std() == pytest.approx(0.8796 * deviation, rel=0.02)


def test_fan_out_makes_up_for_its_cut():
    tf_keras.utils.set_random_seed(0)
    drawn = fan_out_truncated()((3, 3, 64, 64)).numpy()
    assert drawn.std() == pytest.approx(math.sqrt(2 / (9 * 64)), rel=0.02)


def test_they_survive_saving():
    made = tf_keras.initializers.serialize(branch_aware(4, 2, alpha=1.0))
    again = tf_keras.initializers.deserialize(made)
    assert isinstance(again, BranchAware)
    assert (again.branches_in, again.branches_out, again.alpha) == (4, 2, 1.0)


def test_gamma_begins_as_told():
    x = tf.ones([1, 2, 2, 64])
    zeros, uniform = GammaNorm("zeros"), GammaNorm("uniform")
    np.testing.assert_array_equal(zeros(x), np.zeros([1, 2, 2, 64]))
    uniform(x)
    assert 0 <= uniform.gamma.numpy().min() < uniform.gamma.numpy().max() < 1
    assert uniform.moving_variance.numpy().tolist() == [1] * 64
    with pytest.raises(ValueError, match='gamma_initializer is "ones"'):
        GammaNorm("ones")
