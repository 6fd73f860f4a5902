"""Crops of people, heat maps, and the way back: laws that hold beside the golden cases."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops import heatmaps, pose
from lfp_tf.ops.heatmaps import HeatmapCodec

ORDER = [1, 0, 2]


def f64(value):
    return tf.constant(value, tf.float64)


def moved(point, **words):
    words = {"resolution": 64} | words
    return pose.transform(f64(point), f64([100.0, 80.0]), f64(0.64), **words).numpy().tolist()


def test_the_centre_of_the_image_is_the_middle_of_the_crop():
    # 200 * 0.64 = 128 pixels become 64: half a pixel each.
    assert moved([101.0, 81.0]) == [33, 33]
    assert moved([103.0, 83.0]) == [34, 34]
    assert moved([33.0, 33.0], invert=True) == [101, 81]


def test_truncation_is_toward_zero():
    # (95 - 1 - 100) / 2 + 32 = 29; beyond the corner -0.5 becomes 0, which counts as 1.
    assert moved([95.0, 81.0]) == [30, 33]
    assert moved([36.0, 81.0])[0] == 1


def test_a_turn_by_90_degrees_goes_with_the_crop():
    image = np.zeros((65, 65, 1), np.float32)
    image[32, 50] = 1.0
    crop = pose.person_crop(image, f64([33.0, 33.0]), f64(0.32), resolution=64, rotation=90.0)
    y, x = np.unravel_index(crop.numpy()[..., 0].argmax(), (64, 64))
    point = pose.transform(
        f64([51.0, 33.0]), f64([33.0, 33.0]), f64(0.32), resolution=64, rotation=90.0
    )
    assert np.abs(point.numpy() - [x + 1, y + 1]).max() <= 1


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.64, 3.0])
def test_a_crop_beside_the_image_is_black(scale):
    image = np.ones((20, 30, 3), np.float32)
    crop = pose.person_crop(image, f64([900.0, -700.0]), f64(scale), resolution=16)
    assert crop.shape == (16, 16, 3) and not crop.numpy().any()


def test_an_image_that_shrinks_to_nothing_is_black():
    crop = pose.person_crop(np.ones((6, 6, 3), "f"), f64([3.0, 3.0]), f64(9.0), resolution=16)
    assert not crop.numpy().any()


def test_a_crop_of_no_size_does_not_fail():
    crop = pose.person_crop(np.ones((9, 9, 3), "f"), f64([4.0, 4.0]), f64(1e-4), resolution=8)
    assert np.isfinite(crop.numpy()).all()


def test_crops_know_sizes_only_when_they_run():
    image = np.random.RandomState(0).uniform(0, 1, (40, 50, 3)).astype("f")
    graph = tf.function(
        lambda x, s, r: pose.person_crop(x, [25.0, 20.0], s, resolution=16, rotation=r),
        input_signature=[
            tf.TensorSpec([None, None, 3]),
            tf.TensorSpec([], tf.float64),
            tf.TensorSpec([], tf.float64),
        ],
    )
    for scale, rotation in ((0.1, 0.0), (0.1, 30.0), (0.5, 0.0), (0.5, -20.0)):
        want = pose.person_crop(
            image, [25.0, 20.0], f64(scale), resolution=16, rotation=f64(rotation)
        )
        got = graph(image, f64(scale), f64(rotation))
        assert got.shape == (16, 16, 3)
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_a_bell_is_one_at_its_joint_and_nothing_where_none_is_annotated():
    points = f64([[32.0, 20.0], [0.0, 9.0], [-3.0, 5.0]])
    maps = HeatmapCodec(64).encode(points, f64([32.0, 32.0]), f64(0.32)).numpy()
    assert maps[20, 32, 0] == 1.0 and maps[..., 0].sum() > 10
    assert not maps[..., 1:].any()
    assert maps[20, 33, 0] == pytest.approx(np.exp(-0.5 / 1.75**2))
    assert maps[20, 35, 0] > 0 and maps[20, 36, 0] == 0


def test_the_original_shifts_bells_at_the_upper_left_border():
    person = f64([[1.0, 30.0]]), f64([32.0, 32.0]), f64(0.32)
    right, legacy = (
        HeatmapCodec(64, legacy_border=is_legacy).encode(*person).numpy()[30, :, 0]
        for is_legacy in (False, True)
    )
    assert right.argmax() == 1
    # Its bell begins at -1: two pixels further in, cut where the right one ends.
    assert legacy.argmax() == 3 and legacy[5:].sum() == 0


def test_the_way_back_finds_the_joint():
    centers, scales = f64([[200.0, 150.0]]), f64([1.3])
    truth = np.array([[180.0, 120.0], [240.0, 190.0], [205.0, 160.0]])
    maps = HeatmapCodec(64).encode(f64(truth), centers[0], scales[0])[None]
    joints = HeatmapCodec(64).decode(maps, centers, scales).numpy()
    # A pixel of the maps is 200 * 1.3 / 64 = 4 pixels of the image.
    assert np.abs(joints[0, :, :2] - truth).max() < 4.1
    np.testing.assert_allclose(joints[0, :, 2], 1.0)


def test_an_empty_map_gives_the_corner():
    found = heatmaps.map_points(tf.zeros([1, 8, 8, 2])).numpy()
    assert found[0].tolist() == [[1.5, 1.5, 0.0]] * 2


def test_the_first_of_equal_peaks_counts():
    maps = np.zeros((1, 4, 5, 1), np.float32)
    maps[0, 1, 3] = maps[0, 2, 1] = 0.7
    assert heatmaps.peaks(tf.constant(maps)).numpy()[0, 0].tolist() == pytest.approx(
        [4.0, 2.0, 0.7]
    )


def test_flipping_twice_changes_nothing():
    maps = tf.constant(np.random.RandomState(0).normal(size=(2, 4, 4, 3)).astype("f"))
    twice = heatmaps.mirrored_maps(heatmaps.mirrored_maps(maps, flip_order=ORDER), flip_order=ORDER)
    np.testing.assert_array_equal(twice, maps)
    same = heatmaps.flip_average(
        maps, heatmaps.mirrored_maps(maps, flip_order=ORDER), flip_order=ORDER
    )
    np.testing.assert_allclose(same, maps)


def test_fused_maps_beside_the_image_are_nothing():
    fused = heatmaps.fused_maps(
        tf.ones([2, 8, 8, 1]), f64([-900.0, 4.0]), f64([0.1, 0.2]), size=(12, 10), resolution=32
    )
    assert fused.shape == (12, 10, 1) and not fused.numpy().any()
