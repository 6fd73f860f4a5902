"""Small images with objects for tests: what a data set has, and records of them."""

import numpy as np
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import scenes
from lfp_tf.data.detection.records import SourceImage, SourceObject, detection_plan
from lfp_tf.data.example import decode_example, encode_example
from lfp_tf.data.prepare import write_plan
from lfp_tf.data.records import record_index
from lfp_tf.data.tfrecord import frame
from lfp_tf.images.palette import class_table

CLASSES = ("cat", "dog", "cow")
LYING, UPRIGHT, LONG = (40, 52), (52, 40), (40, 70)


def square(x, y, side=8.0, **words):
    """An object with one square polygon."""
    corners = [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
    words = {"label": 1, "polygons": (np.array(corners),)} | words
    return SourceObject((x, y, side, side), **words)


def lengths(size, x, y, width, height):
    """Run lengths of a rectangle in an image of (height, width)."""
    bitmap = np.zeros(size, int)
    bitmap[y : y + height, x : x + width] = 1
    flat = np.concatenate([[0], bitmap.T.ravel()])
    changes = np.flatnonzero(np.diff(flat))
    return np.diff([0, *changes, size[0] * size[1]]).astype(np.uint32)


def source(root, name, size, objects):
    """An image of noise on disk with its objects."""
    root.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, name))
    pixels = np.random.RandomState(seed).randint(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(root / f"{name}.png")
    path = str(root / f"{name}.png")
    return SourceImage(path, f"{name}.png", name, tuple(objects), size, f"image {name}")


def usual_images(root):
    """Six lying, two upright and three long images; three that cannot be trained with."""
    images = [source(root, f"lying{n}", LYING, [square(4 + n, 6)]) for n in range(6)]
    images += [source(root, f"upright{n}", UPRIGHT, [square(3, 9, label=2)]) for n in range(2)]
    images += [source(root, f"long{n}", LONG, [square(5, 5), square(40, 20)]) for n in range(3)]
    crowd = square(2, 2, 20, is_crowd=True)
    images.append(source(root, "crowd", LYING, [crowd]))
    images.append(source(root, "none", LYING, []))
    images.append(source(root, "flat", LYING, [SourceObject((3, 3, 0, 5), 1)]))
    return images


def write(root, images, split="train", **words):
    """The index of the records of some images."""
    plan = detection_plan("small", CLASSES, {split: images}, **words)
    write_plan(plan, take_census(plan), root, num_shards=2)
    return record_index(root, split)


def features_of(image, classes=CLASSES):
    """The features of an image's record."""
    plan = detection_plan("small", classes, {"train": [image]})
    return decode_example(plan.encode(image).payload)


def write_features(root, *records, split="train"):
    """The index of records of given features, without `dataset.json`."""
    root.mkdir(parents=True, exist_ok=True)
    with open(root / f"{split}-00000-of-00001.tfrecord", "wb") as stream:
        for features in records:
            stream.write(frame(encode_example(features)))
    return record_index(root, split)


def object_records(root, dataset, splits):
    """Records of a data set: drawn scenes, or small images of squares."""
    folder = root / "records"
    if dataset == scenes.NAME:
        plan = scenes.plan(counts=(6, 3, 0), size=(49, 65))
    else:
        names = class_table("coco_objects").names if dataset == "coco" else CLASSES
        images = {
            split: [
                source(root / "images", f"{split}{n}", LYING, [square(4 + n, 6, 16)])
                for n in range(6)
            ]
            for split in splits
        }
        plan = detection_plan(dataset, names, images)
    write_plan(plan, take_census(plan), folder, num_shards=1)
    return folder
