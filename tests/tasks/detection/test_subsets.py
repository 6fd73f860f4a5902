"""COCO's classes with and without masks are those of the original, to the last one."""

import hashlib
import json

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table
from lfp_tf.tasks.detection.subsets import VOC, is_split, random_draws, split_labels

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
