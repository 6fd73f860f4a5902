"""DeepLab's augmentation: the window's numbers are those of the whole image by OpenCV, Pillow."""

import collections
import functools

import cv2
import numpy as np
import pytest
import tensorflow as tf
from golden_cases import fill
from PIL import Image

from lfp_tf.data.segmentation.transforms_deeplab import (
    Choices,
    DeepLabAugmentation,
    augment,
    draw,
    frame_of,
    render,
    warp,
)
from lfp_tf.errors import LfpError

MEAN = (122.675, 116.669, 104.008)
CROP = (33, 41)
RULES = {
    "newest": DeepLabAugmentation(),
    "base": DeepLabAugmentation(base_size=60),
    "uniform": DeepLabAugmentation(scale_choices=(), scales=(0.4, 2.1)),
    "first": DeepLabAugmentation.seed(),
}


def sample(height, width, dtype="uint8"):
    image = fill(["image_u8", 3], "dl", "image", (height, width, 3), dtype)
    labels = fill(["labels", 19, 255, 0.1], "dl", "labels", (height, width), "uint8")
    return image, labels


def newest(image, labels, scale, offset, is_flipped, *, base=None, crop=CROP):
    """The steps of `libs/datasets/base.py` one after the other, on the whole image."""
    height, width = labels.shape
    if base:
        if height > width:
            height, width = base, int(1.0 * base * width / height)
        else:
            height, width = int(1.0 * base * height / width), base
    height, width = max(int(height * scale), 1), max(int(width * scale), 1)
    image = cv2.resize(image.astype(np.float32), (width, height))
    labels = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    pad_h, pad_w = max(crop[0] - height, 0), max(crop[1] - width, 0)
    image = cv2.copyMakeBorder(image, 0, pad_h, 0, pad_w, cv2.BORDER_CONSTANT, value=MEAN)
    labels = np.pad(np.asarray(labels), [[0, pad_h], [0, pad_w]], constant_values=255)
    return cut(image, labels, offset, is_flipped, crop)


def first(image, labels, scale, offset, is_flipped, *, crop=CROP):
    """The steps of `libs/datasets/cocostuff.py` of 2018; the padding is the mean, not 0 after it."""
    size = labels.shape
    image = cv2.resize(image.astype(np.float32), None, fx=scale, fy=scale)
    labels = cv2.resize(labels, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    missing = [max(a, c, b) - b for a, b, c in zip(size, labels.shape, crop, strict=True)]
    edges = [(pad // 2, pad - pad // 2) for pad in missing]
    image = cv2.copyMakeBorder(image, *edges[0], *edges[1], cv2.BORDER_CONSTANT, value=MEAN)
    labels = np.pad(labels, edges, constant_values=255)
    return cut(image, labels, offset, is_flipped, crop)


def cut(image, labels, offset, is_flipped, crop):
    rows, columns = (slice(o, o + c) for o, c in zip(offset, crop, strict=True))
    image, labels = image[rows, columns], labels[rows, columns]
    return (image[:, ::-1], labels[:, ::-1]) if is_flipped else (image, labels)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [(2, 3), (5, 80), (40, 160), (90, 70)], ids=str)
def test_the_window_has_the_numbers_of_the_whole_image(name, size):
    image, labels = sample(*size)
    rule = RULES[name]
    for number in range(6):
        key = tf.constant([3, number])
        got = augment(image, labels, key, crop=CROP, mean=MEAN, augmentation=rule)
        choices = draw(tf.constant(size), key, crop=CROP, augmentation=rule)
        grid, offset = choices.frame.grid, choices.offset.numpy()
        if rule.is_seed:
            scale = 1.0 / float(grid.step[0])
            want = first(image, labels, scale, offset, bool(choices.is_flipped))
        else:
            scale = drawn_scale(rule, key)
            flipped = bool(choices.is_flipped)
            want = newest(image, labels, scale, offset, flipped, base=rule.base_size)
        assert got[0].dtype == tf.float32 and got[1].dtype == tf.int32
        # Positions are float32: 1e-4 pixel, times steps of up to 255 levels.
        np.testing.assert_allclose(got[0], want[0], atol=0.05)
        np.testing.assert_array_equal(got[1], want[1])


def drawn_scale(rule, key):
    """The factor of a key, read off an image so large that truncation cannot hide it."""
    side = 2**24
    plain = DeepLabAugmentation(scale_choices=rule.scale_choices, scales=rule.scales)
    chosen = draw(tf.constant([side, side]), key, crop=CROP, augmentation=plain)
    scale = int(chosen.frame.grid.scaled[0]) / side
    return (
        min(rule.scale_choices, key=lambda one: abs(one - scale)) if rule.scale_choices else scale
    )


def test_what_a_crop_shows_none_of_is_padding():
    """Padded to its size before scaling, a small image may lie beside the crop."""
    image, labels = sample(90, 90)
    rule = RULES["first"]
    frame = frame_of(
        tf.constant([90, 90]), tf.constant(0.2, tf.float64), crop=(20, 20), augmentation=rule
    )
    choices = Choices(frame, tf.constant([0, 40]), tf.constant(True))
    words = {"crop": (20, 20), "mean": MEAN, "ignore_label": -1}
    image, labels = tf.constant(image), tf.constant(labels)
    got = tf.function(lambda: render(image, labels, choices, **words))()
    np.testing.assert_array_equal(got[0], np.broadcast_to(np.float32(MEAN), (20, 20, 3)))
    assert (got[1].numpy() == -1).all()


@pytest.mark.parametrize("name", RULES)
def test_sizes_known_only_when_the_graph_runs_give_the_same(name):
    image, labels = sample(50, 64)
    signature = [
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, None], tf.uint8),
        tf.TensorSpec([2], tf.int32),
    ]
    run = functools.partial(augment, crop=CROP, mean=MEAN, augmentation=RULES[name])
    graph = tf.function(run, input_signature=signature)
    for number in range(8):
        key = tf.constant([1, number])
        now, later = run(image, labels, key), graph(image, labels, key)
        np.testing.assert_allclose(now[0], later[0], atol=1e-3)
        np.testing.assert_array_equal(now[1], later[1])


