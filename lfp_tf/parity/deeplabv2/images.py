"""Cases without a network: label maps, augmentation, data sets, scores, the demo's images.

The cases' images are BGR, as OpenCV reads them; ours are RGB.
"""

import dataclasses
import posixpath
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.datasets.catalog import dataset
from lfp_tf.data.ordering import fields_of
from lfp_tf.data.segmentation.augmentations import (
    Canvas,
    Place,
    Sized,
    Warp,
    recipe,
    render,
)
from lfp_tf.data.segmentation.pipeline import FEATURES, decoded
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.ops.fit import fit_longer_side, fit_squashed
from lfp_tf.ops.nearest import resize_opencv_nearest, resize_pil_nearest
from lfp_tf.parity import whole_transforms
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number, is_numbers
from lfp_tf.tasks.segmentation.metrics import scores

REVISIONS = ("newest", "seed")
_WARP = (513, 513)
_LABEL_RESIZES = {
    "pil_nearest": resize_pil_nearest,
    "opencv_nearest": lambda labels, size: resize_opencv_nearest(labels, size=size),
}
LABEL_RESIZE = {
    "revision": REVISIONS,
    "label_resize": tuple(_LABEL_RESIZES),
    "sizes": lambda sizes: all(map(is_numbers, sizes)),
}
AUGMENTATION = {
    "revision": REVISIONS,
    "crop_size": is_count,
    "scale": is_number,
    "top": is_number,
    "left": is_number,
    "flip": is_flag,
    "base_size": lambda size: size is None or is_count(size),
    "warp_size": is_count,
    "mean_bgr": is_numbers,
    "ignore_label": (255, -1),
}
# What the cases call a data set and a split: our data set and split.
_SPLITS = {
    ("cocostuff10k", "train"): ("cocostuff10k", "train"),
    ("cocostuff10k", "test"): ("cocostuff10k", "test"),
    ("cocostuff164k", "train2017"): ("cocostuff164k", "train"),
    ("cocostuff164k", "val2017"): ("cocostuff164k", "val"),
    ("voc", "val"): ("voc", "val"),
    ("vocaug", "train_aug"): ("voc", "train"),
}
DATASET_ITEM = {
    "dataset": tuple({name for name, _ in _SPLITS}),
    "split": tuple({split for _, split in _SPLITS}),
    "index": is_number,
    "mean_bgr": is_numbers,
    "warp_image": is_flag,
}
METRICS = {"revision": REVISIONS, "num_classes": is_count, "ignore_label": (255, -1)}
_METRIC_NAMES = {
    "newest": {
        "Pixel Accuracy": "allAcc",
        "Mean Accuracy": "mAcc",
        "Frequency Weighted IoU": "fwIoU",
        "Mean IoU": "mIoU",
    },
    "seed": {
        "Overall Acc": "allAcc",
        "Mean Acc": "mAcc",
        "FreqW Acc": "fwIoU",
        "Mean IoU": "mIoU",
    },
}
_DEFINITIONS = {"newest": "truth", "seed": "present"}
PREPROCESSING = {"revision": REVISIONS, "test_size": is_count, "mean_bgr": is_numbers}


def label_resize(case: Case) -> dict[str, Any]:
    """`label_resize`: label maps brought to the sizes of logits."""
    check(case.config, LABEL_RESIZE)
    resize = _LABEL_RESIZES[case.config["label_resize"]]
    labels = tf.constant(case.inputs()["labels"])
    return {
        f"{height}x{width}": resize(labels, (height, width)).numpy()
        for height, width in case.config["sizes"]
    }


