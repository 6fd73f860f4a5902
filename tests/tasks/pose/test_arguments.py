"""Pose's options: flip, scales, boxes of people; what they refuse, and the printed table."""

import json
import pathlib

import pytest
from small_people import recipe
from words import parsed

from lfp_tf.cli.items import Item
from lfp_tf.errors import LfpError
from lfp_tf.tasks.pose import arguments as own
from lfp_tf.tasks.pose.prediction import Protocol


def items(*names):
    return [Item(pathlib.Path("in") / name, pathlib.Path("out") / name) for name in names]


def boxes_of(tmp_path, content, *names):
    path = tmp_path / "people.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return own.read_annotations(parsed("predict", f"--people={path}"), items(*names))


def test_the_recipe_says_how_people_are_looked_at_and_the_user_wins():
    own_recipe = recipe(evaluation={"flip": False, "scales": [0.9, 1.1], "score": "pck"})
    for command in ("evaluate", "predict"):
        plain = own.protocol(own_recipe, parsed(command), command)
        assert plain == Protocol(flip=False, scales=(0.9, 1.1), score="pck")
        words = parsed(command, "--flip", "--scales", "0.8,1")
        assert own.protocol(own_recipe, words, command) == Protocol(True, (0.8, 1.0), "pck")


def test_an_export_sees_one_scale():
    own_recipe = recipe(evaluation={"flip": True, "scales": [0.9, 1.1], "score": "pckh"})
    assert own.protocol(own_recipe, parsed("export"), "export") == Protocol(True, (1.0,), "pckh")


def test_an_evaluation_says_what_it_does():
    protocol = Protocol(flip=True, scales=(0.9, 1.1), score="pck")
    assert own.describe(protocol, None) == "by pck (flip True, scales [0.9, 1.1])"


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("evaluate", ["--scales", "0"], "--scales 0 must be numbers above 0, as 0.5 1.0 1.5."),
        ("evaluate", ["--flip", "--no_flip"], "--flip and --no_flip exclude each other; give one."),
        ("predict", ["--scales", "x"], "--scales x must be numbers above 0"),
        ("predict", ["--people=p.json", "--live"], "--people names people in image files; a live"),
        ("predict", ["--people=p.json", "--camera=0"], "a live view sees one in each frame."),
    ],
)
def test_mistakes_are_sentences(command, words, message):
    with pytest.raises(LfpError) as error:
        own.check(parsed(command, *words), command)
    assert message in str(error.value)


def test_boxes_are_read_by_path_or_by_name(tmp_path):
    content = {"in/a.png": [[1, 2, 3, 4]], "a.png": [], "b.png": []}
    boxes = boxes_of(tmp_path, content, "a.png", "b.png")
    assert boxes == {pathlib.Path("in/a.png"): [[1, 2, 3, 4]], pathlib.Path("in/b.png"): []}
    assert own.read_annotations(parsed("predict"), items("a.png")) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON"),
        ([], "must hold {file name: "),
        ({"a.png": []}, "does not name b.png; give"),
        ({"aa.png": [], "b.png": []}, 'does not name a.png.* Did you mean "aa.png"'),
        ({"a.png": [[1, 2, 3]], "b.png": []}, "the boxes of a.png must be"),
        ({"a.png": [[1, 2, 1, 9]], "b.png": []}, "the boxes of a.png must be"),
        ({"a.png": [[1, 2, "3", 9]], "b.png": []}, "the boxes of a.png must be"),
        ('{"a.png": [[1, 2, NaN, 9]], "b.png": []}', "the boxes of a.png must be"),
    ],
)
def test_files_of_boxes_of_another_form_are_refused(tmp_path, content, sentence):
    with pytest.raises(LfpError, match=sentence):
        boxes_of(tmp_path, content, "a.png", "b.png")


def test_a_file_of_boxes_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LfpError, match="no.json cannot be read: No such file"):
        own.read_annotations(parsed("predict", f"--people={tmp_path / 'no.json'}"), items("a.png"))


def test_boxes_are_not_for_videos(tmp_path):
    path = tmp_path / "people.json"
    path.write_text("{}")
    video = Item(pathlib.Path("a.mp4"), pathlib.Path("a"), is_video=True)
    with pytest.raises(LfpError, match="--people names people in images, but a.mp4 is a video."):
        own.read_annotations(parsed("predict", f"--people={path}"), [video])


def test_the_table_lines_up():
    scores = {"mean": 0.5, "all_joints": 0.25, "groups": {"head": 1.0}}
    facts = {
        "score": {"name": "PCK@0.2", "unit": "torso"},
        "scores": scores | {"people": 3, "left_out": 1},
        "chance": {"mean": 0.125, "all_joints": 0.0, "groups": {"head": None}},
        "joints": [
            {"name": "neck", "pck": 1.0, "chance": 0.5, "annotated": 12},
            {"name": "head_top", "pck": None, "chance": None, "annotated": 0},
        ],
        "convention": {"name": "pixels", "about": "points as the records have them"},
    }
    assert own.table(facts).splitlines() == [
        "joint                    PCK  chance  annotated",
        "neck                  100.00   50.00         12",
        "head_top                   -       -          0",
        "head, group           100.00       -",
        "mean over joints       50.00   12.50",
        "all annotated joints   25.00    0.00",
        "PCK@0.2 50.00 over 3 people, chance 12.50; 1 without a torso left out",
        "compared: points as the records have them",
    ]
