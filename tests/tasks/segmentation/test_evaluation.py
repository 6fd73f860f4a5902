"""Scores of a split: the sums of all images, against a slow count, and what is refused."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
import tiny
from small_network import small_network

from lfp_tf.data.records import record_index
from lfp_tf.data.segmentation.pipeline import evaluation_batches
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.options import Shares
from lfp_tf.tasks.segmentation.evaluation import evaluate
from lfp_tf.tasks.segmentation.prediction import predictor
from lfp_tf.tasks.segmentation.protocols import Protocol


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes", train=1, val=5)


@pytest.fixture(scope="module")
def model():
    return small_network()


def test_the_confusion_matrix_counts_every_pixel_once(model, records):
    evaluated = evaluate(model, records, split="val", protocol=Protocol("whole"))
    predict, confusion = predictor(model, Protocol("whole")), np.zeros((8, 8), int)
    batches = evaluation_batches(
        record_index(records, "val"), shares=Shares(1), mean=(0, 0, 0), same_size=False
    )
    sources = []
    for batch in batches:
        labels = predict(tf.cast(batch["images"][0], tf.uint8))["labels"].numpy()
        sources.append(batch["sources"][0].numpy().decode())
        for truth, label in zip(batch["labels"].numpy().ravel(), labels.ravel(), strict=True):
            if truth != 255:
                confusion[truth, label] += 1
    np.testing.assert_array_equal(evaluated.confusion, confusion)
    assert [entry["source"] for entry in evaluated.images] == sources
    values = [entry["mIoU"] for entry in evaluated.images]
    assert [e.score for e in evaluated.best] == sorted(values, reverse=True)[:4]
    assert [e.score for e in evaluated.worst] == sorted(values)[:4]
    assert evaluated.best[0].image.shape == (33, 41, 3)


def test_pixels_of_an_ignored_truth_are_not_scored(model, records):
    whole = evaluate(model, records, protocol=Protocol("whole")).confusion
    model.recipe.evaluation["ignore_truth"] = [0, 3]
    try:
        scored = evaluate(model, records, protocol=Protocol("whole")).confusion
    finally:
        model.recipe.evaluation["ignore_truth"] = []
    assert whole[0].any() or whole[3].any()
    expected = whole.copy()
    expected[[0, 3]] = 0  # Rows are truth; predictions of these classes stay mistakes.
    np.testing.assert_array_equal(scored, expected)


def test_a_truth_of_one_class_is_not_scored(model, records):
    model.recipe.evaluation["ignore_truth"] = list(range(7))
    try:
        with pytest.raises(LfpError, match="leaves fewer than two of the classes.*--fork_labels"):
            evaluate(model, records, protocol=Protocol("whole"))
    finally:
        model.recipe.evaluation["ignore_truth"] = []


def test_a_limit_takes_the_first_images(model, records):
    whole = evaluate(model, records, protocol=Protocol("whole"), kept=1)
    two = evaluate(model, records, protocol=Protocol("whole"), limit=2, kept=1)
    assert two.images == whole.images[:2]
    assert two.confusion.sum() < whole.confusion.sum()
    assert len(two.best) == len(two.worst) == 1


def test_a_damaged_record_is_not_scored_but_named(model, records, tmp_path):
    folder = shutil.copytree(records, tmp_path / "records")
    index = record_index(folder, "val")
    path = index.paths[index.file[0]]
    with open(path, "r+b") as stream:
        stream.seek(int(index.offset[0]) + int(index.length[0]) // 2)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))
    with pytest.raises(WorkFailed) as caught:
        evaluate(model, folder, split="val", protocol=Protocol("whole"))
    assert str(caught.value).startswith(f"{path}, record 0 cannot be read, or its checksum does ")


def test_records_of_other_classes_are_refused(records):
    other = small_network("pspnet_mobilenetv2_camvid", changes={"task": {"model": {"width": 0.1}}})
    with pytest.raises(LfpError, match="has the 8 classes of scenes, but the network has 11"):
        evaluate(other, records, protocol=Protocol("whole"))


def test_a_split_that_is_not_there_is_refused(model, records):
    with pytest.raises(LfpError, match='no split "vall"; it has test, train, val'):
        evaluate(model, records, split="vall", protocol=Protocol("whole"))


def test_a_squashed_image_is_scored_at_its_squashed_size(model, records):
    protocol = Protocol("deeplab", warp=(25, 49), logits_resize="half_pixel")
    evaluated = evaluate(model, records, protocol=protocol, kept=1)
    assert evaluated.confusion.sum() <= 5 * 25 * 49
    assert evaluated.best[0].image.shape == (25, 49, 3)
    # Elsewhere the result comes back at the image's own size.
    image = np.zeros((33, 41, 3), np.uint8)
    assert predictor(model, protocol)(tf.constant(image))["labels"].shape == (33, 41)