def augmentation(case: Case) -> dict[str, Any]:
    """`augmentation`: one image with the choices made."""
    check(case.config, AUGMENTATION)
    config, inputs = case.config, case.inputs()
    image, labels = tf.constant(inputs["image"][..., ::-1]), tf.constant(inputs["labels"])
    is_seed = config["revision"] == "seed"
    _refuse_other(config, "base_size" if is_seed else "warp_size")
    if is_seed:
        image, labels = Warp((config["warp_size"],) * 2, "opencv_nearest")(image, labels)
    mean = config["mean_bgr"][::-1]
    canvas = Canvas((config["crop_size"],) * 2, tuple(mean), config["ignore_label"])
    augmentation = recipe("deeplab_seed" if is_seed else "deeplab")
    scale, crop, _ = augmentation.steps
    scale = dataclasses.replace(scale, base_size=config.get("base_size") or 0)
    factor = tf.constant(config["scale"], tf.float64)
    grid = scale.grid(tf.shape(labels), tf.stack([factor, factor]))
    before, _ = crop.padded(grid.scaled, canvas.crop, grid.size)
    place = Place(grid.scaled, tf.constant([config["top"], config["left"]], tf.int32), before)
    flip = Sized(tf.constant(canvas.crop), tf.constant(config["flip"]))
    choices = [grid, place, flip]
    image, labels = render(image, labels, choices, augmentation=augmentation, canvas=canvas)
    return {"image": _bgr_input(image, mean), "labels": labels.numpy()}


def dataset_item(case: Case) -> dict[str, Any]:
    """`dataset_item`: one image of a data set on disk, by way of its record."""
    check(case.config, DATASET_ITEM)
    config = case.config
    name, split = _our_split(config)
    plan = dataset(name).plan(case.folder / case.inputs()["root"])
    sample = plan.splits[split][config["index"]]
    image, labels, _ = decoded(fields_of(tf.constant(plan.encode(sample).payload), FEATURES))
    if config.get("warp_image"):
        image, labels = Warp(_WARP)(image, labels)
    return {
        "image_id": posixpath.basename(sample.name),
        "length": len(plan.splits[split]),
        "image": _bgr_input(image, config["mean_bgr"][::-1]),
        "labels": labels.numpy(),
    }


def metrics(case: Case) -> dict[str, Any]:
    """`metrics`: the scores of several images as one set, under the original's names."""
    check(case.config, METRICS)
    config, inputs = case.config, case.inputs()
    counts = [
        confusion_matrix(
            inputs[f"truth_{number}"],
            inputs[f"pred_{number}"],
            num_classes=config["num_classes"],
            ignore_label=config["ignore_label"],
        )
        for number in range(len(inputs) // 2)
    ]
    outputs = scores(np.sum(counts, axis=0), _DEFINITIONS[config["revision"]])
    named = {name: outputs[key] for name, key in _METRIC_NAMES[config["revision"]].items()}
    return named | {"Class IoU": [-1.0 if iou is None else iou for iou in outputs["iou"]]}


def preprocessing(case: Case) -> dict[str, Any]:
    """`preprocessing`: the image that the demo shows to the network."""
    check(case.config, PREPROCESSING)
    config = case.config
    images, size = tf.constant(case.inputs()["image"][None, ..., ::-1]), config["test_size"]
    if config["revision"] == "seed":
        raw = fit_squashed(images, (size, size))[0]
    else:
        raw = fit_longer_side(images, size)[0]
    return {"raw": raw.numpy()[..., ::-1], "input": _bgr_input(raw, config["mean_bgr"][::-1])}


def _our_split(config):
    pair = config["dataset"], config["split"]
    if pair not in _SPLITS:
        raise UnknownWord(f"config.split has the value {pair[1]!r}, which {pair[0]} does not have.")
    return _SPLITS[pair]


def _refuse_other(config, word):
    """Refuses a word that belongs to the other revision."""
    if word in config:
        raise UnknownWord(
            f'config has the word "{word}", which {config["revision"]} does not have.'
        )


def _bgr_input(image, mean):
    """An RGB image [H, W, 3] as the network takes it: minus the mean (R, G, B), then BGR."""
    image = tf.cast(image, tf.float32)[None]
    image, _ = whole_transforms.normalize(image, None, mean=mean, std=(1.0, 1.0, 1.0))
    image, _ = whole_transforms.rgb_to_bgr(image, None)
    return image[0].numpy()
