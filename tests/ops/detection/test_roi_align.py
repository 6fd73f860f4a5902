import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.detection.roi_align import (
    assign_levels,
    pyramid_roi_align,
    restored_order,
    roi_align,
)


def plain_sample(image, y, x):
    height, width = image.shape[:2]
    if y < -1 or y > height or x < -1 or x > width:
        return np.zeros(image.shape[2])
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return upper * (1 - down) + lower * down


def plain_roi_align(maps, boxes, images, size, scale, samples, aligned):
    results = np.zeros((len(boxes), size, size, maps.shape[3]))
    for r, (box, image) in enumerate(zip(boxes.astype("d"), images, strict=True)):
        x, y, right, bottom = box * scale - 0.5 * aligned
        width, height = right - x, bottom - y
        if not aligned:
            width, height = max(width, 1), max(height, 1)
        rows = samples or max(math.ceil(height / size), 1)
        columns = samples or max(math.ceil(width / size), 1)
        for p in range(size):
            for q in range(size):
                results[r, p, q] = np.mean(
                    [
                        plain_sample(
                            maps[image],
                            y + (p + (i + 0.5) / rows) * height / size,
                            x + (q + (j + 0.5) / columns) * width / size,
                        )
                        for i in range(rows)
                        for j in range(columns)
                    ],
                    axis=0,
                )
    return results


def draw(seed, *, boxes=20, side=60.0):
    rng = np.random.RandomState(seed)
    maps = rng.normal(size=(2, 9, 12, 3)).astype("f")
    corners = rng.uniform(-20, 90, (boxes, 2))
    corners = np.concatenate([corners, corners + rng.uniform(0, side, (boxes, 2))], 1)
    return maps, corners.astype("f"), rng.randint(0, 2, boxes)


@given(st.integers(0, 10**6), st.sampled_from((0, 1, 2, 3)), st.booleans())
@settings(deadline=None, max_examples=15)
def test_pooled_values_are_those_of_a_plain_loop(seed, samples, aligned):
    maps, boxes, images = draw(seed, boxes=5)
    words = {"size": 3, "scale": 0.125, "samples": samples, "aligned": aligned}
    result = roi_align(maps, boxes, images, **words)
    np.testing.assert_allclose(result, plain_roi_align(maps, boxes, images, **words), atol=2e-4)


@pytest.mark.parametrize("samples", [0, 2])
def test_the_gradient_is_that_of_finite_differences(samples):
    maps, boxes, images = draw(3)
    upstream = np.random.RandomState(4).normal(size=(20, 3, 3, 3))
    words = {"size": 3, "scale": 0.125, "samples": samples, "aligned": False}
    features = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(features)
        pooled = roi_align(features, boxes, images, **words)
        total = tf.reduce_sum(pooled * tf.constant(upstream, tf.float32))
    gradient = tape.gradient(total, features).numpy()
    # Pooling is linear: the difference for a whole unit is exact. Some elements stand for all.
    for place in [(0, 0, 0, 0), (1, 8, 11, 2), (0, 4, 5, 1), (1, 3, 7, 0), (0, 8, 2, 2)]:
        unit = np.zeros(maps.shape)
        unit[place] = 1.0
        expected = np.sum(plain_roi_align(unit, boxes, images, **words) * upstream)
        np.testing.assert_allclose(gradient[place], expected, atol=1e-3)
    # Two images and more boxes than a block has.
    assert np.abs(gradient).max() > 1.0


@pytest.mark.parametrize("samples", [0, 2])
def test_the_gradient_is_the_same_bit_for_bit_in_every_run(samples):
    rng = np.random.RandomState(5)
    features = tf.constant(rng.normal(size=(2, 40, 56, 32)).astype("f"))
    corners = rng.uniform(0, 300, (90, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 150, (90, 2))], 1).astype("f")
    images, upstream = rng.randint(0, 2, 90), rng.normal(size=(90, 7, 7, 32)).astype("f")

    @tf.function
    def gradient(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            pooled = roi_align(features, boxes, images, size=7, scale=0.125, samples=samples)
        return tape.gradient(pooled, features, upstream)

    first = gradient(features).numpy()
    assert all(np.array_equal(first, gradient(features)) for _ in range(5))
    assert np.abs(first).max() > 0


def test_no_boxes_and_unknown_sizes():
    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3]),
            tf.TensorSpec([None, 4]),
            tf.TensorSpec([None], tf.int32),
        ]
    )
    def both(features, boxes, images):
        with tf.GradientTape() as tape:
            tape.watch(features)
            parts = [
                roi_align(features, boxes, images, size=3, scale=0.125, samples=s) for s in (0, 2)
            ]
        return parts, tape.gradient(parts, features)

    maps, boxes, images = draw(6)
    (adaptive, fixed), gradient = both(maps, boxes[:0], images[:0])
    assert adaptive.shape == fixed.shape == (0, 3, 3, 3)
    assert gradient.shape == maps.shape and not gradient.numpy().any()
    (adaptive, fixed), _ = both(maps, boxes, images)
    for samples, result in ((0, adaptive), (2, fixed)):
        expected = plain_roi_align(maps, boxes, images, 3, 0.125, samples, False)
        np.testing.assert_allclose(result, expected, atol=2e-4)


def test_levels_by_hand():
    sides = np.array([111, 112, 223, 224, 447, 448, 1, 5000], "f")
    boxes = np.stack([0 * sides, 0 * sides, sides - 1, sides - 1], 1)
    np.testing.assert_array_equal(assign_levels(boxes), [2, 3, 3, 4, 4, 5, 2, 5])
    np.testing.assert_array_equal(assign_levels(boxes + [0, 0, 1, 1], pixel=0.0)[:4], [2, 3, 3, 4])


@given(st.lists(st.integers(2, 5), max_size=12))
@settings(deadline=None, max_examples=20)
def test_restoring_undoes_sorting_by_level(levels):
    levels = np.array(levels, "i")
    ordered = np.concatenate([np.flatnonzero(levels == level) for level in range(2, 6)])
    restored = ordered[restored_order(tf.constant(levels)).numpy()]
    np.testing.assert_array_equal(restored, np.arange(len(levels)))


def test_each_box_is_pooled_from_the_map_of_its_level():
    maps, boxes, images = draw(7)
    features = {2: tf.constant(maps), 3: tf.constant(2 * maps[:, ::2, ::2])}
    levels = np.random.RandomState(8).randint(2, 4, 20)
    pooled = pyramid_roi_align(features, boxes, tf.constant(images), levels, size=3)
    for level, feature in features.items():
        alone = roi_align(feature, boxes, images, size=3, scale=2.0**-level)
        np.testing.assert_array_equal(pooled[levels == level], alone[levels == level])
