"""Drawn scenes depend on nothing but their seed, and what they say agrees with itself."""

import numpy as np
import pytest

from lfp_tf.data.datasets import scene_drawing, scenes
from lfp_tf.data.datasets.scene_drawing import CAR, PAVEMENT, PERSON, ROAD, SKY, draw_scene
from lfp_tf.data.example import decode_example
from lfp_tf.errors import LfpError
from lfp_tf.pictures.decode import read_labels, read_picture
from lfp_tf.pictures.palette import class_table


def test_scenes_repeat_and_differ():
    first, again, other = draw_scene(0, 1), draw_scene(0, 1), draw_scene(0, 2)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).mean() > 0.5
    assert (first[0] != draw_scene(1, 1)[0]).mean() > 0.5


@pytest.mark.parametrize("size", [(97, 129), (64, 48)])
def test_shapes_and_values(size):
    picture, labels, instances = draw_scene(0, 3, size)
    assert picture.shape == (*size, 3) and picture.dtype == np.uint8
    assert labels.shape == size and labels.max() < len(scene_drawing.CLASSES)
    assert len(instances.boxes) == len(instances.classes) == len(instances.masks) > 0


def test_boxes_and_labels_agree_with_masks():
    for index in range(5):
        _, labels, instances = draw_scene(0, index)
        for box, label, mask in zip(*vars(instances).values(), strict=True):
            assert (labels[mask] == label).all()
            rows, columns = np.nonzero(mask)
            assert box.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def test_every_class_occurs_and_sky_is_always_seen():
    labels = np.stack([draw_scene(0, index)[1] for index in range(20)])
    assert set(np.unique(labels)) == set(range(len(scene_drawing.CLASSES)))
    assert all((picture == SKY).any() for picture in labels)


def test_the_ground_itself_does_not_tell_road_from_pavement():
    colors = {ROAD: [], PAVEMENT: []}
    for index in range(60):
        picture, labels, _ = draw_scene(0, index, (49, 65))
        for label, found in colors.items():
            if (labels == label).any():
                found.append(picture[labels == label].mean(axis=0))
    means = [np.mean(found, axis=0) for found in colors.values()]
    spread = np.std(np.concatenate(list(colors.values())), axis=0)
    assert (np.abs(means[0] - means[1]) < 0.6 * spread).all()


def test_half_of_the_skies_are_of_the_day_and_all_are_told_by_their_mean():
    blue = []
    for index in range(40):
        picture, labels, _ = draw_scene(0, index, (49, 65))
        mean = picture[labels == SKY].astype(float).mean(axis=0)
        blue.append((mean[2] - mean[0]) / mean.sum())
    assert min(np.abs(blue)) > 0.03
    assert 8 < sum(value > 0 for value in blue) < 32


def test_records_carry_the_hosts_keys():
    plan = scenes.plan(counts=(2, 1, 0), size=(33, 41), seed=5)
    assert {split: len(found) for split, found in plan.splits.items()} == {"train": 2, "val": 1}
    encoded = plan.encode(plan.splits["train"][1])
    features = decode_example(encoded.payload)
    picture, labels, instances = draw_scene(5, 1, (33, 41))
    np.testing.assert_array_equal(read_picture(features["image/encoded"][0]), picture)
    np.testing.assert_array_equal(
        read_labels(features["image/segmentation/class/encoded"][0]), labels
    )
    np.testing.assert_allclose(
        np.multiply(features["image/object/bbox/ymax"], 33), instances.boxes[:, 2], rtol=1e-6
    )
    order = {1: CAR, 2: PERSON, 3: scene_drawing.SIGN}
    assert [order[number] for number in features["image/object/class/label"]] == (
        instances.classes.tolist()
    )
    masks = [read_labels(mask) for mask in features["image/object/mask"]]
    np.testing.assert_array_equal(masks, instances.masks)
    assert encoded.label_pixels == {
        int(value): int((labels == value).sum()) for value in np.unique(labels)
    }


def test_splits_do_not_share_scenes_and_counts_do_not_move_them():
    small, large = scenes.plan(counts=(2, 2, 2)), scenes.plan(counts=(5, 5, 5))
    assert all(set(small.splits[split]) <= set(large.splits[split]) for split in small.splits)
    indices = [sample.index for found in large.splits.values() for sample in found]
    assert len(set(indices)) == 15


def test_class_names_are_those_of_the_table():
    assert class_table("scenes").names == scene_drawing.CLASSES


def test_sources_and_tiny_sizes_are_refused():
    with pytest.raises(LfpError, match="are drawn, not read; leave --source out"):
        scenes.plan("somewhere")
    with pytest.raises(LfpError, match="Scenes of 8x8 pixels show nothing"):
        scenes.plan(size=(8, 8))
