"""The CRF against the original's numbers and its C++, and the laws that it keeps."""

import pathlib

import numpy as np
import pytest
import tiny
from golden_cases import cases, fill
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.crf import pydensecrf
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, CrfOptions, guiding_image, refine

GOLDEN = pathlib.Path(__file__).parents[3] / "golden" / "deeplabv2"
CASES = [case for case in cases(GOLDEN) if case.kind == "crf"]
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
laws = settings(max_examples=20, deadline=None, derandomize=True)


def softmax(logits):
    values = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return values / values.sum(axis=-1, keepdims=True)


def half_pixel(values, size):
    """[h, w, C] to [*size, C], bilinear, pixel centres on pixel centres, edges repeated."""
    for axis, count in enumerate(size):
        places = (np.arange(count) + 0.5) * values.shape[axis] / count - 0.5
        places = np.clip(places, 0, values.shape[axis] - 1)
        low = np.floor(places).astype(int)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (places - low).reshape([-1 if a == axis else 1 for a in range(3)])
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return values.astype(np.float32)


def of_case(case):
    """(probabilities, image RGB, options) of a golden case."""
    inputs, words = case.inputs(), dict(case.config)
    image = inputs["image"][..., ::-1]
    probabilities = softmax(half_pixel(inputs["logits"], image.shape[:2]))
    mean = tuple(words.pop("mean_bgr")[::-1])
    return probabilities, image, CrfOptions(**words, mean_rgb=mean)


