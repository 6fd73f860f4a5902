"""What a network for pose shows of an image: skeletons, boxes and joints, frame by frame."""

import pathlib

import numpy as np
import pytest

from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import draw_skeletons, joint_color
from lfp_tf.tasks.pose.results import Results

NAMES = ("left_hip", "neck", "right_hip")
JOINTS = np.array([[2, 3, 0.5], [10, 12, 1.5], [20, 8, -0.25]], np.float32)
IMAGE = np.full((30, 40, 3), 90, np.uint8)


@pytest.fixture
def asked():
    """The boxes that the network was asked for."""
    return []


@pytest.fixture
def make(asked):
    def make(boxes=None):
        def joints(image, rows):
            asked.append(rows.tolist())
            return np.stack([JOINTS] * len(rows)) if len(rows) else np.zeros((0, 3, 3), np.float32)

        return Results(joints, NAMES, {}, boxes, boxes and "people.json")

    return make


def test_without_boxes_an_image_is_one_person(make, asked):
    results = make()
    boxes, people = results.predict(IMAGE, pathlib.Path("a.png"))
    # Boxes are x before y where users see them, y before x in the network's rows.
    assert boxes == [[0, 0, 40, 30]] and asked == [[[0.0, 0.0, 30.0, 40.0]]]
    np.testing.assert_array_equal(people, [JOINTS])


def test_boxes_are_those_of_the_image(make, asked):
    source = pathlib.Path("a.png")
    results = make({source: [[5, 6, 20, 25], [0, 0, 3, 4]], pathlib.Path("b.png"): []})
    boxes, people = results.predict(IMAGE, source)
    assert boxes == [[5, 6, 20, 25], [0, 0, 3, 4]] and len(people) == 2
    assert asked == [[[6.0, 5.0, 25.0, 20.0], [0.0, 0.0, 4.0, 3.0]]]
    none = results.predict(IMAGE, pathlib.Path("b.png"))
    assert results.describe(none) == {"people": []} and results.legend(none) == []
    np.testing.assert_array_equal(results.overlay(IMAGE, none), IMAGE)


@pytest.mark.parametrize("box", [[40, 0, 50, 9], [0, 30, 9, 40], [-9, 0, 0, 9], [0, -9, 9, 0]])
def test_a_box_beside_its_image_is_refused(make, box):
    source = pathlib.Path("a.png")
    with pytest.raises(LfpError) as caught:
        make({source: [box]}).predict(IMAGE, source)
    assert str(caught.value) == (
        f"--people people.json has the box {box} beside the image of 40x30."
    )


def test_people_are_told_and_drawn(make):
    results = make()
    prediction = results.predict(IMAGE)
    (person,) = results.describe(prediction)["people"]
    assert person["box"] == [0, 0, 40, 30]
    assert person["keypoints"]["neck"] == {"x": 10.0, "y": 12.0, "score": 1.5}
    for drawn in (results.overlay(IMAGE, prediction), results.explained(IMAGE, prediction)):
        np.testing.assert_array_equal(drawn, draw_skeletons(IMAGE, [JOINTS], NAMES))
    assert results.line("in/a.png", {".json": "out/a.json"}, prediction) == "out/a.json"
    assert results.files(prediction) == {} and list(results.frame_files(prediction)) == [".json"]


def test_a_live_view_tells_the_joints_of_the_first_person(make):
    results = make()
    legend = results.legend(results.predict(IMAGE))
    assert [(entry["name"], entry["share"]) for entry in legend] == [
        *(("left_hip", 0.5), ("neck", 1.0), ("right_hip", 0.0)),
    ]
    assert legend[1]["color"] == "#" + bytes(joint_color("neck")).hex()
    assert results.name_at(None, 0, 0) is None and results.hint == ""


def test_a_video_has_the_people_of_every_frame(make):
    results = make()
    tally = results.tally()
    for number in (0, 5):
        tally.add(number, results.predict(IMAGE))
    description = tally.describe()
    assert list(description) == ["people_by_frame"]
    assert [entry["frame"] for entry in description["people_by_frame"]] == [0, 5]
    assert (
        description["people_by_frame"][1]["people"]
        == results.describe(results.predict(IMAGE))["people"]
    )
