"""Scores of a detector: the truth found scores one; limits, crowds, records without masks."""

import json

import numpy as np
import pytest
import small_objects
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from small_detector import EVALUATION, KnownDetector
from small_objects import CLASSES, source, square

from lfp_tf.data.detection.records import SourceObject, read_truth
from lfp_tf.errors import LfpError
from lfp_tf.tasks.detection.evaluation import evaluate, report
from lfp_tf.tasks.detection.metrics import coco_scores
from lfp_tf.tasks.detection.prediction import Protocol

PROTOCOL = Protocol(**EVALUATION)
# Each image has a size of its own, by which `KnownDetector` knows it.
SIZES = ((90, 120), (91, 120), (92, 120), (93, 120), (94, 120))
OBJECTS = (
    [square(10, 20, 40.0), square(60, 30, 50.0, label=2)],
    [square(5, 5, 40.0, label=2)],
    [],
    [square(40, 40, 44.0, label=3), square(0, 0, 80, is_crowd=True)],
    [square(20, 10, 60.0)],
)

WITH_B = (0, 3, 4)  # images with an object that is no dog and no crowd


def answers_of(images, score=0.9):
    """{size: what `KnownDetector` finds}: all objects but crowds."""
    answers = {}
    for image in images:
        rows = []
        for one in image.objects:
            x, y, width, height = one.box
            if not one.is_crowd:
                rows.append(((x, y, x + width, y + height), one.label, score))
        answers[image.size] = rows
    return answers


