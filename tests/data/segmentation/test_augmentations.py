"""Segmentation's augmentation: the crop's window has the numbers of the whole image."""

import collections
import dataclasses
import functools

import cv2
import numpy as np
import pytest
import tensorflow as tf
from golden_cases import fill
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lfp_tf.data.segmentation.augmentations import (
    Blur,
    Canvas,
    ColorShift,
    Crop,
    Flip,
    Place,
    Rotate,
    Scale,
    Sized,
    Warp,
    augment,
    draw,
    from_steps,
    recipe,
    render,
    shifted_colors,
)
from lfp_tf.data.segmentation.steps import check_steps
from lfp_tf.data.steps import Augmentation
from lfp_tf.errors import LfpError
from lfp_tf.ops import nearest, resize
from lfp_tf.parity import whole_transforms
from lfp_tf.tasks.segmentation.config import Augmentation as Fields

MEAN = (122.675, 116.669, 104.008)
CANVAS = Canvas((33, 41), MEAN)
CROP = CANVAS.crop
SEMSEG = recipe("semseg")


def sample(height, width, dtype="uint8"):
    image = fill(["image_u8", 3], "seg", "image", (height, width, 3), dtype)
    labels = fill(["labels", 19, 255, 0.1], "seg", "labels", (height, width), "uint8")
    return image, labels


def with_steps(augmentation, *steps):
    """The augmentation with some of its steps replaced, by their names."""
    by_name = {step.NAME: step for step in steps}
    changed = tuple(by_name.get(step.NAME, step) for step in augmentation.steps)
    return dataclasses.replace(augmentation, steps=changed)


def choices_of(augmentation, size, key, crop=CROP):
    """{name of a step: its choice}."""
    drawn = draw(tf.constant(size), tf.constant(key), augmentation=augmentation, crop=crop)
    return {step.NAME: c for step, c in zip(augmentation.steps, drawn, strict=True)}


def is_done(choice):
    return choice is not None and bool(choice.is_done)


# hszhao/semseg and the TF1 port


def whole_image(image, labels, choices, crop):
    """What `render` must give, one whole-image transform after the other."""
    images, maps = tf.cast(image, tf.float32)[None], tf.cast(labels, tf.int32)[None]
    grid = choices.get("scale")
    is_legacy = grid is not None and grid.is_legacy
    if is_legacy:
        images = resize.resize_legacy_bilinear(images, grid.scaled)
        maps = nearest.resize_legacy_nearest(maps, grid.scaled)
    elif grid is not None:
        factors = tf.unstack(1.0 / grid.step)
        images = resize.resize_opencv(images, factors=factors)
        maps = nearest.resize_opencv_nearest(maps, factors=factors)
    if is_done(choices.get("rotate")):
        turn = {"angle": float(choices["rotate"].value), "padding": MEAN}
        images, maps = whole_transforms.rand_rotate(images, maps, **turn)
    if is_done(choices.get("blur")):
        images, maps = whole_transforms.gaussian_blur(images, maps)
    if is_done(choices.get("flip")):
        images, maps = whole_transforms.horizontal_flip(images, maps)
    images, maps = whole_transforms.crop(
        images,
        maps,
        size=crop,
        padding=MEAN,
        offset=tuple(choices["crop"].offset.numpy()),
        at_end=is_legacy,
    )
    return images[0].numpy(), maps[0].numpy()


@pytest.mark.parametrize(
    "augmentation",
    [
        SEMSEG,
        with_steps(
            SEMSEG, Scale(aspect_ratios=(0.6, 1.7)), Rotate(probability=1.0), Blur(probability=1.0)
        ),
        recipe("tf1"),
        recipe("none"),
    ],
    ids=["torch", "aspect", "tf1", "none"],
)
@pytest.mark.parametrize("size", [(1, 1), (5, 1), (40, 160), (90, 70)], ids=str)
def test_semsegs_window_has_the_numbers_of_the_whole_image(augmentation, size):
    image, labels = sample(*size)
    for number in range(4):
        key = tf.constant([3, number])
        got = augment(image, labels, key, augmentation=augmentation, canvas=CANVAS)
        choices = choices_of(augmentation, size, [3, number])
        expected_image, expected_labels = whole_image(image, labels, choices, CROP)
        # Positions are float32: 1e-4 pixel, times steps of up to 255 levels.
        np.testing.assert_allclose(got[0], expected_image, atol=0.05)
        assert np.mean(got[1].numpy() != expected_labels) <= 1e-3


