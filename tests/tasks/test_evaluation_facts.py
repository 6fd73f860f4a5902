"""What evaluations ask of records and tell beside their scores."""

import pytest
from small_classifier import small_classifier
from small_network import small_network
from small_people import recipe as people

from lfp_tf.data.records import Description, write_dataset
from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog
from lfp_tf.tasks.evaluation_facts import (
    comparable_split,
    described,
    seen_in_training,
    seen_warning,
)

COUNT = {"count": 1, "same_size": True, "label_pixels": None}


@pytest.fixture
def records(tmp_path):
    write_dataset(tmp_path, Description("lsp", ("pose",), people().classes), {"val": COUNT})
    return tmp_path


def test_a_split_that_the_weights_have_seen_is_known():
    recipe = small_classifier().recipe
    assert seen_in_training(recipe, "val") is None and seen_warning(recipe, "val") == ""
    recipe.trained_on = {"dataset": "imagenet", "splits": ["train"]}
    assert seen_in_training(recipe, "train") and not seen_in_training(recipe, "val")
    assert seen_warning(recipe, "val") == ""
    assert seen_warning(recipe, "train", "people") == (
        "warning: these weights were trained on train of imagenet; the score tells nothing about "
        "new people."
    )
    recipe.trained_on = {"dataset": "another", "splits": ["train"]}
    assert not seen_in_training(recipe, "train")


def test_records_of_the_networks_own_classes_are_taken(records):
    dataset = comparable_split(people(), records, "val", catalog.POSE)
    assert dataset["classes"] == people().classes
    # A network whose joints have numbers alone takes as many of any names.
    numbered = people([f"class {number}" for number in range(14)])
    comparable_split(numbered, records, "val", catalog.POSE)


def test_records_of_the_first_classes_alone_are_taken_where_they_may_be(records):
    more = people([*people().classes, "tail"])
    comparable_split(more, records, "val", catalog.POSE, may_lack_last=True)
    with pytest.raises(LfpError, match="the 14 joints of lsp, but the network has 15"):
        comparable_split(more, records, "val", catalog.POSE)
    turned = people([*people().classes[::-1], "tail"])
    with pytest.raises(LfpError, match='differ: "right_ankle", "head_top"'):
        comparable_split(turned, records, "val", catalog.POSE, may_lack_last=True)


def test_others_are_refused_in_the_tasks_own_words(records):
    with pytest.raises(LfpError, match="the 14 joints of lsp, but the network has 13 of lsp; give"):
        comparable_split(people(people().classes[:13]), records, "val", catalog.POSE)
    turned = people(people().classes[::-1])
    with pytest.raises(LfpError, match='differ: "right_ankle", "head_top"'):
        comparable_split(turned, records, "val", catalog.POSE)
    with pytest.raises(LfpError, match='has no split "test"; it has val.'):
        comparable_split(people(), records, "test", catalog.POSE)
    with pytest.raises(LfpError, match="of lsp for pose, but this is segmentation; give records"):
        comparable_split(small_network().recipe, records, "val", catalog.SEGMENTATION)


def test_facts_stand_in_the_order_of_reading():
    facts = described(
        people(),
        {"scores": {"mean": 0.5}},
        protocol={"name": "person"},
        split="val",
        records="r",
        checkpoint="c",
        seconds=2.0,
        history=[{"step": 1}],
    )
    assert list(facts) == [
        *("experiment", "dataset", "split", "records", "checkpoint", "protocol"),
        *("seen_in_training", "seconds", "scores", "history", "config", "versions"),
    ]
    assert facts["config"]["task"] == "pose" and facts["versions"]["lfp-tf"]
