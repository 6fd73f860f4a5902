"""`scenes`: street-like images that the library draws itself, with labels, boxes and masks.

Records carry the host's keys for segmentation and for detection (`image/object/...`, labels from
1 on in the order car, person, sign, masks as PNGs of 0 and 1).
"""

import dataclasses
import functools
import hashlib

import numpy as np

from lfp_tf.data.datasets import scene_canvas, scene_drawing
from lfp_tf.data.datasets.options import whole_number, whole_numbers
from lfp_tf.data.datasets.scene_drawing import CLASSES, INSTANCE_CLASSES, draw_scene
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import TASK, draw_labels, encoded_scene
from lfp_tf.errors import LfpError
from lfp_tf.files import sha256
from lfp_tf.images.decode import encode_png
from lfp_tf.images.palette import class_table

__all__ = ["CLASSES", "INSTANCE_CLASSES", "draw_scene", "plan"]

NAME = "scenes"
SUMMARY = "street scenes drawn by the library: 8 classes, boxes and masks; needs no download"
LAYOUT = "Nothing: the images are drawn."
SPLITS = ("train", "val", "test")
OPTIONS = {
    "seed": whole_number("other images (default 0)"),
    "counts": whole_numbers("images in train, val, test (default 800,100,100)", 3),
    "size": whole_numbers("height, width (default 73,257)", 2),
}
NEEDS_SOURCE = False

COUNTS = (800, 100, 100)
SIZE = (73, 257)
SPLIT_STRIDE = 1_000_000  # splits draw from their own numbers


@dataclasses.dataclass(frozen=True)
class DrawnSample:
    """An image to be drawn."""

    seed: int
    index: int
    size: tuple
    name: str


def plan(source=None, *, seed=0, counts=COUNTS, size=SIZE):
    """The `Plan` of drawn scenes.

    Args:
        source: nothing is read; must be None.
        seed: the same seed gives the same images, whatever the counts.
        counts: images in train, val, test.
        size: (height, width) in pixels.

    Raises:
        LfpError: a source is given, or the size is below 16 pixels.
    """
    if source is not None:
        raise LfpError("`scenes` are drawn, not read; leave --source out.")
    if min(size) < 16:
        raise LfpError(f"Scenes of {size[0]}x{size[1]} pixels show nothing; draw at least 16x16.")
    if not any(counts):
        raise LfpError("--counts 0,0,0 draws no images; give a number above 0 for some split.")
    splits = {
        split: [
            DrawnSample(seed, number + place * SPLIT_STRIDE, tuple(size), f"{split}_{number:05d}")
            for number in range(counts[place])
        ]
        for place, split in enumerate(SPLITS)
    }
    table = class_table(NAME)
    return Plan(
        name=NAME,
        table=table,
        splits={split: samples for split, samples in splits.items() if samples},
        encode=encode_scene,
        inspect=None,
        draw=functools.partial(draw_labels, table=table),
        tasks=(TASK,),
        options={"seed": seed, "size": list(size), "drawing": _drawing_digest()},
    )


def encode_scene(sample):
    """The `Encoded` record of a `DrawnSample`."""
    image, labels, instances = draw_scene(sample.seed, sample.index, sample.size)
    extra = _object_features(instances, sample.size) | {"image/source_id": str(sample.index)}
    return encoded_scene(sample.name, encode_png(image), "png", sample.size, labels, extra)


def _drawing_digest():
    """Changes when the drawing does, so that records of older drawings are not taken for these."""
    digests = [sha256(module.__file__) for module in (scene_canvas, scene_drawing)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


def _object_features(instances, size):
    unit = instances.boxes / np.array([*size, *size], np.float32)
    numbers = [INSTANCE_CLASSES.index(label) + 1 for label in instances.classes.tolist()]
    return {
        "image/object/bbox/ymin": unit[:, 0],
        "image/object/bbox/xmin": unit[:, 1],
        "image/object/bbox/ymax": unit[:, 2],
        "image/object/bbox/xmax": unit[:, 3],
        "image/object/class/label": numbers,
        "image/object/class/text": [CLASSES[label] for label in instances.classes.tolist()],
        "image/object/is_crowd": [0] * len(numbers),
        "image/object/area": [float(mask.sum()) for mask in instances.masks],
        "image/object/mask": [encode_png(mask.astype(np.uint8)) for mask in instances.masks],
    }