def test_draws_depend_on_the_key_alone():
    run = functools.partial(augment, *sample(40, 50), augmentation=SEMSEG, canvas=CANVAS)
    first, again, other = (run(tf.constant([1, number])) for number in (5, 5, 6))
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_semsegs_draws_fill_their_ranges():
    drawn = [choices_of(SEMSEG, [100, 100], [9, i], crop=(20, 20)) for i in range(200)]
    scales = np.array([1.0 / float(c["scale"].step[0]) for c in drawn])
    angles = np.array([float(c["rotate"].value) for c in drawn])
    assert scales.min() >= 0.5 and scales.max() <= 2.0 and 1.15 < scales.mean() < 1.35
    assert angles.min() >= -10 and angles.max() <= 10 and abs(angles.mean()) < 1.5
    for name in ("rotate", "blur", "flip"):
        assert 0.35 < np.mean([is_done(c[name]) for c in drawn]) < 0.65
    places = [c["crop"] for c in drawn]
    assert all((p.offset.numpy() <= p.size.numpy() - 20).all() for p in places)


# kazuto1011/deeplab-pytorch

DEEPLAB = recipe("deeplab")
SEED = recipe("deeplab_seed")
RULES = {
    "newest": DEEPLAB,
    "base": with_steps(DEEPLAB, dataclasses.replace(DEEPLAB.steps[0], base_size=60)),
    "uniform": with_steps(DEEPLAB, Scale((0.4, 2.1), rule="pillow")),
    "first": SEED,
}


def newest_deeplab(image, labels, scale, offset, is_flipped, *, base=None, crop=CROP):
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


def first_deeplab(image, labels, scale, offset, is_flipped, *, crop=CROP):
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


def drawn_factor(augmentation, key):
    """The factor of a key, read off an image so large that truncation cannot hide it."""
    side = 2**24
    scale = dataclasses.replace(augmentation.steps[0], base_size=0)
    grid = choices_of(with_steps(augmentation, scale), [side, side], key)["scale"]
    factor = int(grid.scaled[0]) / side
    return min(scale.choices, key=lambda c: abs(c - factor)) if scale.choices else factor


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [(2, 3), (5, 80), (40, 160), (90, 70)], ids=str)
def test_deeplabs_window_has_the_numbers_of_the_whole_image(name, size):
    image, labels = sample(*size)
    augmentation = RULES[name]
    for number in range(6):
        key = [3, number]
        got = augment(image, labels, tf.constant(key), augmentation=augmentation, canvas=CANVAS)
        choices = choices_of(augmentation, size, key)
        offset, is_flipped = choices["crop"].offset.numpy(), is_done(choices["flip"])
        if name == "first":
            factor = 1.0 / float(choices["scale"].step[0])
            expected = first_deeplab(image, labels, factor, offset, is_flipped)
        else:
            base = augmentation.steps[0].base_size
            factor = drawn_factor(augmentation, key)
            expected = newest_deeplab(image, labels, factor, offset, is_flipped, base=base)
        assert got[0].dtype == tf.float32 and got[1].dtype == tf.int32
        # Positions are float32: 1e-4 pixel, times steps of up to 255 levels.
        np.testing.assert_allclose(got[0], expected[0], atol=0.05)
        np.testing.assert_array_equal(got[1], expected[1])


