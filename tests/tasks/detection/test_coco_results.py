"""Detections as pycocotools reads them: boxes, run lengths, masks pasted one after the other."""

import json

import numpy as np
import pytest
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO

from lfp_tf.ops.detection.paste import paste_masks
from lfp_tf.tasks.detection import coco_results
from lfp_tf.tasks.detection.coco_results import coco_rows, pasted

SIZE = (50, 70)
BOXES = np.float32([[10, 5, 38, 33], [0, 0, 70, 50], [60, 40, 70, 50], [0, 0, 0, 0]])


def detections(masks=True, side=28):
    rng = np.random.default_rng(0)
    found = {
        "boxes": BOXES,
        "scores": np.float32([0.9, 0.8, 0.25, 0]),
        "labels": np.int32([2, 1, 2, 0]),
        "count": np.int32(3),
    }
    if masks:
        found["masks"] = rng.uniform(0, 1, (4, side, side)).astype(np.float32)
    return found


def test_boxes_are_corner_width_and_height():
    rows = coco_rows(detections(masks=False), 139, SIZE)
    assert rows[0] == {
        "image_id": 139,
        "category_id": 2,
        "score": pytest.approx(0.9),
        "bbox": [10.0, 5.0, 28.0, 28.0],
    }
    assert len(rows) == 3 and rows[2]["bbox"] == [60.0, 40.0, 10.0, 10.0]
    assert json.loads(json.dumps(rows)) == rows


def test_masks_are_pasted_by_the_last_pixels_of_their_boxes():
    found = detections()
    rows = coco_rows(found, "a", SIZE)
    last_pixels = BOXES[:3] - np.float32([0, 0, 1, 1])
    expected = paste_masks(found["masks"][:3], last_pixels, SIZE)
    for row, bitmap in zip(rows, expected, strict=True):
        own = run_lengths.decode(row["segmentation"]).astype(bool)
        np.testing.assert_array_equal(own, bitmap)
        assert row["segmentation"]["size"] == list(SIZE) and own.any()


@pytest.mark.parametrize("side", [14, 28])
def test_a_whole_mask_fills_its_box(side):
    found = detections(side=side)
    found["masks"] = np.ones_like(found["masks"])
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for bitmap, (x1, y1, x2, y2) in zip(pasted(found, SIZE), BOXES.astype(int), strict=False):
        # Boxes with their ring are cut to whole pixels, at most two from the edge.
        inside = (x1 + 2 <= columns) & (columns < x2 - 2) & (y1 + 2 <= rows) & (rows < y2 - 2)
        around = (x1 - 1 <= columns) & (columns <= x2) & (y1 - 1 <= rows) & (rows <= y2)
        assert bitmap[inside].all() and not bitmap[~around].any()


def test_masks_are_the_same_in_blocks_of_any_size(monkeypatch):
    found = detections()
    whole = list(pasted(found, SIZE))
    for pixels in (1, 2 * SIZE[0] * SIZE[1]):
        monkeypatch.setattr(coco_results, "_PASTED_PIXELS", pixels)
        np.testing.assert_array_equal(list(pasted(found, SIZE)), whole)
    assert len(whole) == 3 and whole[0].dtype == bool


def test_nothing_found_is_an_empty_list():
    none = detections() | {"count": np.int32(0)}
    assert coco_rows(none, 1, SIZE) == [] and list(pasted(none, SIZE)) == []


def test_pycocotools_reads_them():
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 1, "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [],
        "categories": [{"id": 1}, {"id": 2}],
    }
    truth.createIndex()
    read = truth.loadRes(json.loads(json.dumps(coco_rows(detections(), 1, SIZE))))
    assert len(read.getAnnIds(catIds=[2])) == 2
    first = read.loadAnns(read.getAnnIds())[0]
    np.testing.assert_array_equal(
        read.annToMask(first).astype(bool), next(iter(pasted(detections(), SIZE)))
    )
