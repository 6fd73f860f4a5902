import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers, variables_by_name
from lfp_tf.models.catalog import build_network

SMALL = {"classes": 3, "blocks": (1, 1, 1, 1), "width": 1 / 16}


def random_images(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-100, 100, (*shape, 3)).astype(np.float32)


def test_logits_of_each_scale_have_their_own_size():
    model = build_network("deeplabv2", scales=(0.75, 0.5), **SMALL)
    found = model(random_images(1, 81, 113))
    assert {name: tuple(values.shape) for name, values in found.items()} == {
        "logits": (1, 11, 15, 3),
        "logits_1": (1, 11, 15, 3),
        "logits_0.75": (1, 8, 11, 3),
        "logits_0.5": (1, 6, 8, 3),
    }


def test_the_first_scale_is_the_plain_network():
    both = build_network("deeplabv2", scales=(0.5,), **SMALL)
    plain = build_network("deeplabv2", **SMALL)
    for name, variable in variables_by_name(plain).items():
        variable.assign(variables_by_name(both)[name])
    images = random_images(2, 49, 33)
    np.testing.assert_array_equal(both(images)["logits_1"], plain(images)["logits"])
    assert np.all(both(images)["logits"] >= both(images)["logits_1"])


def test_a_multi_scale_network_has_the_names_of_its_plain_one():
    assert list(variables_by_name(build_network("deeplabv2", scales=(0.5, 0.75), **SMALL))) == list(
        variables_by_name(build_network("deeplabv2", **SMALL))
    )


def test_gradients_of_the_maximum_go_to_one_scale_only():
    model = build_network("deeplabv2", scales=(0.5,), **SMALL)
    bias = variables_by_name(model)["aspp_c0/bias"]
    images = random_images(1, 33, 33)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(images)["logits"])
    cells = 5 * 5
    # Each cell's maximum comes from one scale, so the bias counts once a cell and class.
    np.testing.assert_allclose(tape.gradient(total, bias), [cells] * 3, rtol=1e-5)


def test_frozen_norms_do_not_move_in_training():
    model = build_network("deeplabv2", **SMALL)
    before = {n: v.numpy() for n, v in variables_by_name(model).items() if "moving" in n}
    trained = model(random_images(2, 33, 33), training=True)["logits"]
    np.testing.assert_array_equal(trained, model(random_images(2, 33, 33))["logits"])
    assert all(np.array_equal(variables_by_name(model)[n], v) for n, v in before.items())


def test_v3_trains_its_norms():
    model = build_network(
        "deeplabv3", **SMALL | {"blocks": (1, 1, 1, 3)}, bn_frozen=False, bn_decay=0.9
    )
    mean = variables_by_name(model)["fc1_bn/moving_mean"]
    before = mean.numpy()
    model(random_images(2, 33, 33), training=True)
    assert not np.array_equal(before, mean)


@pytest.mark.parametrize(("stride", "size"), [(16, 5), (8, 9)])
def test_v3_works_at_its_stride_and_v3plus_at_the_images(stride, size):
    small = SMALL | {"blocks": (1, 1, 1, 3), "output_stride": stride}
    images = random_images(1, 65, 65)
    assert build_network("deeplabv3", **small)(images)["logits"].shape == (1, size, size, 3)
    assert build_network("deeplabv3plus", **small)(images)["logits"].shape == (1, 65, 65, 3)


def test_dilations_of_the_last_stage_follow_the_grids():
    model = build_network("deeplabv3", **SMALL | {"blocks": (1, 1, 1, 3)}, output_stride=8)
    layers = {layer.name: layer for layer in flat_layers(model)}
    assert [layers[f"stage4_block{n}_conv2"].dilation_rate[0] for n in (1, 2, 3)] == [4, 8, 16]


def test_v1_and_the_classifier_have_one_head():
    assert build_network("deeplabv1", **SMALL)(random_images(1, 33, 41))["logits"].shape == (
        1,
        5,
        6,
        3,
    )
    classifier = build_network("resnet", **SMALL, stem="plain")
    assert classifier(random_images(2, 65, 65))["logits"].shape == (2, 3)


def test_layers_can_be_saved_and_loaded_by_anybody(tmp_path):
    model = build_network("deeplabv3plus", **SMALL | {"blocks": (1, 1, 1, 3)}, scales=(0.5,))
    model.save(tmp_path / "model.keras")
    again = tf_keras.models.load_model(tmp_path / "model.keras")
    images = random_images(1, 33, 33)
    np.testing.assert_allclose(again(images)["logits"], model(images)["logits"], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scales": (1.0,)}, "other than 1"),
        ({"scales": (0.5, 0.5)}, "different numbers"),
        ({"scales": (0.5,), "scale_resize": "nearest"}, 'scale_resize is "nearest"'),
        ({"blocks": (1, 1, 1)}, "four numbers"),
        ({"depth": 20}, "depth is 20"),
    ],
)
def test_wrong_values_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build_network("deeplabv2", **SMALL | changes)


def test_another_stride_is_refused():
    with pytest.raises(ValueError, match="output_stride is 4, but must be one of 8, 16, 32"):
        build_network("deeplabv3", **SMALL, output_stride=4)


def test_grids_need_one_number_per_block():
    with pytest.raises(ValueError, match="multi_grids needs 1 numbers"):
        build_network("deeplabv3", **SMALL)


def test_v3_takes_stride_16_or_8():
    with pytest.raises(ValueError, match="output_stride is 32, but must be 16 or 8"):
        build_network("deeplabv3", **SMALL, output_stride=32, multi_grids=())
