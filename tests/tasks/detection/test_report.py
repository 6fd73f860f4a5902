"""The page of a detector says what its numbers are, and shows what was found where."""

import json

import numpy as np
import pytest

from lfp_tf.data.detection.masks import bitmap_rle
from lfp_tf.evaluation.image_panels import Example
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.geometry import resize_long_side
from lfp_tf.tasks.detection.metrics import coco_scores
from lfp_tf.tasks.detection.report import drawn_rows, score_facts, write_report
from lfp_tf.tasks.detection.subsets import class_sets

SIZE = (60, 80)
NAMES = ["a & b", "c", "d", "e", "f", "g"]
ABOUT = {
    "experiment": "maskrcnn_small_scenes",
    "dataset": "scenes",
    "split": "val",
    "protocol": {"name": "detection", "short_side": 128},
    "seconds": 2.0,
    "checkpoint": "here",
}


def row(label, box, score=None, *, crowd=0, image=0, number=1):
    bitmap = np.zeros(SIZE, bool)
    x, y, width, height = box
    bitmap[y : y + height, x : x + width] = True
    own = {"image_id": image, "category_id": label, "bbox": list(map(float, box))}
    own["segmentation"] = bitmap_rle(bitmap)
    if score is not None:
        return own | {"score": score}
    return own | {"id": number, "iscrowd": crowd, "area": float(width * height)}


# Two objects of class 1, and one of each of four others; a crowd of class 2.
TRUTH = [
    row(1, (0, 0, 30, 20), number=1),
    row(1, (40, 10, 30, 30), number=2),
    row(2, (5, 30, 20, 20), crowd=1, number=3),
    *(row(label, (10 * label, 5, 12, 12), number=label + 1) for label in (3, 4, 5, 6)),
]
FOUND = [row(1, (0, 0, 30, 20), 0.9), row(1, (3, 40, 8, 8), 0.6), row(3, (30, 5, 12, 12), 0.4)]


FILE = {
    "images": [{"id": 0, "height": SIZE[0], "width": SIZE[1]}],
    "annotations": TRUTH,
    "categories": [{"id": n, "name": name} for n, name in enumerate(NAMES, 1)],
}


@pytest.fixture(scope="module")
def facts():
    scores = {kind: coco_scores(FILE, FOUND, kind=kind) for kind in ("box", "mask")}
    return score_facts(scores, FILE, names=NAMES)


def page_of(folder, facts, **more):
    path = write_report(folder, ABOUT | facts | {"images": [{}]}, **more)
    return path.read_text()


def test_classes_have_their_objects_and_scores(facts):
    assert [entry["name"] for entry in facts["classes"]] == NAMES
    assert [entry["objects"] for entry in facts["classes"]] == [2, 0, 1, 1, 1, 1]
    first = facts["classes"][0]
    # The better detection is right, and half of the objects: precision 1 up to recall 0.5.
    assert first["box"] == {"AP": pytest.approx(51 / 101), "AP50": pytest.approx(51 / 101)}
    assert facts["classes"][1]["mask"] == {"AP": None, "AP50": None}
    assert facts["classes"][2]["box"]["AP"] == pytest.approx(1.0)
    assert facts["classes"][5]["box"]["AP"] == 0.0
    assert facts["scores"]["box"]["AP"] == pytest.approx((51 / 101 + 1) / 5)
    json.dumps(facts)


def test_sets_of_classes_have_scores_of_their_own(facts, tmp_path):
    sets = class_sets(["a & b", "e"], NAMES, where="--subset")
    scores = {kind: coco_scores(FILE, FOUND, kind=kind) for kind in ("box", "mask")}
    own = score_facts(
        scores,
        FILE,
        names=NAMES,
        sets=sets,
        mask_overlaps={1: 0.5, 3: 1.0},
        filled_overlaps={1: 0.25, 3: 0.75},
    )
    assert own["scores"] == facts["scores"]
    assert [entry["set"] for entry in own["classes"]] == ["A", "B", "B", "A", "B", "B"]
    assert own["sets"]["A"]["classes"] == ["a & b", "e"] and own["sets"]["A"]["name"] == "a & b, e"
    # Of A one class of two is found by half; of B, where "c" has no objects, one of three.
    assert own["sets"]["A"]["scores"]["box"]["AP"] == pytest.approx(51 / 101 / 2)
    assert own["sets"]["B"]["scores"]["mask"]["AP"] == pytest.approx(1 / 3)
    assert own["mask_iou"] == {"all": 0.75, "A": 0.5, "B": 1.0}
    assert own["filled_box_iou"] == {"all": 0.5, "A": 0.25, "B": 0.75}
    assert [entry["mask_iou"] for entry in own["classes"]] == [0.5, None, 1.0, None, None, None]
    page = " ".join(page_of(tmp_path, own).split())
    assert "<td>box, set A</td><td>25.25</td>" in page
    assert "Set A is a &amp; b, e (2 of 6 classes, blue below), set B the other 4 (orange)." in page
    assert "mean over classes: all 75.00, set A 50.00, set B 100.00." in page