def test_a_crop_that_shows_nothing_of_the_image_is_padding():
    """Padded to its size before scaling, a small image may lie beside the crop."""
    image, labels = map(tf.constant, sample(90, 90))
    scale, crop, _ = SEED.steps
    grid = scale.grid(tf.constant([90, 90]), tf.constant([0.2, 0.2], tf.float64))
    before, _ = crop.padded(grid.scaled, (20, 20), grid.size)
    place = Place(grid.scaled, tf.constant([0, 40]), before)
    choices = [grid, place, Sized(tf.constant([20, 20]), tf.constant(True))]
    canvas = Canvas((20, 20), MEAN, -1)
    run = functools.partial(render, choices=choices, augmentation=SEED, canvas=canvas)
    got = tf.function(lambda: run(image, labels))()
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
    run = functools.partial(augment, augmentation=RULES[name], canvas=CANVAS)
    graph = tf.function(run, input_signature=signature)
    for number in range(8):
        key = tf.constant([1, number])
        now, later = run(image, labels, key), graph(image, labels, key)
        np.testing.assert_allclose(now[0], later[0], atol=1e-3)
        np.testing.assert_array_equal(now[1], later[1])


def test_deeplabs_draws_fill_their_ranges():
    drawn = [choices_of(DEEPLAB, [200, 200], [9, i], crop=(20, 20)) for i in range(300)]
    sides = collections.Counter(int(c["scale"].scaled[0]) for c in drawn)
    assert set(sides) == {100, 150, 200, 250, 300} and min(sides.values()) > 30
    assert 0.4 < np.mean([is_done(c["flip"]) for c in drawn]) < 0.6
    room = np.array([c["scale"].scaled.numpy() - 20 - c["crop"].offset.numpy() for c in drawn])
    assert room.min() >= 0 and (room < 5).any() and (room > 150).any()
    drawn = [choices_of(SEED, [200, 200], [9, i], crop=(20, 20)) for i in range(100)]
    factors = [1 / float(c["scale"].step[0]) for c in drawn]
    assert 0.5 <= min(factors) < 0.55 and 1.45 < max(factors) <= 1.5


def test_both_ends_of_the_offsets_are_drawn():
    augmentation = with_steps(DEEPLAB, Scale(choices=(1.0,), rule="pillow"))
    drawn = [choices_of(augmentation, [22, 21], [0, i], crop=(20, 20)) for i in range(100)]
    offsets = {tuple(c["crop"].offset.numpy()) for c in drawn}
    assert offsets == {(top, left) for top in (0, 1, 2) for left in (0, 1)}


def test_padding_is_exactly_zero_after_the_preprocessing():
    got, _ = augment(*sample(10, 12), tf.constant([0, 0]), augmentation=DEEPLAB, canvas=CANVAS)
    assert (got.numpy()[20:] - np.float32(MEAN) == 0).all()


