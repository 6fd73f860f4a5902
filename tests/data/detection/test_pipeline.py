"""Batches of detection: laws of their order, canvases, mirror images, what is left out."""

import collections

import numpy as np
import pytest
from small_objects import (
    LYING,
    features_of,
    lengths,
    source,
    square,
    usual_images,
    write,
    write_features,
)

from lfp_tf.data import ordering
from lfp_tf.data.detection.canvases import CanvasOptions
from lfp_tf.data.detection.pipeline import evaluation_batches, training_batches
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.ops.detection.polygons import Outlines, rasterize
from lfp_tf.options import Shares

MEAN = (11.0, 22.0, 33.0)
CANVAS = CanvasOptions((40,), 72, 4)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("objects")
    return write(root / "records", usual_images(root / "images"))


def batches(index, count, **options):
    shares = Shares(*options.pop("shares", (2,)))
    words = {"seed": 5, "canvas": CANVAS, "mean": MEAN, "pixel": 1.0, "num_classes": 4}
    words |= {"with_masks": True} | options
    found = training_batches(index, shares=shares, **words).take(count)
    return [
        {key: value.numpy() for key, value in batch.items()}
        for batch in ordering.read_batches(found)
    ]


def valid(batch, place):
    """What is not filling of one image of a batch."""
    keys = ("boxes", "classes", "is_crowd", "edges", "parts")
    return {key: batch[key][place][batch["is_valid"][place]] for key in keys}


def joined(parts):
    """The batches of a step's replicas as one, objects and edges filled up alike."""
    objects = max(part["boxes"].shape[1] for part in parts)
    edges = max(part["edges"].shape[2] for part in parts)

    def widened(key, value):
        room = [(0, 0)] * value.ndim
        if key in ("boxes", "classes", "is_crowd", "is_valid", "edges", "parts"):
            room[1] = (0, objects - value.shape[1])
        if key in ("edges", "parts"):
            room[2] = (0, edges - value.shape[2])
        if value.dtype.kind == "O":
            return value
        return np.pad(value, room, constant_values=-1 if key == "parts" else 0)

    return {key: np.concatenate([widened(key, part[key]) for part in parts]) for key in parts[0]}


def test_batches_have_the_stated_form(index):
    (batch,) = batches(index, 1)
    (height, width), objects = batch["images"].shape[1:3], batch["boxes"].shape[1]
    assert batch["images"].shape == (2, height, width, 3) and batch["images"].dtype == np.float32
    assert height % 4 == 0 and width % 4 == 0
    assert batch["info"].shape == (2, 3) and batch["boxes"].shape == (2, objects, 4)
    assert batch["edges"].shape[:2] == batch["parts"].shape[:2] == (2, objects)
    assert batch["classes"].dtype == np.int32 and batch["is_valid"].dtype == bool
    assert batch["keys"].tolist() == [[5, 0], [5, 1]]


def test_a_batch_depends_on_seed_and_step_alone(index):
    whole = batches(index, 12, shares=(2,))
    (later,) = batches(index, 1, start_step=7)
    replicas = batches(index, 24, shares=(2, 2))
    hosts = [batches(index, 12, shares=(2, 2, host, 2)) for host in (0, 1)]
    for step, expected in enumerate(whole):
        two = joined(replicas[2 * step : 2 * step + 2])
        shared = joined([hosts[host][step] for host in (0, 1)])
        for key, value in expected.items():
            np.testing.assert_array_equal(two[key], value)
            np.testing.assert_array_equal(shared[key], value)
    for key, value in later.items():
        np.testing.assert_array_equal(value, whole[7][key])
    other = batches(index, 12, seed=6)
    assert [b["sources"].tolist() for b in other] != [b["sources"].tolist() for b in whole]