def images_of(root, objects=OBJECTS):
    return [
        source(root, f"image{n}", size, own)
        for n, (size, own) in enumerate(zip(SIZES, objects, strict=False))
    ]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return images_of(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def records(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    small_objects.write(folder, images, "val")
    return folder


@pytest.fixture(scope="module")
def known(images):
    return KnownDetector(answers_of(images))


@pytest.fixture(scope="module")
def evaluated(known, records):
    return evaluate(known, records, protocol=PROTOCOL)


def test_the_truth_of_records_fed_back_scores_one(records):
    truth = read_truth(records, "val")
    rows = [row | {"score": 0.9} for row in truth["annotations"] if not row["iscrowd"]]
    for kind in ("box", "mask"):
        summary = coco_scores(truth, rows, kind=kind).summary()
        assert summary["AP"] == pytest.approx(1.0) and summary["AR100"] == pytest.approx(1.0)


@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_a_network_that_finds_the_truth_scores_one(images, records, pixel):
    network = KnownDetector(answers_of(images), pixel=pixel)
    scores = evaluate(network, records, protocol=PROTOCOL).scores
    assert scores["box"].summary()["AP"] == pytest.approx(1.0)
    # A mask that fills its box is pasted to within a pixel.
    assert scores["mask"].summary()["AP75"] == pytest.approx(1.0)
    assert scores["mask"].summary()["AP"] > 0.85


def test_every_image_is_told_with_what_was_found(evaluated):
    assert [entry["source"] for entry in evaluated.images] == [f"image{n}.png" for n in range(5)]
    assert [entry["score"] for entry in evaluated.images] == [1.0, 1.0, None, 1.0, 1.0]
    assert [entry["objects"] for entry in evaluated.images] == [2, 1, 0, 2, 1]
    assert [entry["detections"] for entry in evaluated.images] == [2, 1, 0, 1, 1]
    assert [row["image_id"] for row in evaluated.results] == [0, 0, 1, 3, 4]
    assert evaluated.names == list(CLASSES) and evaluated.protocol == PROTOCOL


def test_a_limit_takes_the_first_images_and_their_objects_alone(known, records, images):
    two = evaluate(known, records, protocol=PROTOCOL, limit=2)
    assert [entry["source"] for entry in two.images] == ["image0.png", "image1.png"]
    assert len(two.truth["images"]) == 2 and len(two.truth["annotations"]) == 3
    assert two.scores["box"].summary()["AP"] == pytest.approx(1.0)
    many = evaluate(known, records, protocol=PROTOCOL, limit=99)
    assert len(many.images) == len(images)


def test_scores_are_those_of_coco_on_what_was_found(images, records):
    answers = answers_of(images)
    answers[SIZES[0]] = [((10, 20, 50, 60), 2, 0.8), ((62, 31, 112, 80), 2, 0.7)]
    answers[SIZES[2]] = [((0, 0, 9, 9), 1, 0.95)]
    found = evaluate(KnownDetector(answers), records, protocol=PROTOCOL)
    for kind in ("box", "mask"):
        own = coco_scores(read_truth(records, "val"), found.results, kind=kind)
        np.testing.assert_array_equal(found.scores[kind].precision, own.precision)
    # Of class 1 one of two objects is found, behind a wrong one: precision 1/2 up to recall 1/2.
    assert found.scores["box"].summary([1])["AP50"] == pytest.approx(51 * 0.5 / 101)


def test_the_best_and_the_worst_images_are_kept(images, records):
    answers = answers_of(images)
    answers[SIZES[0]] = answers[SIZES[0]][:1]  # F1 2/3
    answers[SIZES[4]] = []  # F1 0
    found = evaluate(KnownDetector(answers), records, protocol=PROTOCOL, kept=2)
    assert [e.score for e in found.best] == [1.0, 1.0]
    assert {e.source for e in found.best} == {"image1.png", "image3.png"}
    assert [(e.source, e.score) for e in found.worst] == [
        ("image4.png", 0.0),
        ("image0.png", pytest.approx(2 / 3)),
    ]


def test_a_detector_without_masks_is_scored_by_boxes(images, records, tmp_path):
    network = KnownDetector(answers_of(images), masks=False)
    found = evaluate(network, records, protocol=PROTOCOL)
    assert list(found.scores) == ["box"] and "segmentation" not in found.results[0]
    page, facts = report(tmp_path, network, found, records=records, split="val", checkpoint="c")
    assert list(facts["scores"]) == ["box"] and "mask AP" not in page.read_text()


def without_masks(objects):
    return [[SourceObject(one.box, one.label, is_crowd=one.is_crowd) for one in o] for o in objects]


def test_records_without_masks_score_boxes_and_no_masks(tmp_path):
    images = images_of(tmp_path / "images", without_masks(OBJECTS))
    small_objects.write(tmp_path / "records", images, "val")
    network = KnownDetector(answers_of(images))
    found = evaluate(network, tmp_path / "records", protocol=PROTOCOL)
    assert found.scores["box"].summary()["AP"] == pytest.approx(1.0)
    assert set(found.scores["mask"].summary().values()) == {None}
    page, facts = report(tmp_path / "out", network, found, records="r", split="val", checkpoint="c")
    assert facts["scores"]["mask"]["AP"] is None
    assert '<span class="big">no</span> mask AP' in page.read_text()


def test_objects_without_a_mask_count_neither_way_in_masks(tmp_path):
    """Of two objects one has a mask: finding the other is no mistake, and missing it is none."""
    own = [square(10, 20, 40.0), SourceObject((60, 30, 50, 50), 1)]
    images = images_of(tmp_path / "images", [own])
    small_objects.write(tmp_path / "records", images, "val")
    for count in (1, 2):
        answers = {size: rows[:count] for size, rows in answers_of(images).items()}
        found = evaluate(KnownDetector(answers), tmp_path / "records", protocol=PROTOCOL)
        assert found.scores["mask"].summary()["AP75"] == pytest.approx(1.0)
        assert found.scores["box"].summary()["AR100"] == pytest.approx(count / 2)


def test_a_split_without_objects_has_no_scores(tmp_path):
    images = images_of(tmp_path / "images", [[], []])
    small_objects.write(tmp_path / "records", images, "val")
    network = KnownDetector({SIZES[0]: [((0, 0, 9, 9), 1, 0.95)]})
    found = evaluate(network, tmp_path / "records", protocol=PROTOCOL)
    assert set(found.scores["box"].summary().values()) == {None}
    assert [entry["score"] for entry in found.images] == [0.0, None]
    page, facts = report(tmp_path / "out", network, found, records="r", split="val", checkpoint="c")
    assert facts["curves"] == {"box": {}, "mask": {}}
    assert '<span class="big">no</span> box AP' in page.read_text()


def test_a_network_that_finds_nothing_scores_zero(records):
    found = evaluate(KnownDetector({}), records, protocol=PROTOCOL)
    assert found.scores["box"].summary()["AP"] == 0.0
    assert found.scores["mask"].summary()["AP"] == 0.0 and found.results == []


def test_the_page_stands_alone_and_holds_the_numbers(known, evaluated, records, tmp_path):
    history = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25, "box_ap": 0.5}]
    path, facts = report(
        tmp_path, known, evaluated, records=records, split="val", checkpoint="runs/x",
        history=history,
    )  # fmt: skip
    text = path.read_text()
    assert text.count('src="data:image/jpeg;base64,') == 3 * 8
    assert "<script" not in text and "<link" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    for expected in ("100.00", "over 5 images", "box AP by class", "mask AP by class", "cow"):
        assert expected in text, expected
    assert "Precision and recall" in text and "training loss (logarithmic)" in text
    assert "image4.png" in text and "score 0.5 on" in text
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["scores"] == facts["scores"] and written["curves"] == facts["curves"]
    assert written["protocol"] == {"name": "detection"} | EVALUATION
    assert [entry["source"] for entry in written["images"]] == [f"image{n}.png" for n in range(5)]


