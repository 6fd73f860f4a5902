"""From crops to joints: the last stack, the flip test, points by hand, several sizes fused."""

import numpy as np
import pytest
import tensorflow as tf
from small_people import KnownNetwork, same_maps

from lfp_tf.data.pose.pipeline import person_views
from lfp_tf.ops.heatmaps import HeatmapCodec
from lfp_tf.tasks.pose.prediction import (
    Protocol,
    box_frame,
    fused_keypoints,
    heatmap_function,
    image_box,
    keypoints,
    predictor,
)

THREE = ("left_hip", "neck", "right_hip")


def pooled(images):
    return tf.nn.avg_pool2d(images, 4, 4, "VALID")


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(1).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)


def means(crops):
    return crops.reshape(2, 16, 4, 16, 4, 3).mean(axis=(2, 4))


def test_the_last_stack_counts_and_crops_are_preprocessed(crops):
    network = KnownNetwork(pooled, THREE, preprocess="caffe")
    maps = heatmap_function(network, flip=False)(crops).numpy()
    expected = means(crops - np.float32([123.68, 116.779, 103.939]))[..., ::-1]
    np.testing.assert_allclose(maps, expected, atol=1e-3)


def test_the_mirror_image_is_turned_back_with_left_and_right_exchanged(crops):
    network = KnownNetwork(pooled, THREE)
    maps = heatmap_function(network, flip=True)(crops).numpy()
    red, green, blue = np.moveaxis(means(crops), -1, 0)
    half = (red + blue) / 2  # Red is the left hip; in the mirror, blue is.
    np.testing.assert_allclose(maps, np.stack([half, green, half], -1), atol=1e-3)


def test_a_mirrored_person_has_mirrored_joints():
    network = KnownNetwork(pooled, THREE)
    maps = heatmap_function(network, flip=True)
    crop = np.random.default_rng(2).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    once, turned = maps(crop).numpy(), maps(crop[:, :, ::-1]).numpy()
    np.testing.assert_allclose(turned, once[:, :, ::-1][..., [2, 1, 0]], atol=1e-4)


def test_points_by_hand():
    maps = np.zeros((1, 16, 16, 2), np.float32)
    maps[0, 5, 9, 0], maps[0, 5, 10, 0], maps[0, 4, 9, 0] = 0.8, 0.3, 0.2
    maps[0, 0, 7, 1] = 0.5
    points = keypoints(tf.constant(maps), tf.constant([[40.0, 30.0]]), tf.constant([0.375]))
    # A map pixel is 200 * 0.375 / 16 = 4.6875 pixels; the crop begins at (40 - 37.5, 30 - 37.5).
    # The first peak, column 9 and row 5 from 0, moves to 9.25 + 0.5 and 4.75 + 0.5: (2.5 + 45.7,
    # -7.5 + 24.6). The second lies on the border and stays, (7.5, 0.5): (2.5 + 35.2, -7.5 + 2.3).
    np.testing.assert_allclose(points[0], [[48.0, 17.0, 0.8], [37.0, -5.0, 0.5]])


def test_sizes_fused_find_the_joint():
    points = np.array([[30.0, 50.0], [61.0, 22.0]])
    center, scales = np.float32([45.0, 40.0]), np.float32([0.3, 0.4, 0.5])
    maps = [
        HeatmapCodec(16).encode(points, center.astype(np.float64), np.float64(s)) for s in scales
    ]
    joints = fused_keypoints(
        tf.stack(maps), tf.constant(center), tf.constant(scales), size=(80, 90), resolution=64
    ).numpy()
    # A map pixel is 4 to 6 pixels of the image.
    assert np.abs(joints[:, :2] - points).max() <= 4
    assert (joints[:, 2] > 0.8).all()


def test_an_image_is_a_person_as_high_as_it():
    center, scale = box_frame(image_box(np.zeros((120, 70, 3), np.uint8)))
    assert center.numpy().tolist() == [35.0, 60.0] and scale.numpy() == np.float32(0.6)
    center, scale = box_frame(tf.constant([10.0, 20.0, 50.0, 30.0]))
    assert center.numpy().tolist() == [25.0, 30.0] and scale.numpy() == np.float32(0.2)


@pytest.mark.parametrize("factors", [(1.0,), (0.8,), (0.9, 1.2)])
def test_people_of_an_image_one_after_the_other(factors):
    network = KnownNetwork(pooled, THREE)
    image = np.random.default_rng(3).integers(0, 256, (70, 90, 3), np.uint8)
    boxes = np.float32([[0, 0, 70, 90], [10, 30, 60, 50]])
    people = predictor(network, Protocol(flip=True, scales=factors))(image, boxes).numpy()
    maps = heatmap_function(network, flip=True)
    for box, joints in zip(boxes, people, strict=True):
        center, scale = box_frame(tf.constant(box))
        heatmaps = maps(person_views(image, center, scale, factors, resolution=64))
        scales = scale * tf.constant(factors)
        if len(factors) == 1:
            expected = keypoints(heatmaps, center[None], scales)[0]
        else:
            expected = fused_keypoints(heatmaps, center, scales, size=(70, 90), resolution=64)
        np.testing.assert_allclose(joints, expected, atol=1e-4)


def test_nobody_has_no_joints():
    constant, _ = same_maps()
    predict = predictor(KnownNetwork(constant), Protocol(flip=False))
    prediction = predict(np.zeros((9, 9, 3), np.uint8), np.zeros((0, 4), np.float32))
    assert prediction.shape == (0, 14, 3)
