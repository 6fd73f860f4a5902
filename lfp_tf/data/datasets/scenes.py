"""`scenes`: street-like images that the library draws itself, with labels, boxes and masks.

Nothing is read; an image depends on (seed, number, size) alone.

Records carry the host's keys for segmentation and for detection (`image/object/...`, labels from
1 on in the order car, person, sign, masks as PNGs of 0 and 1).

Labels: 0-7 are classes; nothing is ignored.
Left out: splits of no images; objects of which fewer than 12 pixels are visible have no box.
Refused: --source; images below 16x16.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source, whole_number, whole_numbers
from lfp_tf.data.datasets.scene_drawing import CLASSES, INSTANCE_CLASSES, draw_scene
from lfp_tf.data.detection.objects import TASK as DETECTION
from lfp_tf.data.detection.records import draw_record as draw_objects
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import TASK as SEGMENTATION
from lfp_tf.data.segmentation.records import draw_labels, encoded_scene
from lfp_tf.data.shards import Encoded
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import encode_png
from lfp_tf.images.palette import ClassTable, class_table

__all__ = ["CLASSES", "DATASET", "INSTANCE_CLASSES", "draw_scene", "plan"]

NAME = "scenes"
SPLITS = ("train", "val", "test")

COUNTS = (800, 100, 100)
SIZE = (73, 257)
SPLIT_STRIDE = 1_000_000  # splits draw from their own numbers
# Another one for every other drawing, so that records of older drawings are not taken for these.
DRAWING = "d827da927e23cadf"


@dataclasses.dataclass(frozen=True)
class DrawnSample:
    """An image to be drawn: what `draw_scene` takes, and what the record calls it."""

    seed: int
    index: int
    size: tuple[int, int]
    name: str


def plan(
    source: Source = None,
    asked: Asked = None,
    *,
    seed: int = 0,
    counts: tuple[int, ...] = COUNTS,
    size: tuple[int, ...] = SIZE,
) -> Plan:
    """Lists the scenes to be drawn.

    Args:
        source: nothing is read; must be None.
        asked: the splits to be written.
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
    height, width = size
    splits = {
        split: [
            DrawnSample(seed, place * SPLIT_STRIDE + n, (height, width), f"{split}_{n:05d}")
            for n in range(counts[place])
        ]
        for place, split in enumerate(SPLITS)
        if asked is None or split in asked
    }
    table = class_table(NAME)
    return Plan(
        name=NAME,
        table=table,
        splits={split: samples for split, samples in splits.items() if samples},
        encode=encode_scene,
        inspect=None,
        draw=functools.partial(
            draw_scene_record, labels=table, objects=[CLASSES[label] for label in INSTANCE_CLASSES]
        ),
        tasks=(SEGMENTATION, DETECTION),
        options={"seed": seed, "size": list(size), "drawing": DRAWING},
        facts={"task_classes": {DETECTION: [CLASSES[label] for label in INSTANCE_CLASSES]}},
    )


def draw_scene_record(
    image: np.ndarray, features: dict[str, list[Any]], *, labels: ClassTable, objects: list[str]
) -> np.ndarray:
    """The image under its labels, above the image under its boxes and masks: uint8 [H', W', 3]."""
    views = [draw_labels(image, features, table=labels)]
    views.append(draw_objects(image, features, classes=objects))
    width = max(view.shape[1] for view in views)
    return np.concatenate(
        [np.pad(view, ((0, 0), (0, width - view.shape[1]), (0, 0))) for view in views]
    )


def encode_scene(sample: DrawnSample) -> Encoded:
    """Draws a scene and encodes it as a record."""
    image, labels, instances = draw_scene(sample.seed, sample.index, sample.size)
    extra = _object_features(instances, sample.size) | {"image/source_id": str(sample.index)}
    return encoded_scene(sample.name, encode_png(image), "png", sample.size, labels, extra)


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


DATASET = Dataset(
    name=NAME,
    summary="street scenes drawn by the library: 8 classes, boxes and masks; needs no download",
    layout="Nothing: the images are drawn.",
    splits=SPLITS,
    plan=plan,
    options={
        "seed": whole_number("other images (default 0)"),
        "counts": whole_numbers("images in train, val, test (default 800,100,100)", 3),
        "size": whole_numbers("height, width (default 73,257)", 2),
    },
    needs_source=False,
)
