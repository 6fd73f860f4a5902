"""Tiny trees of images and labels, as data sets lay them out, and what a plan makes of them."""

import numpy as np
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.example import decode_example
from lfp_tf.images.decode import read_image, read_labels

IMAGE = np.random.RandomState(0).randint(0, 256, (4, 6, 3), np.uint8)
LABELS = np.zeros((4, 6), np.uint8)


def save(path, array, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(array, np.uint8))
    if palette:
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(palette)
    image.save(path)
    return path


def labelled(image, label, values=LABELS, pixels=IMAGE, **options):
    save(image, pixels)
    save(label, values, **options)


def record(plan, split, number=0):
    """(image, labels) as the record of a sample holds them."""
    features = decode_example(plan.encode(plan.splits[split][number]).payload)
    return (
        read_image(features["image/encoded"][0]),
        read_labels(features["image/segmentation/class/encoded"][0]),
    )


def problems(plan):
    return take_census(plan).problems


def values(*numbers):
    labels = LABELS.copy()
    labels[0, : len(numbers)] = numbers
    return labels


def camvid_tree(root, labels=LABELS, suffix="png"):
    for split in ("train", "val", "test"):
        labelled(root / f"{split}/a.{suffix}", root / f"{split}annot/a.png", labels)
