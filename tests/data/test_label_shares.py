"""Shares of label values and what is said of them."""

from lfp_tf.data.label_shares import judge_labels, shares_table
from lfp_tf.images.palette import numbered_table

TABLE = numbered_table(["sky", "road", "car"])


def test_classes_that_train_lacks_are_named():
    pixels = {"train": {0: 5, 1: 5}, "val": {2: 1}}
    judgement = judge_labels(pixels, table=TABLE)
    assert judgement.problems == ()
    assert judgement.warnings == ("1 of 3 classes have no pixel in train: car.",)
    assert judge_labels({"val": {0: 5, 1: 5}}, table=TABLE).warnings == ()


def test_labels_that_are_mostly_ignored_are_told():
    half = {0: 1, 1: 1, 2: 1, 255: 3}
    assert judge_labels({"train": half}, table=TABLE).warnings == ()
    assert judge_labels({"train": half | {255: 4}}, table=TABLE).warnings == (
        "57% of all pixels are ignored; they count in no loss and in no score.",
    )


def test_fewer_than_two_classes_in_train_are_a_problem():
    one = {"train": {1: 5, 255: 1}, "val": {0: 1, 1: 1}}
    (problem,) = judge_labels(one, table=TABLE, one_class_hint="Do this.").problems
    assert problem == (
        "Every pixel of the labels is road or ignored, and fewer than two classes teach nothing. "
        "Do this."
    )
    (problem,) = judge_labels({"train": {255: 1}}, table=TABLE).problems
    assert problem.startswith("Every pixel of the labels is ignored, and")
    judgement = judge_labels({"val": {1: 5}}, table=TABLE)
    assert judgement.problems == () and "is road or ignored" in judgement.warnings[0]


def test_shares_tell_none_from_few():
    lines = shares_table(TABLE.names, {"train": {0: 99999, 1: 1}})
    assert lines == [
        "label            train",
        "    0 sky       100.0%",
        "    1 road       <0.1%",
        "    2 car            0",
        "  255 ignored        0",
    ]
