"""Images and classes in batches: order, keys, what fills up, wrong classes by name."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.classification.augmentations import centre, from_steps, recipe, usual_shortest
from lfp_tf.data.classification.pipeline import (
    FILLER,
    evaluation_batches,
    training_batches,
)
from lfp_tf.data.datasets import imagenet
from lfp_tf.data.prepare import write_plan
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.errors import LfpError
from lfp_tf.options import Shares

SIZES = [(20, 30), (24, 17), (9, 40), (31, 31), (16, 16)]


def random_image(number):
    return np.random.RandomState(number).randint(0, 256, (*SIZES[number], 3), np.uint8)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for number in range(len(SIZES)):
        folder = root / "train" / f"n{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random_image(number)).save(folder / f"{number}.png")
    plan = imagenet.plan(root)
    write_plan(plan, take_census(plan), root / "records")
    assert read_dataset(root / "records")["tasks"] == ["classification"]
    return record_index(root / "records", "train")


def batches(index, count, **options):
    words = {"size": 8, "seed": 7, "augmentation": recipe(), "num_classes": 3}
    names = ("replicas", "pipeline_id", "num_pipelines")
    shares = {name: options.pop(name) for name in names if name in options}
    words["shares"] = Shares(options.pop("global_batch_size", 2), **shares)
    found = training_batches(index, **(words | options)).take(count)
    return [{key: value.numpy() for key, value in batch.items()} for batch in found]


def numbers(batch):
    return [int(source.decode()[3]) for source in batch["sources"].tolist()]


def test_batches_have_the_stated_form(index):
    (batch,) = batches(index, 1)
    assert batch["images"].shape == (2, 8, 8, 3) and batch["images"].dtype == np.float32
    assert batch["labels"].dtype == np.int32
    assert batch["labels"].tolist() == [number % 3 for number in numbers(batch)]
    assert batch["keys"].tolist() == [[7, 0], [7, 1]]


def test_an_epoch_shows_every_record_once(index):
    found = batches(index, 2, global_batch_size=5)
    orders = [numbers(batch) for batch in found]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert orders[0] != orders[1]


def test_starting_later_and_sharing_give_the_same_samples(index):
    whole = batches(index, 4)
    later = batches(index, 1, start_step=3)
    parts = batches(index, 4, replicas=2)
    shares = [batches(index, 2, replicas=2, num_pipelines=2, pipeline_id=n) for n in (0, 1)]
    for key in whole[0]:
        np.testing.assert_array_equal(whole[3][key], later[0][key])
        for step in (0, 1):
            joined = np.concatenate([parts[2 * step][key], parts[2 * step + 1][key]])
            np.testing.assert_array_equal(joined, whole[step][key])
            joined = np.concatenate([share[step][key] for share in shares])
            np.testing.assert_array_equal(joined, whole[step][key])


def test_without_augmentation_the_middle_is_shown(index):
    (batch,) = batches(index, 1, global_batch_size=5, augmentation=from_steps([]))
    for place, number in enumerate(numbers(batch)):
        want = centre(tf.constant(random_image(number)), shortest=usual_shortest(8), size=8)
        np.testing.assert_array_equal(batch["images"][place], want)


def test_evaluation_shows_the_files_once_and_fills_up(index):
    found = [
        {key: value.numpy() for key, value in batch.items()}
        for batch in evaluation_batches(index, size=8, shares=Shares(4), num_classes=3)
    ]
    assert len(found) == 2
    labels = np.concatenate([batch["labels"] for batch in found])
    assert labels.tolist() == [0, 0, 1, 1, 2, FILLER, FILLER, FILLER]
    assert not found[1]["images"][1:].any() and found[1]["sources"][1:].tolist() == [b""] * 3
    other = evaluation_batches(index, size=8, shortest=16, shares=Shares(1), num_classes=3)
    first = next(iter(other))["images"].numpy()
    want = centre(tf.constant(random_image(0)), shortest=16, size=8)
    np.testing.assert_array_equal(first[0], want)


def test_an_impossible_class_names_its_file(index):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"n2/2.png has the class 2, but 2"):
        batches(index, 5, num_classes=2)


def test_numbers_that_do_not_go_together_are_refused(index):
    with pytest.raises(LfpError, match="The shorter side of 7 pixels holds no crop of 8"):
        evaluation_batches(index, size=8, shortest=7, shares=Shares(1), num_classes=3)
    with pytest.raises(LfpError, match="must be a multiple of the 3 replicas"):
        batches(index, 1, replicas=3)
    with pytest.raises(LfpError, match="seed must lie in"):
        batches(index, 1, seed=-1)


def test_the_usual_shorter_side():
    assert [usual_shortest(size) for size in (224, 64, 56)] == [256, 73, 64]
