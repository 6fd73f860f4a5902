import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from golden_cases import cases, fill

from lfp_tf.data.segmentation.transforms import Augmentation, augment, draw
from lfp_tf.errors import LfpError
from lfp_tf.ops import nearest, resize
from lfp_tf.parity import whole_transforms

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[2] / "golden" / "pspnet")
    if case.kind == "transform"
}
MEAN = (123.675, 116.28, 103.53)


def function_of(words, lineage):
    """The transform that a case's words describe."""
    words = {k: v for k, v in words.items() if k not in ("transform", "lineage", "type")} | {
        "name": words["transform"]
    }
    name = words.pop("name")
    if name == "compose":
        steps = [function_of(step, lineage) for step in words["steps"]]
        return functools.partial(whole_transforms.compose, steps=steps)
    if lineage == "tf1":
        name = {"rand_scale": "legacy_scale"}.get(name, name)
        if name == "crop":
            words["at_end"] = True
    return functools.partial(
        getattr(whole_transforms, {"resize": "resize_to"}.get(name, name)), **words
    )


@pytest.mark.parametrize("name", CASES)
def test_golden_case(name):
    case = CASES[name]
    inputs = case.inputs()
    transform = function_of(case.config, case.config["lineage"])
    image, labels = transform(tf.constant(inputs["image"]), tf.constant(inputs["labels"]))
    assert case.problems({"image": image.numpy(), "labels": labels.numpy()}) == []


def sample(height, width, seed=0):
    image = fill(["image_u8"], str(seed), "image", (height, width, 3), "uint8")
    labels = fill(["labels", 19, 255, 0.1], str(seed), "labels", (height, width), "uint8")
    return image, labels


def whole_image(image, labels, choices, crop):
    """What `render` must give, one whole-image transform after the other."""
    images, maps = tf.cast(image, tf.float32)[None], tf.cast(labels, tf.int32)[None]
    if choices.grid is not None and choices.grid.is_legacy:
        size = choices.grid.scaled
        images = resize.resize_legacy_bilinear(images, size)
        maps = nearest.resize_legacy_nearest(maps, size)
    elif choices.grid is not None:
        factors = tf.unstack(1.0 / choices.grid.step)
        images = resize.resize_opencv(images, factors=factors)
        maps = nearest.resize_opencv_nearest(maps, factors=factors)
    if choices.is_turned is not None and choices.is_turned:
        turn = {"angle": float(choices.angle), "padding": MEAN}
        images, maps = whole_transforms.rand_rotate(images, maps, **turn)
    if choices.is_blurred is not None and choices.is_blurred:
        images, maps = whole_transforms.gaussian_blur(images, maps)
    if choices.is_flipped is not None and choices.is_flipped:
        images, maps = whole_transforms.horizontal_flip(images, maps)
    is_legacy = choices.grid is not None and choices.grid.is_legacy
    images, maps = whole_transforms.crop(
        images,
        maps,
        size=crop,
        padding=MEAN,
        offset=tuple(choices.offset.numpy()),
        at_end=is_legacy,
    )
    return images[0].numpy(), maps[0].numpy()


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(),
        Augmentation(aspect_ratios=(0.6, 1.7), rotation_probability=1.0, blur_probability=1.0),
        Augmentation.tf1(),
        Augmentation.none(),
    ],
    ids=["torch", "aspect", "tf1", "none"],
)
@pytest.mark.parametrize("size", [(1, 1), (5, 1), (40, 160), (90, 70)], ids=str)
def test_the_window_has_the_numbers_of_the_whole_image(augmentation, size):
    image, labels = sample(*size)
    crop = (33, 41)
    for number in range(4):
        key = tf.constant([3, number])
        got = augment(image, labels, key, crop=crop, mean=MEAN, augmentation=augmentation)
        choices = draw(tf.constant(size), key, crop=crop, augmentation=augmentation)
        want_image, want_labels = whole_image(image, labels, choices, crop)
        # Positions are float32: 1e-4 pixel, times steps of up to 255 levels.
        np.testing.assert_allclose(got[0], want_image, atol=0.05)
        assert np.mean(got[1].numpy() != want_labels) <= 1e-3


def test_draws_depend_on_the_key_alone():
    image, labels = sample(40, 50)
    run = functools.partial(
        augment, image, labels, crop=(17, 17), mean=MEAN, augmentation=Augmentation()
    )
    first, again, other = (
        run(tf.constant([1, 5])),
        run(tf.constant([1, 5])),
        run(tf.constant([1, 6])),
    )
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_draws_fill_their_ranges():
    rule = Augmentation()
    chosen = [
        draw(tf.constant([100, 100]), tf.constant([9, i]), crop=(20, 20), augmentation=rule)
        for i in range(200)
    ]
    scales = np.array([1.0 / float(c.grid.step[0]) for c in chosen])
    angles = np.array([float(c.angle) for c in chosen])
    assert scales.min() >= 0.5 and scales.max() <= 2.0 and 1.15 < scales.mean() < 1.35
    assert angles.min() >= -10 and angles.max() <= 10 and abs(angles.mean()) < 1.5
    for name in ("is_turned", "is_blurred", "is_flipped"):
        assert 0.35 < np.mean([bool(getattr(c, name)) for c in chosen]) < 0.65
    assert all((c.offset.numpy() <= c.size.numpy() - 20).all() for c in chosen)


def test_flipping_twice_is_nothing():
    image, labels = (tf.constant(x)[None] for x in sample(9, 12))
    for flip in (whole_transforms.horizontal_flip, whole_transforms.vertical_flip):
        np.testing.assert_array_equal(flip(*flip(image, labels))[0], image)


def test_ranges_are_checked():
    with pytest.raises(LfpError, match=r"augmentation scales must be \[least, largest\]"):
        Augmentation(scales=(2.0, 0.5))
    with pytest.raises(LfpError, match=r"flip_probability must lie in 0..1, not 1.5"):
        Augmentation(flip_probability=1.5)
    with pytest.raises(LfpError, match="5x5 pixels, not 7x7"):
        whole_transforms.gaussian_blur(None, None, radius=7)