def test_what_cannot_be_scored_is_refused(known, records, tmp_path):
    with pytest.raises(LfpError, match='no split "vall"; it has val'):
        evaluate(known, records, split="vall", protocol=PROTOCOL)
    other = KnownDetector({}, ("cat", "dog", "sheep"))
    with pytest.raises(LfpError, match='the first that differ: "cow", "sheep"'):
        evaluate(other, records, protocol=PROTOCOL)


def answers_with_mistakes(images):
    answers = answers_of(images)
    answers[SIZES[0]] = [((12, 20, 52, 60), 1, 0.8), ((62, 31, 112, 80), 2, 0.7)]
    answers[SIZES[2]] = [((0, 0, 9, 9), 1, 0.95), ((5, 5, 30, 30), 3, 0.6)]
    return answers


def coco_mean(truth, results, kind):
    """AP by pycocotools alone, of a file whose classes without objects count in no mean."""
    coco, iou = COCO(), {"box": "bbox", "mask": "segm"}[kind]
    coco.dataset = truth
    coco.createIndex()
    key = "bbox" if kind == "box" else "segmentation"
    rows = [{n: r[n] for n in ("image_id", "category_id", "score", key)} for r in results]
    evaluation = COCOeval(coco, coco.loadRes(rows), iou)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[:6]


def test_sets_are_scored_as_three_files_are(images, records, tmp_path):
    """The original evaluates the same results against the files of all objects, of A's and of B's."""
    network = KnownDetector(answers_with_mistakes(images))
    found = evaluate(network, records, protocol=PROTOCOL, subset=["dog", 3])
    _, facts = report(tmp_path, network, found, records=records, split="val", checkpoint="c")
    told = {"all": facts} | facts["sets"]
    members = {"all": (1, 2, 3), "A": (2, 3), "B": (1,)}
    assert told["A"]["classes"] == ["dog", "cow"] and told["B"]["classes"] == ["cat"]
    for part, labels in members.items():
        own = [row for row in found.truth["annotations"] if row["category_id"] in labels]
        for kind in ("box", "mask"):
            theirs = coco_mean(found.truth | {"annotations": own}, found.results, kind)
            names = ("AP", "AP50", "AP75", "APs", "APm", "APl")
            ours = [told[part]["scores"][kind][name] for name in names]
            np.testing.assert_array_equal([-1.0 if v is None else v for v in ours], theirs)
    assert told["A"]["scores"]["box"]["AP"] != told["B"]["scores"]["box"]["AP"]


def test_the_classes_whose_masks_were_learnt_are_told_apart_by_themselves(images, records):
    network = KnownDetector(answers_of(images))
    assert evaluate(network, records, protocol=PROTOCOL).sets is None
    network.recipe.evaluation["mask_classes"] = ["cow"]
    found = evaluate(network, records, protocol=PROTOCOL)
    assert found.sets.name == "cow" and found.sets.members == {"A": (3,), "B": (1, 2)}
    other = evaluate(network, records, protocol=PROTOCOL, subset=["cat"])
    assert other.sets.members["A"] == (1,)
    with pytest.raises(LfpError, match="--subset has 'horse', which is no class"):
        evaluate(network, records, protocol=PROTOCOL, subset=["horse"])


def test_masks_in_true_boxes_do_not_depend_on_what_is_found(records, tmp_path):
    network = KnownDetector({}, half=(2,))
    found = evaluate(network, records, protocol=PROTOCOL, subset=["dog"], true_boxes=True)
    assert found.results == []
    page, facts = report(tmp_path, network, found, records=records, split="val", checkpoint="c")
    overlaps = {entry["name"]: entry["mask_iou"] for entry in facts["classes"]}
    assert overlaps == {
        "cat": pytest.approx(1.0, abs=0.06),
        "dog": pytest.approx(0.5, abs=0.06),
        "cow": pytest.approx(1.0, abs=0.06),
    }
    cat, dog, cow = overlaps.values()
    assert facts["mask_iou"] == {
        "all": pytest.approx((cat + dog + cow) / 3),
        "A": dog,
        "B": pytest.approx((cat + cow) / 2),
    }
    text = page.read_text()
    assert "mask IoU in the true boxes by class" in text
    assert f"set A {100 * dog:.2f}, set B {100 * facts['mask_iou']['B']:.2f}." in text
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["mask_iou"] == facts["mask_iou"]
    # Shown are objects of set B.
    assert "Set B&#39;s masks in the true boxes: the best" in text
    shown = {one["source"]: one["score"] for one in written["examples"]["worst_masks"]}
    assert shown == {
        source: pytest.approx(1.0, abs=0.06)
        for source in (found.images[n]["source"] for n in WITH_B)
    }


def test_true_boxes_are_for_networks_with_masks(images, records):
    network = KnownDetector(answers_of(images), masks=False)
    with pytest.raises(LfpError, match="--true_boxes is for networks with masks, and this one has"):
        evaluate(network, records, protocol=PROTOCOL, true_boxes=True)
