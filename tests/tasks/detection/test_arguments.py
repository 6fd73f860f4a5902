"""Detection's options: sizes, the least score; what they refuse, and the printed table."""

import pytest
from small_detector import EVALUATION, recipe
from words import parsed

from lfp_tf.errors import LfpError
from lfp_tf.tasks.detection import arguments as own
from lfp_tf.tasks.detection.prediction import Protocol


def test_the_recipe_says_how_images_are_scaled_and_the_user_wins():
    for command in ("evaluate", "predict", "export"):
        assert own.protocol(recipe(), parsed(command), command) == Protocol(**EVALUATION)
        words = parsed(command, "--short_side=48", "--max_size=80")
        expected = Protocol(**EVALUATION | {"short_side": 48, "max_size": 80})
        assert own.protocol(recipe(), words, command) == expected


def test_a_short_side_above_the_largest_size_is_refused():
    with pytest.raises(LfpError) as error:
        own.protocol(recipe(), parsed("predict", "--short_side=97"), "predict")
    assert str(error.value) == (
        "The short side is 97 pixels, but no side may exceed 96; give --max_size too."
    )


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("evaluate", ["--short_side=0"], "--short_side must be at least 1, not 0."),
        ("export", ["--max_size=-1"], "--max_size must be at least 1, not -1."),
        ("predict", ["--least_score=1.5"], "--least_score must lie in 0..1, not 1.5."),
        ("predict", ["--least_score=-0.1"], "--least_score must lie in 0..1, not -0.1."),
        ("predict", ["--least_score=nan"], "--least_score must lie in 0..1, not nan."),
    ],
)
def test_mistakes_are_sentences(command, words, message):
    with pytest.raises(LfpError) as error:
        own.check(parsed(command, *words), command)
    assert str(error.value) == message


def test_what_can_be_is_let_through():
    for command in ("evaluate", "predict", "export"):
        own.check(parsed(command, "--short_side=1"), command)
    own.check(parsed("predict", "--least_score=0"), "predict")
    own.check(parsed("predict", "--least_score=1"), "predict")
    assert parsed("predict").least_score == own.SHOWN_SCORE == 0.5
    assert parsed("export").max_boxes == own.MAX_BOXES == 100


def test_a_detector_reads_no_annotations():
    assert own.read_annotations(parsed("predict"), []) is None


def test_an_evaluation_divides_classes_and_takes_true_boxes():
    assert own.evaluation_options(parsed("evaluate")) == {"subset": [], "true_boxes": False}
    words = parsed("evaluate", "--subset", "traffic light", "7", "--true_boxes")
    expected = {"subset": ["traffic light", 7], "true_boxes": True}
    assert own.evaluation_options(words) == expected


def test_an_evaluation_says_what_it_does():
    protocol = Protocol(short_side=800, max_size=1333)
    assert own.describe(protocol, None) == "with the short side at 800 pixels, at most 1333"


def scores(value):
    names = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")
    return dict.fromkeys(names, value) | {"APs": None}


def test_the_table_lines_up():
    facts = {
        "scores": {"box": scores(0.5), "mask": scores(0.25)},
        "classes": [
            {
                "name": "traffic light",
                "objects": 12,
                "box": {"AP": 0.5, "AP50": 1.0},
                "mask": {"AP": 0.25, "AP50": 0.375},
            },
            {
                "name": "car",
                "objects": 0,
                "box": {"AP": None, "AP50": None},
                "mask": {"AP": None, "AP50": None},
            },
        ],
        "images": [{}, {}],
    }
    assert own.table(facts).splitlines() == [
        "class            box AP    box AP50   mask AP   mask AP50  objects",
        "traffic light     50.00      100.00     25.00       37.50       12",
        "car                   -           -         -           -        0",
        "box: AP 50.00, AP50 50.00, AP75 50.00, APs -, APm 50.00, APl 50.00",
        "mask: AP 25.00, AP50 25.00, AP75 25.00, APs -, APm 25.00, APl 25.00",
        "over 2 images, overlaps as COCO measures them",
    ]


def test_the_table_tells_sets_and_masks_in_true_boxes():
    one = {"objects": 3, "box": {"AP": 0.5, "AP50": 1.0}, "mask_iou": 0.625}
    facts = {
        "scores": {"box": scores(0.5)},
        "classes": [
            {"name": "cat", "set": "A", **one},
            {"name": "dog", "set": "B", **one, "mask_iou": None},
        ],
        "sets": {
            "A": {"name": "cat", "classes": ["cat"], "scores": {"box": scores(0.5)}},
            "B": {"name": "all but cat", "classes": ["dog"], "scores": {"box": scores(0.25)}},
        },
        "mask_iou": {"all": 0.625, "A": 0.625, "B": None},
        "filled_box_iou": {"all": 0.5, "A": 0.5, "B": None},
        "images": [{}],
    }
    assert own.table(facts).splitlines() == [
        "class          box AP    box AP50  mask IoU  objects  set",
        "cat             50.00      100.00     62.50        3    A",
        "dog             50.00      100.00         -        3    B",
        "box: AP 50.00, AP50 50.00, AP75 50.00, APs -, APm 50.00, APl 50.00",
        "box, set A: AP 50.00, AP50 50.00, AP75 50.00, APs -, APm 50.00, APl 50.00",
        "box, set B: AP 25.00, AP50 25.00, AP75 25.00, APs -, APm 25.00, APl 25.00",
        "mask IoU in the true boxes, mean over classes: all 62.50, A 62.50, B -",
        "the same of the boxes themselves, filled: all 50.00, A 50.00, B -",
        "set A is cat (1 of 2 classes), set B the other 1",
        "over 1 images, overlaps as COCO measures them",
    ]