def test_draws_fill_their_ranges():
    rule, size = DeepLabAugmentation(), tf.constant([200, 200])
    chosen = [draw(size, tf.constant([9, i]), crop=(20, 20), augmentation=rule) for i in range(300)]
    scales = collections.Counter(int(c.frame.grid.scaled[0]) for c in chosen)
    assert set(scales) == {100, 150, 200, 250, 300} and min(scales.values()) > 30
    assert 0.4 < np.mean([bool(c.is_flipped) for c in chosen]) < 0.6
    room = np.array([c.frame.padded.numpy() - 20 - c.offset.numpy() for c in chosen])
    assert room.min() >= 0 and (room < 5).any() and (room > 150).any()
    seed = DeepLabAugmentation.seed()
    steps = [
        1
        / float(
            draw(size, tf.constant([9, i]), crop=(20, 20), augmentation=seed).frame.grid.step[0]
        )
        for i in range(100)
    ]
    assert 0.5 <= min(steps) < 0.55 and 1.45 < max(steps) <= 1.5


def test_both_ends_of_the_offsets_are_drawn():
    rule = DeepLabAugmentation(scale_choices=(1.0,))
    offsets = {
        tuple(
            draw(
                tf.constant([22, 21]), tf.constant([0, i]), crop=(20, 20), augmentation=rule
            ).offset.numpy()
        )
        for i in range(100)
    }
    assert offsets == {(top, left) for top in (0, 1, 2) for left in (0, 1)}


def test_padding_is_exactly_zero_after_the_preprocessing():
    image, labels = sample(10, 12)
    got, _ = augment(
        image, labels, tf.constant([0, 0]), crop=CROP, mean=MEAN, augmentation=RULES["newest"]
    )
    assert (got.numpy()[20:] - np.float32(MEAN) == 0).all()


def test_warping_squashes_as_opencv_and_pillow():
    for dtype in ("uint8", "float32"):
        image, labels = sample(40, 64, dtype)
        got, squashed = warp(image, labels, (51, 47))
        assert got.shape == (51, 47, 3) and got.dtype == tf.float32
        want = cv2.resize(image.astype(np.float32), (47, 51))
        np.testing.assert_allclose(got, want, atol=0.01)
        pillow = Image.fromarray(labels).resize((47, 51), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(squashed, pillow)
    _, opencv = warp(image, labels, (51, 47), label_resize="opencv_nearest")
    want = cv2.resize(labels, (47, 51), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(opencv, want)


def test_fields_are_checked():
    with pytest.raises(LfpError, match=r"augmentation scale_choices must be above 0, not \[0.0"):
        DeepLabAugmentation(scale_choices=(0, 1))
    with pytest.raises(LfpError, match=r"augmentation scales must be \[least, largest\]"):
        DeepLabAugmentation(scales=(2, 1))
    with pytest.raises(LfpError, match=r"base_size must be above 0, not 0"):
        DeepLabAugmentation(base_size=0)
    with pytest.raises(LfpError, match=r"base_size is not for the first revision"):
        DeepLabAugmentation(base_size=9, is_seed=True)
    with pytest.raises(LfpError, match=r"flip_probability must lie in 0..1, not -1"):
        DeepLabAugmentation(flip_probability=-1)
    with pytest.raises(LfpError, match=r"label_resize is one of pil_nearest, opencv_nearest"):
        warp(*sample(4, 4), (3, 3), label_resize="nearest")
