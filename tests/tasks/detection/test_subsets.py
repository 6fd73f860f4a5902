"""COCO's classes with and without masks are those of the original, to the last one."""

import hashlib
import json

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table
from lfp_tf.tasks.detection.subsets import (
    VOC,
    class_sets,
    is_split,
    labels_of,
    random_draws,
    split_labels,
)

# Of {name: labels as drawn} of the original's 25 lists, as JSON with sorted names.
DRAWS = "90cd33c4abe0eba4f31ce76e82de6eaeda2527b01f76f0d0c2389bc69bd714d1"
NONVOC = "9ef2b3d29cef299dad548477a54db64fce907beedf0abf21aac6f969378f4538"


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def test_the_random_sets_are_those_of_the_original():
    draws = random_draws()
    assert digest({name: list(labels) for name, labels in draws.items()}) == DRAWS
    assert draws["E1_A20B60"][:4] == (62, 58, 78, 7)
    sizes = (20, 30, 40, 50, 60)
    assert list(draws) == [f"E{n}_A{size}B{80 - size}" for n in range(1, 6) for size in sizes]
    for name, labels in draws.items():
        assert split_labels(name) == sorted(set(labels))
        assert len(labels) == int(name[4:6]) and set(labels) <= set(range(1, 81))


def test_voc_and_the_rest_divide_the_classes():
    names = class_table("coco_objects").names
    assert [names[label - 1] for label in VOC] == [
        *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "boat", "bird"),
        *("cat", "dog", "horse", "sheep", "cow", "bottle", "chair", "couch", "potted plant"),
        *("dining table", "tv"),
    ]
    assert digest(split_labels("nonvoc")) == NONVOC
    assert sorted(split_labels("voc") + split_labels("nonvoc")) == split_labels("coco")
    assert split_labels("coco") == list(range(1, 81))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("coco", True),
        ("voc", True),
        ("nonvoc", True),
        ("E3_A40B40", True),
        ("E9_A1B2", True),
        ("person", False),
    ],
)
def test_names_of_sets_are_told_from_names_of_classes(name, expected):
    assert is_split(name) is expected


@pytest.mark.parametrize("name", ["E1_A20B61", "E6_A20B60", "vocs"])
def test_a_set_that_is_not_there_is_named(name):
    with pytest.raises(
        LfpError, match=f'No set of classes is called "{name}".* There are coco, voc'
    ):
        split_labels(name)


NAMES = ["cat", "dog", "cow", "ox"]


def test_classes_are_given_by_name_number_or_set():
    assert labels_of(["cow", 1, "cat"], NAMES, where="x") == [1, 3]
    assert labels_of(["nonvoc"], list(map(str, range(80))), where="x") == split_labels("nonvoc")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["voc"], "--subset is voc, a set of COCO's 80 classes, but there are 4; name the classes"),
        (
            ["horse"],
            "--subset has 'horse', which is no class; there are cat, dog, cow, ox (numbers",
        ),
        ([5], "--subset has 5, which is no class"),
        ([True], "--subset has True, which is no class"),
        (["cat", "voc"], "--subset has 'voc', which is no class"),
    ],
)
def test_what_is_no_class_is_refused(words, message):
    with pytest.raises(LfpError) as error:
        labels_of(words, NAMES, where="--subset")
    assert message in str(error.value)


def test_set_b_is_what_set_a_leaves():
    sets = class_sets(["cow", 1], NAMES, where="x")
    assert sets.name == "cow, 1" and sets.members == {"A": (1, 3), "B": (2, 4)}
    voc = class_sets(["voc"], list(map(str, range(80))), where="x")
    assert voc.members["B"] == tuple(split_labels("nonvoc"))


def test_nothing_is_divided_where_no_class_is_left():
    assert class_sets([], NAMES, where="x") is None
    assert class_sets(NAMES, NAMES, where="x") is None
