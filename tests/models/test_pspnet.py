import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_model
from lfp_tf.layers.pyramid_pooling import PyramidPooling
from lfp_tf.models.catalog import build_network
from lfp_tf.options import MobileNetV2, ResNet

SMALL = {"classes": 3, "depth": 18, "width": 0.125}


@pytest.fixture(scope="module")
def small():
    return build_network("pspnet", **SMALL)


def test_logits_have_the_size_of_the_zoom(small):
    x = np.zeros([1, 33, 41, 3], np.float32)
    for zoom, size in ((8, (33, 41)), (4, (17, 21)), (2, (9, 11)), (1, (5, 6))):
        assert build_network("pspnet", **SMALL, zoom_factor=zoom)(x)["logits"].shape == (
            1,
            *size,
            3,
        )


def test_sizes_that_are_not_8k_plus_1_keep_the_images_size(small):
    assert small(np.zeros([2, 30, 44, 3], np.float32))["logits"].shape == (2, 30, 44, 3)


def test_survives_save_and_load(small, tmp_path):
    small.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    x = np.random.RandomState(0).rand(1, 33, 33, 3).astype(np.float32)
    np.testing.assert_array_equal(loaded(x)["logits"], small(x)["logits"])


def test_survives_from_config(small):
    twin = type(small).from_config(small.get_config())
    assert [w.shape for w in twin.weights] == [w.shape for w in small.weights]


def test_layers_work_in_a_users_own_model(tmp_path):
    images = tf_keras.Input([None, None, 3])
    features = backbone_model(ResNet(depth=18, width=0.125))(images)["stage4"]
    pooled = PyramidPooling(bins=(1, 2), channels=5)(features)
    model = tf_keras.Model(images, pooled)
    x = np.random.RandomState(0).rand(1, 33, 33, 3).astype(np.float32)
    assert model(x).shape == (1, 5, 5, 64 + 10)
    model.save(tmp_path / "own.keras")
    np.testing.assert_array_equal(tf_keras.models.load_model(tmp_path / "own.keras")(x), model(x))


def test_initial_kernels_follow_the_originals_rules():
    tf_keras.utils.set_random_seed(0)
    model = build_network("pspnet", classes=3, depth=18, width=0.5)
    kernel = model.get_layer("stage4_block2_conv2").kernel.numpy()
    assert abs(kernel.std() / np.sqrt(2 / (9 * kernel.shape[-1])) - 1) < 0.02
    head = model.get_layer("cls_conv").kernel.numpy()
    limit = 1 / np.sqrt(np.prod(head.shape[:3]))
    assert abs(head).max() <= limit and abs(head).max() > 0.99 * limit


def test_the_plain_stem_and_caffes_rounding():
    model = build_network(
        "pspnet",
        classes=2,
        depth=50,
        width=0.125,
        stem="plain",
        pool_rounding="ceil",
        aux_head=False,
    )
    # 34 > 17 (floor) > 9 (floor) or 10 where Caffe rounds up an even 18.
    assert model.get_layer("stem_conv1").kernel.shape[:2] == (7, 7)
    pool = tf_keras.Model(model.input, model.get_layer("stem_pool").output)
    assert pool(np.zeros([1, 36, 36, 3], np.float32)).shape[1:3] == (10, 10)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"depth": 19}, "depth is 19"),
        ({"backbone": "vgg"}, 'backbone is "vgg"'),
        ({"stride_in": "5x5"}, 'stride_in is "5x5"'),
        ({"pooling": "max"}, 'pooling is "max"'),
        ({"pooling": "window"}, "pool_windows needs 4 numbers"),
        ({"bins": (1, 2, 3)}, "3 bins do not divide 64 channels"),
        ({"concat": "upwards"}, 'concat is "upwards"'),
        ({"zoom_factor": 3}, "zoom_factor is 3"),
        ({"dropout_kind": "row"}, 'dropout_kind is "row"'),
    ],
)
def test_a_value_outside_its_choices_is_named(words, message):
    with pytest.raises(ValueError, match=message):
        build_network("pspnet", **SMALL | words)


def test_mobilenet_keeps_output_stride_8_and_keras_names():
    model = build_network("pspnet", classes=2, backbone="mobilenet_v2", zoom_factor=1)
    assert model(np.zeros([1, 65, 65, 3], np.float32))["logits"].shape == (1, 9, 9, 2)
    reference = tf_keras.applications.MobileNetV2(weights=None, include_top=False)
    theirs = {
        w.name
        for layer in reference.layers
        if layer.name not in ("Conv_1", "Conv_1_bn")
        for w in layer.weights
    }
    assert theirs <= {w.name for w in model.weights}


def test_mobilenet_without_dilation_is_keras_mobilenet():
    from lfp_tf.backbones.mobilenet import mobilenet_v2_features

    images = tf_keras.Input([64, 64, 3])
    ours = tf_keras.Model(images, mobilenet_v2_features(images, MobileNetV2(32))["stage7"])
    theirs = tf_keras.applications.MobileNetV2(
        input_shape=(64, 64, 3), weights=None, include_top=False
    )
    theirs = tf_keras.Model(theirs.input, theirs.get_layer("block_16_project_BN").output)
    rng = np.random.RandomState(0)
    for name in {w.name for w in ours.weights}:
        source = next(w for w in theirs.weights if w.name == name)
        value = (
            rng.uniform(0.5, 1.5, source.shape)
            if "variance" in name
            else rng.normal(0, 0.2, source.shape)
        )
        source.assign(value)
        next(w for w in ours.weights if w.name == name).assign(value)
    x = rng.rand(1, 64, 64, 3).astype(np.float32)
    expected = theirs(x, training=False).numpy()
    np.testing.assert_allclose(ours(x, training=False), expected, atol=1e-4 * expected.std())


def test_bfloat16_policy_gives_float32_logits():
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build_network("pspnet", **SMALL)
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    got = model(np.random.RandomState(0).rand(1, 33, 33, 3).astype(np.float32), training=True)
    assert got["logits"].dtype == tf.float32
    assert all(variable.dtype == tf.float32 for variable in model.variables)


def test_every_variable_has_a_name_of_its_own_so_that_hdf5_takes_them(small, tmp_path):
    names = [variable.name for variable in small.variables]
    assert len(set(names)) == len(names)
    small.save(tmp_path / "model.h5")
    loaded = tf_keras.models.load_model(tmp_path / "model.h5")
    x = np.random.RandomState(0).rand(1, 33, 33, 3).astype(np.float32)
    np.testing.assert_array_equal(loaded(x)["logits"], small(x)["logits"])
