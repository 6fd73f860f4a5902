"""What a segmentation network shows of an image: labels, colours, shares; with the CRF in processes."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image
from words import parsed

from lfp_tf.errors import LfpError
from lfp_tf.images.geometry import resize_labels, resize_long_side
from lfp_tf.images.overlay import overlay, with_legend
from lfp_tf.images.palette import ClassTable
from lfp_tf.tasks.segmentation import results as of_labels
from lfp_tf.tasks.segmentation.arguments import ENDINGS
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, refine
from lfp_tf.tasks.segmentation.results import Results

TABLE = ClassTable(("road", "sky"), np.array([[200, 0, 0], [0, 0, 100]], np.uint8))


def numbered_image(number, size=(16, 24)):
    return np.random.RandomState(number).randint(0, 256, (*size, 3)).astype(np.uint8)


def probabilities(image):
    """Of sky: how blue the image is there."""
    if image.shape[0] < 2:
        raise LfpError("too small")
    blue = image[..., 2].astype(np.float32) / 255 * 0.98 + 0.01
    return np.stack([1 - blue, blue], axis=-1)


def labels(image):
    return probabilities(image).argmax(axis=-1)


def results(*words):
    return Results(labels, probabilities, TABLE, {"a": 1}, parsed("predict", *words))


def test_labels_are_told_drawn_and_written():
    source, image = results(), numbered_image(0)
    states = source.predict(image)
    np.testing.assert_array_equal(states, labels(image))
    mixed = overlay(image, states, TABLE)
    np.testing.assert_array_equal(source.overlay(image, states), mixed)
    np.testing.assert_array_equal(
        source.explained(image, states), with_legend(mixed, states, TABLE)
    )
    classes = source.describe(states)["classes"]
    assert sum(entry["pixels"] for entry in classes) == states.size
    assert classes[0]["share"] >= classes[1]["share"]
    assert list(source.files(states)) == list(source.frame_files(states)) == [".labels.png"]
    png = np.array(Image.open(io.BytesIO(source.files(states)[".labels.png"])))
    np.testing.assert_array_equal(png, states)
    assert source.line("a.png", {".labels.png": "out/a.labels.png"}, states) == "out/a.labels.png"
    assert ENDINGS == (".labels.png", ".overlay.png", ".json") and source.facts == {"a": 1}


def test_a_live_view_names_classes_and_pixels():
    source, states = results(), np.array([[0, 1], [1, 255]])
    legend = {entry["name"]: (entry["share"], entry["color"]) for entry in source.legend(states)}
    assert legend["sky"][1] == "#000064" and legend["road"][1] == "#c80000"
    assert source.name_at(states, 1, 0) == (1, "sky") and source.name_at(states, 1, 1) == (
        255,
        "ignored",
    )
    assert source.name_at(states, 2, 0) is source.name_at(states, 0, -1) is None
    assert source.hint


def test_a_video_has_the_pixels_of_all_frames():
    tally = results().tally()
    tally.add(0, np.zeros((2, 3), int))
    tally.add(4, np.array([[0, 1, 1], [1, 1, 1]]))
    classes = tally.describe()["classes"]
    assert [(entry["name"], entry["pixels"]) for entry in classes] == [("road", 7), ("sky", 5)]


def test_the_network_sees_the_long_side():
    source, image = results("--long_side=12"), numbered_image(1)
    small = resize_long_side(image, 12)
    expected = resize_labels(labels(small), (16, 24))
    np.testing.assert_array_equal(source.predict(image), expected)
    assert source.facts == {"a": 1, "long_side": 12}


@pytest.mark.parametrize("processes", [0, 2])
def test_the_crf_gives_the_same_in_processes_and_refusals_keep_their_place(processes):
    words = ["--crf", "--crf_preset=seed", f"--crf_processes={processes}", "--long_side=14"]
    results_ = results(*words)
    images = [
        ("a", numbered_image(1)),
        ("b", numbered_image(2, (1, 60))),
        ("c", numbered_image(3)),
        ("d", numbered_image(4, (20, 9))),
    ]
    answers = list(results_.predictions(iter(images), count=len(images)))
    assert {source for source, *_ in answers} == {"a", "b", "c", "d"}
    assert [source for source, *_ in answers if source != "b"] == ["a", "c", "d"]
    by_source = {source: states for source, _, states, _ in answers}
    assert str(by_source.pop("b")) == "too small"
    for source, image in images:
        if source in by_source:
            small = resize_long_side(image, 14)
            refined = refine(probabilities(small), small, PRESETS["seed"]).argmax(axis=-1)
            expected = resize_labels(refined, image.shape[:2])
            np.testing.assert_array_equal(by_source[source], expected)
    assert results_.facts["crf"]["bi_xy_std"] == 49


def test_one_image_needs_no_process(monkeypatch):
    from lfp_tf.tasks.segmentation import results as module

    monkeypatch.setattr(module, "CrfPool", None)
    source, image = results("--crf", "--crf_processes=2"), numbered_image(1)
    ((_, _, states, _),) = source.predictions(iter([("a", image)]), count=1)
    expected = refine(probabilities(image), image, PRESETS["newest"]).argmax(axis=-1)
    np.testing.assert_array_equal(states, expected)


def test_the_crf_of_the_protocol_lfp_is_not_done_twice():
    source, image = results("--crf", "--protocol=lfp"), numbered_image(1)
    np.testing.assert_array_equal(source.predict(image), labels(image))
    assert source.facts["crf"] == vars(PRESETS["lfp"])


def test_a_crf_without_enough_memory_is_a_sentence_and_the_next_image_goes_on(monkeypatch):
    calls = []

    def short_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise MemoryError
        return refine(*arguments)

    monkeypatch.setattr(of_labels, "refine", short_once)
    source = results("--crf", "--crf_processes=0")
    images = [(pathlib.Path(f"{n}.png"), numbered_image(n)) for n in (1, 2)]
    first, second = (answer for _, _, answer, _ in source.predictions(images, count=2))
    assert isinstance(first, LfpError) and isinstance(second, np.ndarray)
    assert str(first).startswith("There is not enough memory for the CRF of ")
    assert "--long_side" in str(first)
