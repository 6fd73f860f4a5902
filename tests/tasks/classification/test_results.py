"""What a classifier shows of an image: bars, the five best, a line; means over a video."""

import numpy as np
import pytest
from small_classifier import NAMES, random_image, small_classifier
from words import parsed

from lfp_tf.errors import LfpError
from lfp_tf.images.overlay import under_bars, with_bars
from lfp_tf.tasks.classification.arguments import ENDINGS
from lfp_tf.tasks.classification.results import Results, best_classes, of_model

SURE = np.array([0.05, 0.5, 0.1, 0.25, 0.04, 0.06], np.float32)
IMAGE = random_image(1)


@pytest.fixture
def results():
    return Results(lambda image: SURE, NAMES, {"protocol": {"name": "middle"}})


def test_the_first_of_equal_classes_comes_first():
    result = best_classes(np.array([0.1, 0.4, 0.1, 0.4]), list("abcd"))
    assert [(entry["id"], entry["name"]) for entry in result] == [
        (1, "b"), (3, "d"), (0, "a"), (2, "c"),
    ]  # fmt: skip


def test_the_five_best_are_told_and_drawn(results):
    prediction = results.predict(IMAGE)
    described = results.describe(prediction)["classes"]
    assert [entry["name"] for entry in described] == ["bee", "dog", "cat", "fox", "ant"]
    assert described[0] == {"id": 1, "name": "bee", "probability": 0.5}
    entries = [(entry["name"], entry["probability"]) for entry in described]
    np.testing.assert_array_equal(results.explained(IMAGE, prediction), with_bars(IMAGE, entries))
    frame = results.overlay(IMAGE, prediction)
    np.testing.assert_array_equal(frame, under_bars(IMAGE, entries))
    assert frame.shape == IMAGE.shape
    assert results.line("in/a.png", {}, prediction) == "in/a.png\tbee\t0.5000"
    assert results.files(prediction) == {} and list(results.frame_files(prediction)) == [".json"]
    assert ENDINGS == (".overlay.png", ".json")


def test_a_live_view_tells_the_five_best_and_no_pixels(results):
    legend = results.legend(SURE)
    assert [entry["name"] for entry in legend] == ["bee", "dog", "cat", "fox", "ant"]
    assert [entry["share"] for entry in legend][:2] == [0.5, 0.25]
    assert {entry["color"] for entry in legend} == {"#96beeb"}
    assert results.name_at(SURE, 0, 0) is None and results.hint == ""


def test_a_video_has_the_mean_of_its_frames(results):
    tally = results.tally()
    tally.add(0, np.array([1, 0, 0, 0, 0, 0], np.float32))
    tally.add(3, np.array([0, 0, 1, 0, 0, 0], np.float32))
    tally.add(6, np.array([0, 0, 1, 0, 0, 0], np.float32))
    first, second, *_ = tally.describe()["classes"]
    assert (first["name"], second["name"]) == ("cat", "ant")
    assert first["probability"] == pytest.approx(2 / 3)


def test_a_strip_is_refused_by_its_size():
    results = of_model(small_classifier(), parsed("predict"))
    assert results.facts == {
        "protocol": {"name": "middle", "shortest": 74, "crop": [65, 65]},
    }
    with pytest.raises(LfpError, match="has 102x2 pixels; no side may be more than 50 times the o"):
        results.predict(np.zeros((2, 102, 3), np.uint8))


def test_images_are_predicted_one_after_the_other_and_refusals_go_along():
    def probabilities(image):
        if image.shape[0] < 2:
            raise LfpError("too small")
        return SURE

    results = Results(probabilities, NAMES, {})
    images = [("a", IMAGE), ("b", IMAGE[:1]), ("c", IMAGE)]
    predictions = list(results.predictions(iter(images), count=3))
    assert [source for source, *_ in predictions] == ["a", "b", "c"]
    assert (
        predictions[0][2] is SURE
        and str(predictions[1][2]) == "too small"
        and predictions[2][2] is SURE
    )
    assert all(seconds >= 0 for *_, seconds in predictions)