def test_a_page_without_sets_tells_none(facts, tmp_path):
    page = page_of(tmp_path, facts)
    assert "set A" not in page and "true boxes" not in page
    assert "sets" not in facts and "mask_iou" not in facts and "set" not in facts["classes"][0]


def test_curves_are_those_of_the_commonest_classes(facts):
    assert len(facts["curves"]["box"]) == 4
    assert facts["curves"]["mask"]["a & b"] == pytest.approx([1.0] * 51 + [0.0] * 50)


def test_the_page_tells_scores_classes_and_images(facts, tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    worst = [Example("<b>.png", 0.25, image, image, image)]
    page = page_of(tmp_path, facts, best=worst, worst=worst)
    assert '<span class="big">30.10</span> box AP' in " ".join(page.split())
    assert "mask AP by class" in page and "a &amp; b" in page and "AP50 50.5, 2 objects" in page
    assert "&lt;b&gt;.png" in page and "<b>.png" not in page
    assert "Best images" in page and "Worst images" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["examples"]["worst"] == [{"source": "<b>.png", "score": 0.25}]
    assert written["classes"] == facts["classes"]


def test_objects_are_drawn_beside_their_image_and_hidden_below_the_score():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    plain, truth, found = drawn_rows(image, TRUTH[:2], FOUND, NAMES)
    np.testing.assert_array_equal(plain, image)
    mask = np.zeros(SIZE, bool)
    mask[:20, :30] = True
    other = np.zeros(SIZE, bool)
    other[40:48, 3:11] = True
    boxes = np.array([[0, 0, 30, 20], [3, 40, 11, 48]])
    # The third has a score of 0.4 and is not shown.
    expected = draw_detections(image, boxes, [0, 0], NAMES, masks=[mask, other])
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(truth, found)


def test_nothing_to_draw_leaves_the_image_as_it_is():
    image = np.full((*SIZE, 3), 77, np.uint8)
    for panel in drawn_rows(image, [], [], NAMES):
        np.testing.assert_array_equal(panel, image)


def test_an_object_without_a_mask_is_drawn_as_its_box():
    image = np.full((*SIZE, 3), 77, np.uint8)
    plain = {name: value for name, value in TRUTH[0].items() if name != "segmentation"}
    drawn = drawn_rows(image, [plain], [], NAMES)[1]
    np.testing.assert_array_equal(drawn, draw_detections(image, [[0, 0, 30, 20]], [0], NAMES))


def test_an_object_is_drawn_large_with_what_lies_around_it():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    truth = TRUTH[0]
    assert truth["bbox"] == [0, 0, 30, 20]
    plain, drawn, _ = drawn_rows(image, [truth], [], NAMES, around=truth["bbox"])
    # Half of the longer side, 15 pixels, on each side that the image has: 35 rows, 45 columns.
    assert plain.shape == drawn.shape == (round(320 * 35 / 45), 320, 3)
    factor = 320 / 45
    np.testing.assert_array_equal(plain, resize_long_side(image[:35, :45], 320))
    changed = np.any(plain != drawn, axis=2)
    lines, columns = np.nonzero(changed)
    assert abs(lines.max() - 20 * factor) <= 2 and abs(columns.max() - 30 * factor) <= 2


def test_large_images_are_made_small_before_names_are_written():
    image = np.full((900, 1600, 3), 77, np.uint8)
    truth = {"bbox": [320, 180, 800, 450], "category_id": 1}
    drawn = drawn_rows(image, [truth], [], NAMES)[1]
    expected = draw_detections(
        np.full((180, 320, 3), 77, np.uint8), [[64, 36, 224, 126]], [0], NAMES
    )
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [5, 5, 0, 0], [SIZE[1] - 1, SIZE[0] - 1, 1, 1]])
def test_the_smallest_boxes_have_surroundings(box):
    image = np.full((*SIZE, 3), 77, np.uint8)
    for panel in drawn_rows(image, [{"bbox": box, "category_id": 1}], [], NAMES, around=box):
        assert max(panel.shape) == 320