def test_warping_squashes_as_opencv_and_pillow():
    for dtype in ("uint8", "float32"):
        image, labels = sample(40, 64, dtype)
        got, squashed = Warp((51, 47))(image, labels)
        assert got.shape == (51, 47, 3) and got.dtype == tf.float32
        np.testing.assert_allclose(got, cv2.resize(image.astype("f"), (47, 51)), atol=0.01)
        pillow = Image.fromarray(labels).resize((47, 51), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(squashed, pillow)
    _, opencv = Warp((51, 47), "opencv_nearest")(image, labels)
    expected = cv2.resize(labels, (47, 51), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(opencv, expected)
    with pytest.raises(LfpError, match=r"label_resize is one of pil_nearest, opencv_nearest"):
        Warp((3, 3), "nearest")


# Learning Feature Pyramids

LFP = recipe("lfp")
ORIGINAL = recipe("lfp_original")
SMALL = Canvas((24, 20), (1.0, 2.0, 3.0))


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("factor", [0.9, 1.07])
def test_lfps_crop_is_part_of_opencvs_whole(factor, is_flipped):
    random = np.random.RandomState(0)
    image = cv2.GaussianBlur(random.uniform(0, 255, (40, 50, 3)).astype("f"), (5, 5), 2)
    labels = random.randint(0, 5, (40, 50)).astype(np.uint8)
    size = (int(50 * factor), int(40 * factor))
    whole = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    whole_labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    if is_flipped:
        whole, whole_labels = whole[:, ::-1], whole_labels[:, ::-1]
    grid = LFP.steps[1].grid(tf.constant([40, 50]), tf.constant([factor] * 2, tf.float64))
    place = Place(grid.scaled, tf.constant([5, 9]), tf.constant([0, 0]))
    choices = [None, grid, Sized(grid.scaled, tf.constant(is_flipped)), place]
    got, got_labels = render(
        tf.constant(image), tf.constant(labels), choices, augmentation=LFP, canvas=SMALL
    )
    np.testing.assert_allclose(got, whole[5:29, 9:29], atol=0.02)
    np.testing.assert_array_equal(got_labels, whole_labels[5:29, 9:29])


def test_lfps_padding_is_grey_and_ignored_at_bottom_and_right():
    image, labels = augment(*sample(10, 12), tf.constant([1, 0]), augmentation=LFP, canvas=SMALL)
    assert (image[11:].numpy() == 128).all() and (image[:, 14:].numpy() == 128).all()
    assert (labels[11:].numpy() == 255).all() and (labels[:9, :10].numpy() != 255).any()


def test_crops_come_from_everywhere_but_lfps_originals_from_the_upper_left():
    def shares(augmentation):
        found = []
        for number in range(60):
            choices = choices_of(augmentation, [60, 80], [1, number], crop=SMALL.crop)
            room = choices["scale"].scaled.numpy() - SMALL.crop
            found.append(choices["crop"].offset.numpy() / room)
        return np.array(found)

    ours, theirs = shares(LFP), shares(ORIGINAL)
    assert ours.max() > 0.9 and abs(np.corrcoef(ours.T)[0, 1]) < 0.4
    assert theirs.max() <= 0.5 and np.corrcoef(theirs.T)[0, 1] > 0.95


def test_shifted_colours_by_hand():
    # Hue 0 (red), saturation 0.5, value 200: 120 degrees further is green.
    image = tf.constant([[[200.0, 100.0, 100.0]]])
    for shift, expected in (
        ([120.0, 0.0, 0.0], [100.0, 200.0, 100.0]),
        ([0.0, 0.25, 20.0], [220.0, 55.0, 55.0]),
        ([0.0, 0.0, 0.0], [200.0, 100.0, 100.0]),
    ):
        shifted = shifted_colors(image, tf.constant(shift))
        np.testing.assert_allclose(shifted, [[expected]], atol=1e-3)
    # Colours far out of range are cut, not wrapped.
    shifted = shifted_colors(image, tf.constant([0.0, 50.0, 0.0])).numpy()
    assert shifted.min() == 0 and shifted.max() <= 255


# Lists of steps

_ORDER_FREE = (Rotate((-40.0, 40.0), 0.9), Blur(0.5), Flip(0.5), ColorShift(probability=0.5))


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(5)),
    number=st.integers(0, 2**20),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    rule=st.sampled_from(["opencv", "pillow", "truncated", "legacy"]),
)
def test_any_order_of_steps_gives_a_window_of_the_whole(order, number, size, rule):
    steps = [(Scale((0.6, 1.8), rule=rule), *_ORDER_FREE)[place] for place in order]
    augmentation = Augmentation.of([*steps, Crop()])
    image, labels = map(tf.constant, sample(*size, "float32"))
    choices = draw(
        tf.constant(size), tf.constant([0, number]), augmentation=augmentation, crop=(9, 7)
    )
    cut = render(image, labels, choices, augmentation=augmentation, canvas=Canvas((9, 7), MEAN))
    place = choices[-1]
    whole_size = tuple(place.size.numpy())
    zeros = tf.zeros([2], tf.int32)
    choices = [*choices[:-1], Place(place.size, zeros, zeros)]
    whole = render(
        image, labels, choices, augmentation=augmentation, canvas=Canvas(whole_size, MEAN)
    )
    top, left = (place.offset - place.before).numpy()
    rows = slice(max(top, 0), top + 9), slice(max(left, 0), left + 7)
    visible = whole[1].numpy()[rows].shape
    first = (max(-top, 0), max(-left, 0))
    part = slice(first[0], first[0] + visible[0]), slice(first[1], first[1] + visible[1])
    np.testing.assert_allclose(cut[0].numpy()[part], whole[0].numpy()[rows], atol=0.1)
    assert np.mean(cut[1].numpy()[part] != whole[1].numpy()[rows]) <= 0.02
    outside = np.ones((9, 7), bool)
    outside[part] = False
    assert (cut[1].numpy()[outside] == 255).all()