def drawn(height=40, width=56, classes=6, seed="s"):
    """An image and probabilities that follow it loosely."""
    image = fill(["image_u8"], seed, "image", (height, width, 3), "uint8")
    coarse = fill(["normal", 0.0, 2.0], seed, "logits", (-(-height // 7), -(-width // 7), classes))
    return softmax(half_pixel(coarse, (height, width))), image


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_golden_case(case):
    refined = refine(*of_case(case))
    got = {"probabilities": refined, "labels": refined.argmax(axis=2)}
    assert case.problems(got) == []


def test_there_are_four_golden_cases():
    assert len(CASES) == 4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_golden_case_by_the_other_backend(case):
    pytest.importorskip("pydensecrf", reason="extra crf")
    probabilities, image, options = of_case(case)
    options = CrfOptions(**{**vars(options), "backend": "pydensecrf"})
    refined = refine(probabilities, image, options)
    got = {"probabilities": refined, "labels": refined.argmax(axis=2)}
    assert case.problems(got) == []


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("noise", [0, 40])
def test_both_backends_agree(preset, noise):
    pytest.importorskip("pydensecrf", reason="extra crf")
    probabilities, image = drawn(64, 80)
    more = np.random.default_rng(0).normal(0, noise, image.shape)
    image = np.clip(image + more, 0, 255).astype(np.uint8)
    ours, theirs = (
        refine(probabilities, image, CrfOptions(**{**vars(PRESETS[preset]), "backend": name}))
        for name in ("numpy", "pydensecrf")
    )
    # float32 sums in another order, through ten iterations.
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_presets_are_the_parameters_of_both_revisions():
    def numbers(options):
        names = ("iterations", "pos_w", "pos_xy_std", "bi_w", "bi_xy_std", "bi_rgb_std")
        return [getattr(options, name) for name in names]

    assert numbers(PRESETS["newest"]) == [10, 3, 1, 4, 67, 3]
    assert numbers(PRESETS["seed"]) == [10, 3, 3, 4, 49, 5]


@laws
@given(SIZES, st.integers(1, 5), st.integers(0, 99))
def test_classes_that_are_alike_stay_alike(size, classes, seed):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    refined = refine(np.full((*size, classes), 1 / classes, np.float32), image)
    np.testing.assert_allclose(refined, 1 / classes, atol=1e-6)


@laws
@given(SIZES, st.permutations(range(4)), st.integers(0, 99))
def test_the_order_of_the_classes_does_not_matter(size, order, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    probabilities = softmax(rng.normal(0, 2, (*size, 4)))
    refined = refine(probabilities[..., order], image)
    np.testing.assert_allclose(refined, refine(probabilities, image)[..., order], atol=1e-5)
    np.testing.assert_allclose(refined.sum(axis=2), 1, atol=1e-5)
    assert refined.dtype == np.float32 and refined.shape == (*size, 4)


def test_a_flat_image_is_smoothed_to_its_commonest_class():
    probabilities = np.full((9, 11, 2), (0.8, 0.2), np.float32)
    probabilities[4, 5] = (0.3, 0.7)
    refined = refine(probabilities, np.full((9, 11, 3), 90, np.uint8))
    assert (refined.argmax(axis=2) == 0).all()


def test_an_edge_of_the_image_keeps_its_sides_apart():
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, 10:] = 200
    # The network put the border two pixels too far to the right.
    probabilities = np.full((20, 20, 2), (0.7, 0.3), np.float32)
    probabilities[:, 12:] = (0.3, 0.7)
    labels = refine(probabilities, image).argmax(axis=2)
    np.testing.assert_array_equal(labels, np.repeat([[0] * 10 + [1] * 10], 20, axis=0))


def test_one_class_and_one_pixel():
    assert refine(np.ones((1, 1, 1), np.float32), np.zeros((1, 1, 3), np.uint8)) == 1
    refined = refine(np.float32([[[0.9, 0.1]]]), np.zeros((1, 1, 3), np.uint8))
    assert refined[0, 0, 0] > 0.9


def test_without_weights_only_the_floor_is_left():
    probabilities, image = drawn()
    refined = refine(probabilities, image, CrfOptions(pos_w=0, bi_w=0, floor=0.01))
    floored = np.maximum(probabilities, 0.01)
    np.testing.assert_allclose(refined, floored / floored.sum(axis=2, keepdims=True), atol=1e-6)


def test_the_wrapped_guide_is_the_originals_cast():
    image = np.array([[[0, 104, 105], [255, 0, 1]]], np.uint8)
    options = CrfOptions(guide="wrapped_mean_subtracted", mean_rgb=(104.008, 104.008, 104.008))
    # -104.008, -0.008 and 0.992; 150.992, -104.008 and -103.008.
    assert guiding_image(image, options).tolist() == [[[152, 0, 0], [150, 152, 153]]]
    assert guiding_image(image, CrfOptions()) is image


def test_a_class_subset_drops_what_is_unlikely_everywhere_and_changes_little():
    probabilities, image = drawn(classes=4)
    rare = np.full((*image.shape[:2], 2), 1e-4, np.float32)
    probabilities = np.concatenate([probabilities * (1 - 2e-4), rare], axis=2)
    whole = refine(probabilities, image)
    subset = refine(probabilities, image, CrfOptions(class_threshold=1e-3))
    assert not subset[..., 4:].any()
    np.testing.assert_allclose(subset.sum(axis=2), 1, atol=1e-5)
    assert np.mean(whole.argmax(axis=2) != subset.argmax(axis=2)) < 0.005
    # Where nothing reaches the threshold the likeliest class stays.
    alone = refine(
        np.full((2, 2, 2), (0.6, 0.4), np.float32), image[:2, :2], CrfOptions(class_threshold=0.9)
    )
    np.testing.assert_allclose(alone, np.broadcast_to([1.0, 0.0], (2, 2, 2)), atol=1e-6)


def test_inputs_are_left_as_they_are():
    probabilities, image = drawn()
    before = probabilities.copy(), image.copy()
    refine(probabilities, image)
    np.testing.assert_array_equal(probabilities, before[0])
    np.testing.assert_array_equal(image, before[1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iterations": 0}, "iterations must be a whole number from 1, not 0."),
        ({"iterations": 2.5}, "iterations must be a whole number from 1, not 2.5."),
        ({"bi_xy_std": 0}, "bi_xy_std must be a number above 0, not 0."),
        ({"pos_w": -1}, "pos_w must be a number from 0, not -1."),
        ({"bi_w": float("nan")}, "bi_w must be a number from 0, not nan."),
        ({"floor": 0.0}, "floor must lie between 0 and 1, not 0.0."),
        ({"class_threshold": 1.0}, "class_threshold must be a probability from 0 and below 1"),
        ({"mean_rgb": (1, 2)}, "mean_rgb must be three numbers"),
        ({"guide": "orignal"}, 'No guide "orignal" of the CRF. Did you mean "original"?'),
        ({"backend": "nunpy"}, 'No backend "nunpy" of the CRF. Did you mean "numpy"?'),
    ],
)
def test_impossible_options_are_told(changes, words):
    with pytest.raises(LfpError) as error:
        CrfOptions(**changes)
    assert words in str(error.value)


def test_a_backend_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setattr(pydensecrf, "is_installed", lambda: False)
    with pytest.raises(LfpError, match="the backend numpy needs neither and computes the same"):
        CrfOptions(backend="pydensecrf")


@pytest.mark.parametrize(
    ("shape", "image", "value", "words"),
    [
        ((4, 2), (4, 2, 3), 0.5, r"floats \[height, width, classes\], not float32 \[4, 2\]"),
        ((4, 2, 3), (4, 3, 3), 0.5, r"uint8 \[4, 2, 3\] like the probabilities, not uint8 \[4, 3"),
        ((4, 2, 3), (4, 2, 3), 1.5, "logits need a softmax before"),
        ((4, 2, 3), (4, 2, 3), -0.5, "logits need a softmax before"),
        ((4, 2, 3), (4, 2, 3), float("nan"), "between 0 and 1"),
    ],
)
def test_arrays_that_do_not_fit_are_told(shape, image, value, words):
    with pytest.raises(LfpError, match=words):
        refine(np.full(shape, value, np.float32), np.zeros(image, np.uint8))
    with pytest.raises(LfpError, match="not float32"):
        refine(np.full((2, 2, 2), 0.5, np.float32), np.zeros((2, 2, 3), np.float32))


def test_it_does_without_tensorflow():
    code = "import sys, lfp_tf.tasks.segmentation.crf.crf, lfp_tf.tasks.segmentation.crf.pool as p; print('tensorflow' in sys.modules)"
    assert tiny.run("-c", code).stdout == "False\n"
