"""Records of detection: what is stored, and the truth that scores read from it."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from small_objects import (
    CLASSES,
    LYING,
    features_of,
    lengths,
    source,
    square,
    write,
    write_features,
)

from lfp_tf.data.description import read_dataset, task_classes
from lfp_tf.data.detection.records import SourceObject, inspect_image, read_truth
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image, read_labels

RLE = lengths(LYING, 10, 12, 9, 5)


@pytest.fixture
def image(tmp_path):
    objects = [
        square(4.25, 6, label=2, area=63.5),
        SourceObject((10, 12, 9, 5), 3, is_crowd=True, counts=RLE),
        SourceObject((-5, 30, 0, 20), 1),
    ]
    return source(tmp_path / "images", "a", LYING, objects)


def test_everything_is_stored_as_the_source_has_it(image):
    features = features_of(image)
    assert (features["image/height"], features["image/width"]) == ([40], [52])
    assert features["image/filename"] == [b"a.png"] and features["image/source_id"] == [b"a"]
    np.testing.assert_allclose(
        np.multiply(features["image/object/bbox/xmin"], 52), [4.25, 10, -5], rtol=1e-6
    )
    np.testing.assert_allclose(
        np.multiply(features["image/object/bbox/ymax"], 40), [14, 17, 50], rtol=1e-6
    )
    assert features["image/object/class/label"] == [2, 3, 1]
    assert features["image/object/class/text"] == [b"dog", b"cow", b"cat"]
    assert features["image/object/is_crowd"] == [0, 1, 0]
    assert features["image/object/area"] == [63.5, 45, 0]
    assert [len(mask) > 0 for mask in features["image/object/mask"]] == [True, True, False]
    assert read_labels(features["image/object/mask"][1])[12:17, 10:19].all()
    assert read_labels(features["image/object/mask"][1]).sum() == 45
    assert features["image/object/polygon/xy"] == [4.25, 6, 12.25, 6, 12.25, 14, 4.25, 14]
    assert features["image/object/polygon/points"] == [4]
    assert features["image/object/polygon/parts"] == [1, 0, 0]
    assert "image/object/is_ignored" not in features


def test_an_image_without_objects_has_a_record(tmp_path):
    features = features_of(source(tmp_path, "a", LYING, []))
    assert features["image/object/class/label"] == [] == features["image/object/bbox/xmin"]
    np.testing.assert_array_equal(
        read_image(features["image/encoded"][0]), read_image(str(tmp_path / "a.png"))
    )


def test_the_truth_is_a_coco_dictionary(tmp_path, image):
    write(tmp_path / "records", [image, source(tmp_path / "images", "b", LYING, [])])
    truth = read_truth(tmp_path / "records", "train")
    assert truth["images"] == [
        {"id": n, "height": 40, "width": 52, "file_name": f"{name}.png", "source_id": name}
        for n, name in enumerate("ab")
    ]
    assert truth["categories"] == [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
    first, crowd, flat = truth["annotations"]
    assert first["id"] == 1 and first["category_id"] == 2 and first["area"] == 63.5
    np.testing.assert_allclose(first["bbox"], [4.25, 6, 8, 8], atol=1e-5)
    assert crowd["iscrowd"] == 1 and crowd["area"] == 45
    assert "segmentation" not in flat and flat["bbox"][2] == 0
    assert len(read_truth(tmp_path / "records", "train", limit=0)["images"]) == 0


def test_pycocotools_scores_the_truth_with_one(tmp_path):
    images = [
        source(tmp_path / "images", name, LYING, [square(4, 6), square(20, 9, 12, label=2)])
        for name in "ab"
    ]
    write(tmp_path / "records", images, split="val")
    truth = read_truth(tmp_path / "records", "val")
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = truth
        reference.createIndex()
        results = reference.loadRes([one | {"score": 0.5} for one in truth["annotations"]])
        for kind in ("bbox", "segm"):
            scores = COCOeval(reference, results, kind)
            scores.evaluate()
            scores.accumulate()
            scores.summarize()
            assert scores.stats[0] == pytest.approx(1.0)


def test_the_description_tells_task_and_classes(tmp_path, image):
    write(tmp_path / "records", [image], options={"x": 1})
    dataset = read_dataset(tmp_path / "records")
    assert dataset["tasks"] == ["detection"] and dataset["classes"] == list(CLASSES)
    assert task_classes(dataset, "detection") == list(CLASSES)
    assert (tmp_path / "records/train.sizes.npy").exists()


def test_records_without_a_description_name_their_classes(tmp_path, image):
    features = features_of(image)
    for key in ("image/object/area", "image/object/is_crowd", "image/height"):
        features.pop(key)
    write_features(tmp_path / "r", features)
    truth = read_truth(tmp_path / "r", "train")
    assert [category["name"] for category in truth["categories"]] == list(CLASSES)
    assert [one["area"] for one in truth["annotations"]] == [64, 45, 0]
    assert truth["images"][0]["height"] == 40


def test_images_of_another_size_are_left_out(tmp_path):
    image = source(tmp_path, "a", LYING, [SourceObject((1, 1, 2, 2), 1, counts=RLE)])
    assert not inspect_image(image).problem
    far = SourceObject((1, 1, 2, 2), 1, polygons=(np.array([[0, 0], [1e9, 0], [1, 1]]),))
    problem = inspect_image(source(tmp_path, "a", LYING, [far])).problem
    assert problem == "image a has a polygon that leads far out of it."
    swapped = source(tmp_path, "a", LYING[::-1], []).__class__(
        image.image, "a.png", "a", (), LYING[::-1], "a.json, image 1 (a.png)"
    )
    source(tmp_path, "a", LYING, [])
    inspection = inspect_image(swapped)
    assert inspection.is_broken and inspection.problem == (
        "a.json, image 1 (a.png) is 40x52 (height x width), but its annotation is for 52x40."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image/object/bbox/xmin": [0.5]}, '1 values of "image/object/bbox/xmin", but 3 of'),
        ({"image/object/bbox/xmin": []}, '0 values of "image/object/bbox/xmin", but 3 of'),
        ({"image/object/bbox/ymax": [1, 2, 3, 4]}, '4 values of "image/object/bbox/ymax"'),
        ({"image/object/bbox/xmin": [b"a"] * 3}, 'something else than numbers in "image/object/b'),
        ({"image/object/bbox/xmin": [float("nan")] * 3}, '"image/object/bbox/xmin" that is no num'),
        ({"image/object/class/label": [1, 0, 1]}, "the class 0 of object 1 in .*begin at 1"),
        ({"image/object/mask": [b""]}, '1 values of "image/object/mask", but 3 of'),
        ({"image/object/mask": [b"x", b"", b""]}, '"image/object/mask": The image is no image'),
        ({"image/object/polygon/points": [5]}, '8 numbers in "image/object/polygon/xy", but 2 for'),
        ({"image/object/polygon/parts": [2, 0, 0]}, "1 polygons in .* but 2 in"),
        ({"image/object/area": [float("inf"), 1.0, 1.0]}, '"image/object/area" that is no number'),
        ({"image/encoded": []}, 'no image in "image/encoded"; give records of detection'),
    ],
)
def test_hostile_records_are_named(tmp_path, image, change, message):
    write_features(tmp_path / "r", features_of(image), features_of(image) | change)
    with pytest.raises(LfpError, match=f"00001.tfrecord, record 1.*{message}"):
        read_truth(tmp_path / "r", "train")


def test_masks_of_another_size_are_named(tmp_path, image):
    small = features_of(source(tmp_path, "small", (8, 9), [square(1, 1, 3)]))["image/object/mask"]
    write_features(tmp_path / "r", features_of(image) | {"image/object/mask": [small[0], b"", b""]})
    with pytest.raises(
        LfpError, match='record 0 has a mask of 8x9 in "image/object/mask", but its'
    ):
        read_truth(tmp_path / "r", "train")
