import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.heads.mask import ClassMasks, hourglass_mask_head, mask_head, masks_of_labels
from lfp_tf.options import Norm, RoIHeads

RNG = np.random.RandomState(0)
FEATURES = tf.constant(RNG.normal(size=(4, 6, 6, 5)), tf.float32)
LABELS = tf.constant([2, 1, 2, 0])


def test_features_have_twice_the_size():
    pooled = tf_keras.Input([3, 3, 4])
    made = tf_keras.Model(pooled, mask_head(pooled, RoIHeads(mask_dim=5, mask_convolutions=2)))
    x = tf.constant(RNG.normal(size=(2, 3, 3, 4)), tf.float32)
    assert made(x).shape == (2, 6, 6, 5)
    shapes = {name: tuple(v.shape) for name, v in variables_by_name(made).items()}
    assert shapes["mask_conv2/kernel"] == (3, 3, 5, 5)
    assert shapes["mask_deconv/kernel"] == (2, 2, 5, 5)
    assert "mask_conv3/kernel" not in shapes


def test_an_hourglass_sees_the_whole_box_and_each_box_alone():
    pooled = tf_keras.Input([16, 16, 4])
    options = RoIHeads(mask_head="hourglass", mask_dim=8)
    made = tf_keras.Model(pooled, hourglass_mask_head(pooled, options, Norm(groups=4)))
    x = tf.constant(RNG.normal(size=(2, 16, 16, 4)), tf.float32)
    found = made(x)
    assert found.shape == (2, 32, 32, 8)
    np.testing.assert_allclose(made(x[1:]), found[1:], atol=1e-5)
    np.testing.assert_array_equal(made(x, training=True), found)
    corner = tf.tensor_scatter_nd_add(x, [[0, 0, 0, 0]], [5.0])
    assert np.abs(made(corner) - found)[0, -8:, -8:].max() > 1e-4


def test_each_box_gets_the_mask_of_its_label():
    kernels, bias = RNG.normal(size=(3, 5)), RNG.normal(size=3)
    found = masks_of_labels(
        FEATURES, tf.constant(kernels, tf.float32), LABELS, tf.constant(bias, tf.float32)
    )
    whole = FEATURES.numpy() @ kernels.T + bias
    expected = np.stack([whole[r, :, :, k] for r, k in enumerate(LABELS.numpy())])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_one_mask_serves_all_labels():
    kernels = tf.constant(RNG.normal(size=(1, 5)), tf.float32)
    found = masks_of_labels(FEATURES, kernels, LABELS)
    np.testing.assert_allclose(found, (FEATURES @ tf.transpose(kernels))[..., 0], atol=1e-5)


def test_only_kernels_of_present_labels_learn():
    layer = ClassMasks(4, name="mask_logits")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer([FEATURES, LABELS])))
    kernel, bias = tape.gradient(loss, [layer.kernel, layer.bias])
    assert tf.is_tensor(kernel) and tf.is_tensor(bias)
    moved = np.any(kernel[0, 0].numpy() != 0, axis=0)
    assert moved.tolist() == [True, True, True, False]
    assert (bias.numpy() != 0).tolist() == [True, True, True, False]


def test_masks_of_many_classes_are_never_made():
    layer = ClassMasks(3002)
    layer.build([FEATURES.shape, LABELS.shape])
    function = tf.function(lambda features, labels: layer([features, labels]))
    graph = function.get_concrete_function(FEATURES, LABELS).graph
    sizes = [t.shape.num_elements() or 0 for op in graph.get_operations() for t in op.outputs]
    assert max(sizes) <= 3002 * 5


def test_a_single_mask_begins_smaller_than_those_of_classes():
    single, many = ClassMasks(1), ClassMasks(50)
    for layer in (single, many):
        layer.build([(None, 6, 6, 256), (None,)])
    assert float(tf.math.reduce_std(single.kernel)) < 2e-3
    # The square root of 2 / 50.
    assert abs(float(tf.math.reduce_std(many.kernel)) - 0.2) < 0.02


def test_a_saved_layer_is_the_same():
    config = ClassMasks(7, name="mask_logits").get_config()
    assert ClassMasks.from_config(config).classes == 7
