"""People in batches: crops and maps that agree, order, what fills up."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import lsp
from lfp_tf.data.pose.augmentations import from_steps, recipe
from lfp_tf.data.pose.pipeline import codec_of, evaluation_batches, training_batches
from lfp_tf.data.prepare import write_plan
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.ops.heatmaps import HeatmapCodec
from lfp_tf.options import Shares

SIDE, COUNT = 64, 5
NAMES = JOINTS["lsp"]


def joints(number):
    return np.random.RandomState(number).uniform(6, SIDE - 6, (len(NAMES), 2)).round(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Black images with a white spot at the first joint; the last joint is not annotated."""
    root = tmp_path_factory.mktemp("people")
    (root / "images").mkdir()
    entries = []
    for number in range(COUNT):
        y, x = np.mgrid[:SIDE, :SIDE]
        at = joints(number)[0]
        spot = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 8)
        image = np.repeat(spot[..., None], 3, 2).astype(np.uint8)
        Image.fromarray(image).save(root / f"images/{number}.png")
        known = [1] * (len(NAMES) - 1) + [0]
        entries.append(
            {"file_name": f"{number}.png", "joints": joints(number).tolist(), "visible": known}
        )
    content = {"joint_names": list(NAMES), "train": entries}
    (root / "annotations.json").write_text(json.dumps(content))
    plan = lsp.plan(root)
    write_plan(plan, take_census(plan), root / "records")
    return root / "records"


@pytest.fixture(scope="module")
def index(folder):
    return record_index(folder, "train")


def batches(index, count, **options):
    words = {"codec": codec_of(64), "flip_order": [*range(len(NAMES))], "seed": 7}
    shares = Shares(options.pop("global_batch_size", 2), options.pop("replicas", 1))
    words |= {"augmentation": recipe(), "shares": shares} | options
    found = training_batches(index, **words).take(count)
    return [{key: value.numpy() for key, value in batch.items()} for batch in found]


def place(values):
    return np.array(np.unravel_index(values.argmax(), values.shape))[::-1]


def test_the_description_tells_task_and_mirror(folder):
    found = read_dataset(folder)
    assert found["tasks"] == ["pose"] and found["classes"] == list(NAMES)
    assert found["flip_order"][0] == 5


def test_batches_have_the_stated_form(index):
    (batch,) = batches(index, 1, codec=HeatmapCodec(16, background=True))
    assert batch["images"].shape == (2, 64, 64, 3) and batch["heatmaps"].shape == (2, 16, 16, 15)
    assert batch["keys"].tolist() == [[7, 0], [7, 1]]
    (batch,) = batches(
        index, 1, codec=HeatmapCodec(16, background=True), augmentation=from_steps([])
    )
    np.testing.assert_allclose(batch["heatmaps"][..., :14].max(-1), batch["heatmaps"][..., 14])


def test_the_spot_and_its_map_stand_together(index):
    for batch in batches(index, 6, augmentation=recipe()):
        for image, maps in zip(batch["images"], batch["heatmaps"], strict=True):
            if maps[..., 0].max() > 0.5:
                # Cut to whole pixels twice: once as the map is drawn, once as it is turned.
                assert np.abs(place(image[..., 0]) / 4 - place(maps[..., 0])).max() <= 2.5
            assert not maps[..., 13].any()


def test_starting_later_and_sharing_give_the_same_samples(index):
    whole, later = batches(index, 4), batches(index, 1, start_step=3)
    parts = batches(index, 4, replicas=2)
    for key in whole[0]:
        np.testing.assert_array_equal(whole[3][key], later[0][key])
        joined = np.concatenate([parts[2][key], parts[3][key]])
        np.testing.assert_array_equal(joined, whole[1][key])


def test_without_augmentation_the_image_is_the_crop(index):
    (batch,) = batches(index, 1, augmentation=from_steps([]))
    number = int(batch["sources"][0].decode()[0])
    assert np.abs(place(batch["images"][0, ..., 0]) - joints(number)[0]).max() <= 1


def test_evaluation_tells_what_a_score_needs_and_fills_up(index):
    found = [
        {key: value.numpy() for key, value in batch.items()}
        for batch in evaluation_batches(
            index, codec=codec_of(64), num_joints=14, shares=Shares(3), scales=(0.8, 1.0)
        )
    ]
    assert len(found) == 2 and found[0]["images"].shape == (3, 2, 64, 64, 3)
    first = found[0]
    np.testing.assert_allclose(first["keypoints"][1, :13, :2], joints(1)[:13], rtol=1e-6)
    assert first["keypoints"][1, 13].tolist() == [0, 0, 0]
    assert first["centers"][0].tolist() == [32, 32]
    np.testing.assert_allclose(first["scales"], SIDE / 200)
    assert first["sizes"].tolist() == [[64, 64]] * 3 and first["head_sizes"].tolist() == [0] * 3
    # At 0.8 of the scale the spot is further from the middle.
    near, far = (place(first["images"][0, n, ..., 0]) - 32 for n in (1, 0))
    np.testing.assert_allclose(far, near / 0.8, atol=2)
    last = found[1]
    assert last["sources"].tolist() == [b"3.png", b"4.png", b""]
    assert not last["keypoints"][2].any() and not last["images"][2].any()


def test_numbers_that_do_not_go_together_are_refused(index):
    with pytest.raises(LfpError, match="resolution must be a multiple of 4, not 62"):
        codec_of(62)
    with pytest.raises(LfpError, match=r"scales must be numbers above 0, not \[0\]"):
        evaluation_batches(index, codec=codec_of(64), num_joints=14, shares=Shares(1), scales=[0])
    with pytest.raises(LfpError, match="must be a multiple of the 3 replicas"):
        batches(index, 1, replicas=3)


def test_records_of_other_joints_are_an_error(index):
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match=r'tfrecord, record \d has 42 values of \\"person/keypoints\\", but 48 are needed; give',
    ):
        batches(index, 1, flip_order=[*range(16)])
