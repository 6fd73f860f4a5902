"""What a detector shows of an image: boxes, masks and names; files, videos, live views, exports."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from small_detector import EVALUATION, KnownDetector
from words import parsed

from lfp_tf.data.detection.masks import rle_bitmap
from lfp_tf.errors import LfpError
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.palette import voc_colors
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.detection import arguments as own
from lfp_tf.tasks.detection.prediction import Protocol
from lfp_tf.tasks.detection.results import drawn, image_id, instances, of_export, of_model
from lfp_tf.tasks.detection.signatures import signature_functions

NAMES = ("cat", "dog", "cow")
SIZE = (50, 70)
IMAGE = np.full((*SIZE, 3), 90, np.uint8)
# A large cat, a small dog inside of it, a cow elsewhere, a doubtful cat.
ROWS = [
    ((5.0, 5.0, 45.0, 45.0), 1, 0.9),
    ((10.0, 10.0, 24.0, 24.0), 2, 0.8),
    ((50.0, 10.0, 68.0, 40.0), 3, 0.5),
    ((0.0, 0.0, 70.0, 50.0), 1, 0.3),
]


def results_of(rows=ROWS, *words, masks=True, names=NAMES):
    network = KnownDetector({SIZE: rows}, names, masks=masks)
    return of_model(network, parsed("predict", *words))


@pytest.fixture(scope="module")
def results():
    return results_of()


@pytest.fixture(scope="module")
def prediction(results):
    return results.predict(IMAGE, pathlib.Path("a.png"))


def test_facts_tell_the_protocol(results):
    assert results.facts == {"protocol": {"name": "detection"} | EVALUATION}


def test_the_overlay_shows_objects_from_the_least_score_on(results, prediction):
    shown = instances(prediction, SIZE, least_score=0.5)
    assert shown["scores"].tolist() == pytest.approx([0.9, 0.8, 0.5])
    expected = draw_detections(
        IMAGE,
        [row[0] for row in ROWS[:3]],
        [0, 1, 2],
        NAMES,
        scores=[0.9, 0.8, 0.5],
        masks=shown["masks"],
    )
    np.testing.assert_array_equal(results.overlay(IMAGE, prediction), expected)
    np.testing.assert_array_equal(results.explained(IMAGE, prediction), expected)
    assert not np.array_equal(results_of(ROWS, "--least_score=0").overlay(IMAGE, prediction), IMAGE)


def test_the_json_has_all_objects_with_their_masks(results, prediction):
    described = json.loads(json.dumps(results.describe(prediction)))
    assert described["least_score"] == 0.5 and len(described["objects"]) == 4
    first = described["objects"][1]
    assert (first["class"], first["label"], first["bbox"]) == ("dog", 1, [10, 10, 14, 14])
    assert first["score"] == pytest.approx(0.8)
    masks = instances(prediction, SIZE)["masks"]
    for entry, mask in zip(described["objects"], masks, strict=True):
        np.testing.assert_array_equal(rle_bitmap(entry["segmentation"]), mask)
    assert json.loads(results.frame_files(prediction)[".json"]) == described
    assert results.files(prediction) == {}


def test_a_detector_without_masks_tells_boxes():
    plain = results_of(masks=False)
    prediction = plain.predict(IMAGE)
    assert set(plain.describe(prediction)["objects"][0]) == {"class", "label", "score", "bbox"}
    assert "masks" not in instances(prediction, SIZE)
    expected = draw_detections(
        IMAGE, [row[0] for row in ROWS[:3]], [0, 1, 2], NAMES, scores=[0.9, 0.8, 0.5]
    )
    np.testing.assert_array_equal(plain.overlay(IMAGE, prediction), expected)


def test_nothing_found_is_told_and_drawn():
    results = results_of([])
    prediction = results.predict(IMAGE)
    np.testing.assert_array_equal(results.overlay(IMAGE, prediction), IMAGE)
    assert results.describe(prediction)["objects"] == [] == results.legend(prediction)
    assert results.name_at(prediction, 20, 20) is None
    paths = {".overlay.png": "out/a.overlay.png"}
    assert results.line("a.png", paths, prediction) == "out/a.overlay.png\tnothing"
    none = instances(prediction, SIZE)
    assert none["masks"].shape == (0, *SIZE) and none["boxes"].shape == (0, 4)
    results.keep(pathlib.Path("a.png"), prediction)
    assert results.summary_files() == {own.COCO_FILE: b"[]\n"}


def test_the_line_counts_what_is_shown(results, prediction):
    paths = {".overlay.png": "out/a.overlay.png"}
    line = results.line("a.png", paths, prediction)
    assert line == "out/a.overlay.png\t1 cat, 1 dog, 1 cow"
    all_of_them = results_of(ROWS, "--least_score=0.2")
    assert all_of_them.line("a.png", paths, prediction).endswith("\t2 cat, 1 dog, 1 cow")
    none = results_of(ROWS, "--least_score=1")
    assert none.line("a.png", paths, prediction).endswith("\tnothing")


def test_classes_beyond_those_of_any_palette_are_drawn_and_named():
    names = [f"class {number}" for number in range(1000)]
    results = results_of([((5, 5, 45, 45), 1000, 0.9)], names=names)
    prediction = results.predict(IMAGE)
    assert results.describe(prediction)["objects"][0]["class"] == "class 999"
    assert results.legend(prediction)[0]["name"] == "class 999"
    assert results.name_at(prediction, 20, 20) == (999, "class 999")
    assert not np.array_equal(results.overlay(IMAGE, prediction), IMAGE)


def test_a_live_view_names_the_smallest_object_under_a_pixel(results, prediction):
    assert results.hint == "Point at an object to name it."
    assert results.name_at(prediction, 20, 20) == (1, "dog")
    assert results.name_at(prediction, 30, 30) == (0, "cat")
    # Edges: the right one belongs to the box no more; the doubtful cat is not shown.
    assert results.name_at(prediction, 44, 30) == (0, "cat")
    assert results.name_at(prediction, 45, 30) is None
    assert results.name_at(prediction, 0, 0) is None
    assert results_of(ROWS, "--least_score=0").name_at(prediction, 0, 0) == (0, "cat")


def test_a_legend_has_the_objects_that_are_shown_with_their_colours(results, prediction):
    legend = results.legend(prediction)
    assert [entry["name"] for entry in legend] == ["cat", "dog", "cow"]
    assert [entry["share"] for entry in legend] == pytest.approx([0.9, 0.8, 0.5])
    assert legend[1]["color"] == "#" + bytes(voc_colors(3)[2]).hex()
    json.dumps(legend)


def test_a_video_has_the_objects_of_every_frame(results, prediction):
    tally = results.tally()
    for number in (0, 5):
        tally.add(number, prediction)
    frames = tally.describe()["objects_by_frame"]
    assert [entry["frame"] for entry in frames] == [0, 5]
    assert frames[1]["objects"] == results.describe(prediction)["objects"]
    json.dumps(frames)


def test_the_objects_of_all_images_stand_in_one_file(prediction):
    results = results_of()
    results.keep(pathlib.Path("in/COCO_val2014_000000000139.jpg"), prediction)
    results.keep(pathlib.Path("in/street.png"), prediction)
    (content,) = results.summary_files().values()
    rows = json.loads(content)
    assert [row["image_id"] for row in rows] == [139] * 4 + ["street"] * 4
    # Labels count from 1, and what is not shown is there.
    assert [row["category_id"] for row in rows[:4]] == [1, 2, 3, 1]
    assert rows[3]["score"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("000000000139.jpg", 139),
        ("COCO_val2014_000000000139.jpg", 139),
        ("COCO_test2015_000000000001.jpg", 1),
        ("7.png", 7),
        # Numbers of other names do not tell images apart.
        ("2007_000027.jpg", "2007_000027"),
        ("left_1.png", "left_1"),
        ("street.png", "street"),
        ("a1.png", "a1"),
    ],
)
def test_images_are_called_as_coco_calls_them_or_by_their_name(name, expected):
    assert image_id(pathlib.Path("in") / name) == expected


@pytest.mark.parametrize("masks", [True, False])
def test_an_export_shows_what_the_network_shows(tmp_path, masks):
    network, protocol = KnownDetector({SIZE: ROWS}, masks=masks), Protocol(**EVALUATION)
    functions = signature_functions(network, protocol=protocol, limits=Limits())
    images = {"images": functions["images"].get_concrete_function()}
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"), signatures=images)
    about = {"classes": list(NAMES), "protocol": protocol.describe()}
    exported, plain = of_export(tmp_path / "1", about, parsed("predict")), results_of(masks=masks)
    answer, expected = exported.predict(IMAGE), plain.predict(IMAGE)
    assert set(answer) == set(expected) and answer["count"] == 4
    assert exported.describe(answer) == plain.describe(expected)
    np.testing.assert_array_equal(exported.overlay(IMAGE, answer), plain.overlay(IMAGE, expected))
    assert exported.name_at(answer, 20, 20) == (1, "dog") and exported.facts == plain.facts


def test_what_is_no_export_is_refused(tmp_path):
    about = {"classes": list(NAMES), "protocol": {}}
    with pytest.raises(LfpError, match="cannot be loaded as a SavedModel of `lfp-tf export`"):
        of_export(tmp_path / "no", about, parsed("predict"))


def test_instances_are_turned_to_y_before_x(prediction):
    found = instances(prediction, SIZE, least_score=0.85)
    np.testing.assert_array_equal(found["boxes"], [[5, 5, 45, 45]])
    found = instances(prediction, SIZE)
    np.testing.assert_array_equal(found["boxes"][2], [10, 50, 40, 68])
    assert found["classes"].tolist() == [0, 1, 2, 0] and found["masks"].shape == (4, *SIZE)
    assert {name: value.dtype.name for name, value in found.items()} == {
        "boxes": "float32",
        "classes": "int32",
        "scores": "float32",
        "masks": "bool",
    }


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((2, 2)), "must be what lfp_tf.detect gave"),
        ({"boxes": [], "classes": []}, "must be what lfp_tf.detect gave"),
        (
            {"boxes": [[0, 0, 1, 1]], "classes": [0], "scores": [1.0], "masks": np.ones((1, 3, 4))},
            "The masks are 3x4, but the image is 50x70; give what lfp_tf.detect gave",
        ),
    ],
)
def test_what_is_not_of_the_image_is_not_drawn(given, sentence):
    with pytest.raises(LfpError, match=sentence):
        drawn(IMAGE, given, NAMES)