def test_a_users_list_is_carried_out_and_ends_in_a_crop():
    augmentation = from_steps([{"scale": {"factors": [2, 2]}}, {"flip": {"probability": 1}}])
    assert [step.NAME for step in augmentation.steps] == ["scale", "flip", "crop"]
    image, labels = sample(30, 30)
    got, _ = augment(
        image, labels, tf.constant([0, 0]), augmentation=augmentation, canvas=Canvas((60, 60), MEAN)
    )
    expected = cv2.resize(image.astype("f"), (60, 60))[:, ::-1]
    np.testing.assert_allclose(got, expected, atol=0.05)


def test_equal_steps_draw_numbers_of_their_own():
    augmentation = from_steps(["flip", "flip"])
    drawn = [
        draw(tf.constant([9, 9]), tf.constant([0, n]), augmentation=augmentation, crop=(9, 9))
        for n in range(40)
    ]
    assert {(bool(a.is_done), bool(b.is_done)) for a, b, _ in drawn} == {
        (a, b) for a in (False, True) for b in (False, True)
    }


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["sclae"], 'There is no augmentation step "sclae". Did you mean "scale"?'),
        ([{"flip": {"p": 1}}], 'augmentation step flip has no option "p".'),
        (
            [{"flip": {"probability": "often"}}],
            "flip.probability is 'often', but must be a number.",
        ),
        ([{"flip": {"probability": 2}}], "augmentation flip.probability must lie in 0..1, not 2."),
        (
            [{"scale": {"factors": [2, 1]}}],
            "scale.factors must be [least, largest], not [2.0, 1.0]",
        ),
        (
            [{"scale": {"rule": "pil"}}],
            'augmentation scale.rule is "pil", but must be one of opencv,',
        ),
        (
            [{"scale": {"base_size": 9}}],
            "scale.base_size goes with the rules pillow and truncated.",
        ),
        ([{"crop": {"color": [1]}}], "augmentation crop.color must be [R, G, B], not [1]."),
        ([{"flip": None, "blur": None}], "write each step as NAME or NAME: {OPTION: VALUE}."),
        ([{"flip": 1}], "augmentation step flip takes {OPTION: VALUE}, not 1."),
        (["crop", "crop"], "augmentation.steps has two crops"),
        (["crop", "scale"], "augmentation.steps has a scale behind the crop"),
    ],
)
def test_wrong_lists_are_refused(entries, message):
    with pytest.raises(LfpError) as caught:
        check_steps(entries)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("semseg", {"scale_min": 3.0}, "scale.factors must be"),
        ("deeplab", {"scale_choices": [0.0, 1.0]}, "scale.choices must lie in"),
        ("deeplab_seed", {"base_size": 9}, "base_size is not for the first revision"),
        ("lfp", {"flip_probability": -1.0}, "flip.probability must lie in 0..1"),
    ],
)
def test_impossible_recipes_are_refused(name, changes, message):
    with pytest.raises(LfpError, match=message):
        recipe(name, fields=Fields(recipe=name).replace(**changes))
