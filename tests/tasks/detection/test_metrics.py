"""COCO's scores: the truth itself, subsets of classes, and the host's evaluator on the same boxes."""

import json

import numpy as np
import pytest
import tensorflow as tf
from pycocotools import mask as coco_mask

from lfp_tf.tasks.detection.metrics import SUMMARY, coco_scores

LABELS = (1, 2, 3)
SIZE = (120, 160)
THEIR_NAMES = {"AR1": "ARmax1", "AR10": "ARmax10", "AR100": "ARmax100"}


def scene(seed=0, images=6):
    """A truth of rectangles with crowds, and results: moved, doubled and invented ones."""
    rng = np.random.default_rng(seed)
    truth = {
        "images": [{"id": n, "height": SIZE[0], "width": SIZE[1]} for n in range(images)],
        "categories": [{"id": label, "name": f"class {label}"} for label in (*LABELS, 4)],
        "annotations": [],
    }
    results = []
    for image in range(images):
        for number in range(rng.integers(1, 7)):
            width, height = rng.integers(6, 118, 2)
            x, y = rng.integers(0, 160 - width), rng.integers(0, 120 - height)
            box = [float(v) for v in (x, y, width, height)]
            label = int(rng.choice(LABELS))
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": image,
                    "category_id": label,
                    "bbox": box,
                    "area": float(width * height),
                    "iscrowd": int(number == 5),
                    "segmentation": rle(box),
                }
            )
            for _ in range(rng.integers(0, 3)):
                moved = [box[0] + rng.integers(-3, 4), box[1] + rng.integers(-3, 4), *box[2:]]
                results.append(result(image, label, moved, rng.uniform()))
        results.append(result(image, int(rng.choice(LABELS)), [5.0, 5.0, 20.0, 30.0], 0.3))
    return truth, results


def rle(box):
    bitmap = np.zeros(SIZE, np.uint8, order="F")
    x, y, width, height = (int(v) for v in box)
    bitmap[max(y, 0) : y + height, max(x, 0) : x + width] = 1
    coded = coco_mask.encode(bitmap)
    return {"size": list(SIZE), "counts": coded["counts"].decode()}


def result(image, label, box, score):
    box = [float(v) for v in box]
    return {
        "image_id": image,
        "category_id": label,
        "bbox": box,
        "score": float(score),
        "segmentation": rle(box),
    }


def of_classes(rows, labels):
    return [row for row in rows if row["category_id"] in labels]


@pytest.mark.parametrize("kind", ["box", "mask"])
def test_the_truth_fed_back_scores_one(kind):
    truth, _ = scene()
    rows = [row | {"score": 0.9} for row in truth["annotations"] if not row["iscrowd"]]
    summary = coco_scores(truth, rows, kind=kind).summary()
    assert all(value == pytest.approx(1.0) for name, value in summary.items() if "AR" not in name)
    assert summary["AR100"] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["box", "mask"])
def test_a_subset_is_an_evaluation_of_its_objects_alone(kind):
    truth, results = scene()
    whole = coco_scores(truth, results, kind=kind)
    for labels in ([1], [2, 3], [1, 2, 3, 4]):
        own = truth | {"annotations": of_classes(truth["annotations"], labels)}
        alone = coco_scores(own, of_classes(results, labels), kind=kind).summary()
        assert whole.summary(labels) == alone
    assert whole.summary() != whole.summary([1])


def test_a_class_without_objects_has_no_score_and_counts_in_no_mean():
    truth, results = scene()
    scores = coco_scores(truth, results, kind="box")
    assert set(scores.summary([4]).values()) == {None} and scores.curve(4) is None
    assert scores.summary() == scores.summary(LABELS)


def test_nothing_found_scores_zero():
    truth, _ = scene()
    summary = coco_scores(truth, [], kind="mask").summary()
    assert summary["AP"] == 0.0 and summary["AR100"] == 0.0


def test_a_curve_falls_from_the_best_precision():
    truth, results = scene()
    curve = coco_scores(truth, results, kind="box").curve(1)
    assert len(curve) == 101
    assert all(a >= b for a, b in zip(curve[:-1], curve[1:], strict=True)) and curve[0] > curve[-1]


def test_the_hosts_evaluator_gives_the_same_24_numbers(tmp_path):
    from official.vision.evaluation import coco_evaluator, coco_utils

    truth, results = scene(seed=3)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    count = max(sum(row["image_id"] == n for row in results) for n in range(6))
    predictions = {
        "source_id": np.arange(6),
        "num_detections": np.zeros(6, np.int64),
        "detection_classes": np.zeros((6, count), np.int64),
        "detection_scores": np.zeros((6, count)),
        "detection_boxes": np.zeros((6, count, 4)),
        "detection_masks": np.ones((6, count, 28, 28)),
        "image_info": np.tile(np.array([SIZE, SIZE, (1, 1), (0, 0)], float), (6, 1, 1)),
    }
    for row in results:
        image, (x, y, width, height) = row["image_id"], row["bbox"]
        place = predictions["num_detections"][image]
        predictions["detection_classes"][image, place] = row["category_id"]
        predictions["detection_scores"][image, place] = row["score"]
        predictions["detection_boxes"][image, place] = [y, x, y + height, x + width]
        predictions["num_detections"][image] += 1
    evaluator = coco_evaluator.COCOEvaluator(str(tmp_path / "truth.json"), include_mask=True)
    evaluator.update_state(None, {name: tf.constant(v) for name, v in predictions.items()})
    theirs = evaluator.result()

    in_one_list = {name: [value] for name, value in predictions.items()}
    same = coco_utils.convert_predictions_to_coco_annotations(in_one_list)
    for row in same:
        row["image_id"], row["category_id"] = int(row["image_id"]), int(row["category_id"])
        row["bbox"], row["score"] = row["bbox"].tolist(), float(row["score"])
        row["segmentation"] = row["segmentation"] | {"counts": _text(row["segmentation"]["counts"])}
    ours = {}
    for kind, prefix in (("box", ""), ("mask", "mask_")):
        summary = coco_scores(truth, same, kind=kind).summary()
        for name in SUMMARY:
            value = -1.0 if summary[name] is None else summary[name]
            ours[prefix + THEIR_NAMES.get(name, name)] = value
    assert len(theirs) == 24 and theirs.keys() == ours.keys()
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(float(value), abs=1e-6), name


def _text(counts):
    return counts.decode() if isinstance(counts, bytes) else counts