def test_an_epoch_has_every_usable_entry_at_most_once(index):
    # 22 entries: 12 lying, 4 upright, 6 long; batches of 4 leave two long ones out.
    found = batches(index, 10, shares=(4,))
    for epoch in (found[:5], found[5:]):
        entries = collections.Counter(
            (name, tuple(boxes[0]))
            for batch in epoch
            for name, boxes in zip(batch["sources"], batch["boxes"], strict=True)
        )
        assert len(entries) == 20 and set(entries.values()) == {1}
        names = {name.decode()[:-5] for name, _ in entries}
        assert names == {"lying", "upright", "long"}
    first, second = ([b["sources"].tolist() for b in epoch] for epoch in (found[:5], found[5:]))
    assert first != second


def test_a_step_has_one_canvas_over_all_replicas(index):
    sides = {}
    for place, batch in enumerate(batches(index, 20, shares=(4, 2))):
        sides.setdefault(place // 2, set()).add(batch["images"].shape[1:3])
    assert all(len(shapes) == 1 for shapes in sides.values())
    assert {shape for shapes in sides.values() for shape in shapes} == {
        (40, 56),
        (56, 40),
        (40, 72),
    }


def test_several_short_sides_are_drawn_by_step(index):
    canvas = CanvasOptions((20, 40), 72, 4)
    found = batches(index, 12, canvas=canvas)
    shorts = [int(batch["info"][0, :2].min()) for batch in found]
    assert set(shorts) == {20, 40}
    (later,) = batches(index, 1, canvas=canvas, start_step=9)
    np.testing.assert_array_equal(later["images"], found[9]["images"])


def test_images_are_scaled_and_filled_up_with_the_mean(index):
    (batch,) = batches(index, 1, canvas=CanvasOptions((20,), 72, 32))
    for image, info in zip(batch["images"], batch["info"], strict=True):
        height, width = info[:2].astype(int)
        assert min(height, width) == 20 and info[2] == 0.5
        filled = np.concatenate([image[height:].reshape(-1, 3), image[:, width:].reshape(-1, 3)])
        assert len(filled) and (filled == MEAN).all()
        assert image[:height, :width].std() > 10


@pytest.mark.parametrize(("pixel", "last"), [(1.0, 51.0), (0.0, 52.0)])
def test_mirror_images_are_exact(tmp_path, pixel, last):
    objects = [
        square(4, 6),
        SourceObject((10, 12, 9, 5), 2, counts=lengths(LYING, 10, 12, 9, 5)),
    ]
    index = write(tmp_path / "records", [source(tmp_path, "a", LYING, objects)])
    found = batches(index, 2, shares=(1,), pixel=pixel)
    plain, mirrored = sorted(found, key=lambda batch: batch["boxes"][0, 0, 0])
    np.testing.assert_array_equal(
        mirrored["images"][0, :, :52], plain["images"][0, :, :52][:, ::-1]
    )
    x1, y1, x2, y2 = plain["boxes"][0].T
    assert (x1.tolist(), x2.tolist()) == ([4, 10], [12 - pixel, 19 - pixel])
    np.testing.assert_array_equal(mirrored["boxes"][0], np.stack([last - x2, y1, last - x1, y2], 1))
    outlines = Outlines(mirrored["edges"][0], mirrored["parts"][0])
    drawn, bitmap = rasterize(outlines, 64).numpy()[:, :40, :52]
    # As in the original, points of polygons move by a pixel with inclusive corners.
    left = 52 - 12 - int(pixel)
    assert drawn[6:14, left : left + 8].all() and drawn.sum() == 64
    assert bitmap[12:17, 52 - 19 : 52 - 10].all() and bitmap.sum() == 45


def test_masks_come_from_polygons_or_bitmaps_or_are_missing(tmp_path):
    objects = [
        square(4, 6),
        SourceObject((10, 12, 9, 5), 2, counts=lengths(LYING, 10, 12, 9, 5)),
        SourceObject((20, 20, 9, 5), 3),
        SourceObject((20, 20, 9, 6), 3, polygons=(np.array([[1.0, 2.0], [3.0, 4.0]]),)),
        square(30, 6, is_crowd=True),
        square(30, 6, is_ignored=True),
        square(30, 6, area=0.0),
    ]
    index = write(tmp_path / "records", [source(tmp_path, "a", LYING, objects)])
    (batch,) = batches(index, 1, shares=(1,), flip=False)
    assert batch["classes"].tolist() == [[1, 2, 3, 3, 1]]
    assert batch["is_crowd"].tolist() == [[False, False, False, False, True]]
    assert (batch["parts"][0] >= 0).sum(axis=1).tolist() == [4, 2, 0, 0, 0]
    areas = rasterize(Outlines(batch["edges"][0], batch["parts"][0]), 64).numpy().sum((1, 2))
    assert areas.tolist() == [64, 45, 0, 0, 0]
    (batch,) = batches(index, 1, shares=(1,), flip=False, with_masks=False)
    assert batch["edges"].shape == (1, 5, 0, 4) and batch["boxes"].shape == (1, 5, 4)


def test_objects_fill_up_to_those_of_the_batch(tmp_path):
    images = [source(tmp_path, "a", LYING, [square(1, 1)])]
    images += [source(tmp_path, "b", LYING, [square(1, 1), square(20, 20), square(9, 9)])]
    (batch,) = batches(write(tmp_path / "records", images), 1, flip=False)
    order = np.argsort(batch["sources"])
    assert batch["is_valid"][order].tolist() == [[True, False, False], [True] * 3]
    assert (batch["parts"][order[0], 1:] == -1).all()
    assert not batch["classes"][order[0], 1:].any()
    assert valid(batch, order[0])["boxes"].tolist() == [[1, 1, 8, 8]]


def test_records_of_others_train(tmp_path):
    """The Garden's keys alone: no sizes, areas, polygons or `dataset.json`."""
    features = features_of(source(tmp_path, "a", LYING, [square(4, 6)]))
    kept = ("image/encoded", "image/object/mask", "image/object/class/label")
    features = {k: v for k, v in features.items() if k in kept or "bbox" in k}
    (batch,) = batches(write_features(tmp_path / "r", features), 1, shares=(1,), flip=False)
    assert valid(batch, 0)["boxes"].tolist() == [[4, 6, 11, 13]]
    assert (batch["parts"] >= 0).sum() == 2


def test_what_cannot_be_trained_with_is_refused(tmp_path, index):
    with pytest.raises(LfpError, match="global_batch_size 64 is more than the 22 usable images"):
        batches(index, 1, shares=(64,))
    with pytest.raises(LfpError, match=r'record \d has the class 2 in "image/object/class/label"'):
        batches(index, 1, num_classes=2)
    with pytest.raises(
        LfpError, match=r"short_sides \[0\], max_size 9 and stride 4 must be pixels"
    ):
        batches(index, 1, canvas=CanvasOptions((0,), 9, 4))
    empty = write(tmp_path / "empty", [source(tmp_path, "a", LYING, [])])
    with pytest.raises(LfpError, match="has an object to learn from: a box inside the image that"):
        batches(empty, 1)
    features = features_of(source(tmp_path, "a", LYING, [square(4, 6)]))
    wrong = write_features(
        tmp_path / "wrong", features | {"image/width": 99, "image/object/mask": [b""]}
    )
    with pytest.raises(
        WorkFailed, match='tfrecord, record 0 has an image of another size than "image/height" and'
    ):
        batches(wrong, 1, shares=(1,))


def test_evaluation_gives_every_image_once_and_fills_up(index):
    found = list(evaluation_batches(index, shares=Shares(3, 3)))
    assert len(found) == 15 and all(batch["images"].shape[0] == 1 for batch in found)
    assert [int(batch["numbers"][0]) for batch in found] == [*range(14), -1]
    assert found[0]["images"].dtype.name == "uint8" and found[6]["images"].shape[1:3] == (52, 40)
    assert not found[-1]["images"].numpy().any() and found[-1]["sources"][0] == b""
    with pytest.raises(LfpError, match="global_batch_size must be 2, not 4"):
        evaluation_batches(index, shares=Shares(4, 2))
