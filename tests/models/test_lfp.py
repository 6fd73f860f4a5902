import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers, variables_by_name
from lfp_tf.layers.pyramid_block import PyramidBlock
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.resize import resize_legacy_bilinear

SMALL = {"classes": 3, "blocks": (1, 1, 1, 1), "width": 1 / 8}


def random_images(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-2, 2, (*shape, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def unknown():
    """A classifier of images of any size; tests only read it and the next two."""
    return build_network("lfp_classifier", **SMALL)


@pytest.fixture(scope="module")
def plain():
    """The VOC network of one scale."""
    return build_network("lfp_segmentation", **SMALL, scales=())


@pytest.fixture(scope="module")
def both(plain):
    """The VOC network of two scales, with the weights of `plain`."""
    model = build_network("lfp_segmentation", **SMALL, scales=(0.5,))
    for name, variable in variables_by_name(model).items():
        variable.assign(variables_by_name(plain)[name])
    return model


def test_the_classifier_names_one_class_an_image(unknown):
    assert unknown(random_images(2, 75, 49))["logits"].shape == (2, 3)
    assert unknown(random_images(1, 33, 64))["logits"].shape == (1, 3)


def test_static_and_unknown_sizes_give_the_same(unknown):
    static = build_network("lfp_classifier", **SMALL, input_shape=(75, 49, 3))
    for name, variable in variables_by_name(static).items():
        variable.assign(variables_by_name(unknown)[name])
    images = random_images(1, 75, 49)
    np.testing.assert_allclose(
        static(images)["logits"], unknown(images)["logits"], atol=1e-4, rtol=1e-4
    )


def test_scales_are_resized_and_joined_as_in_tf1(both, plain):
    images = random_images(1, 65, 81)
    found = both(images)
    small = plain(resize_legacy_bilinear(images, (32, 40)))["logits"]
    np.testing.assert_allclose(found["logits_0.5"], small, atol=1e-5)
    np.testing.assert_allclose(found["logits_1"], plain(images)["logits"], atol=1e-5)
    large = resize_legacy_bilinear(small, found["logits_1"].shape[1:3])
    np.testing.assert_allclose(found["logits"], tf.maximum(found["logits_1"], large), atol=1e-5)


def test_dilated_convolutions_have_biases_and_norms_stand(plain):
    names = set(variables_by_name(plain))
    biases = {name for name in names if name.endswith("/bias") and "block" in name}
    assert biases == {
        f"stage{stage}_block1/{part}/bias"
        for stage in (3, 4)
        for part in ("conv2", "scale1", "scale2", "scale3", "scale4")
    }
    images = random_images(2, 64, 64)
    np.testing.assert_array_equal(plain(images, training=True)["logits"], plain(images)["logits"])


def test_the_plain_head_is_one_classifier_without_bias():
    known = {"scales": (), "input_shape": (65, 65, 3)}
    names = variables_by_name(build_network("lfp_segmentation", **SMALL, **known, head="conv102"))
    assert [name for name in names if "block" not in name and "stem" not in name] == ["fc/kernel"]
    with pytest.raises(ValueError, match='head is "fcn"'):
        build_network("lfp_segmentation", **SMALL, **known, head="fcn")


def blocks_of(model):
    return [layer for layer in flat_layers(model) if isinstance(layer, PyramidBlock)]


def test_pspnet_and_deeplab_stand_on_it_by_one_word():
    on = {"backbone": "pyramid_resnet", "classes": 3, "depth": 50, "width": 1 / 8}
    psp = build_network("pspnet", **on, input_shape=(49, 57, 3))
    assert psp(random_images(1, 49, 57))["logits"].shape == (1, 49, 57, 3)
    small = {"blocks": (1, 1, 1, 1), "input_shape": (49, 57, 3), **on}
    assert build_network("deeplabv2", **small)(random_images(1, 49, 57))["logits"].shape == (
        1,
        7,
        8,
        3,
    )
    three = build_network("deeplabv3", **small, multi_grids=(2,))
    assert blocks_of(three)[-1].dilation == 4
    assert len(blocks_of(psp)) == 16 and blocks_of(psp)[-1].dilation == 4
    assert blocks_of(build_network("deeplabv2", **small, pyramid=False))[0].scales == ()
    assert blocks_of(psp)[0].norms[0].epsilon == 1.001e-5
    for name in ("pspnet", "deeplabv2"):
        with pytest.raises(ValueError, match='backbone is "vgg"'):
            build_network(name, classes=3, backbone="vgg")


def test_layers_can_be_saved_and_loaded_by_anybody(both, tmp_path):
    both.save(tmp_path / "model.keras")
    again = tf_keras.models.load_model(tmp_path / "model.keras")
    images = random_images(1, 64, 64)
    np.testing.assert_allclose(again(images)["logits"], both(images)["logits"], atol=1e-5)
