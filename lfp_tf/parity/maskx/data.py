"""Cases of ground truth: from COCO's annotations to what training takes of them."""

from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.detection.coco_file import coco_of
from lfp_tf.data.detection.pipeline import object_fields
from lfp_tf.data.detection.records import object_features
from lfp_tf.data.detection.transforms import TrainingObjects, traced_masks, training_objects
from lfp_tf.data.example import encode_example
from lfp_tf.ops.detection.polygons import rasterize
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import words_of

_LARGEST_ID = 90
_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # ids of COCO that no category has
_PIXEL = 1.0


def ground_truth(case: Case) -> dict[str, Any]:
    """`detector-ground_truth`: the objects of an image and of its mirror image.

    The annotations go into a record and out of it again, as those of any data set.
    """
    words = words_of(case)
    size = tuple(words["image_size"])
    payload = _record(case.inputs()["annotations"], size, words["gt_min_area"])
    plain, mirrored = (_objects(payload, size, is_mirrored) for is_mirrored in (False, True))
    is_crowd = plain.is_crowd.numpy()
    return {
        "boxes": plain.boxes.numpy(),
        "classes": plain.classes.numpy(),
        "crowd": is_crowd.astype(int),
        "max_overlaps": np.where(is_crowd, -1.0, 1.0),
        "flipped_boxes": mirrored.boxes.numpy(),
        "polygon_counts": _polygon_counts(plain),
        "flipped_first_polygon": _first_polygon(mirrored),
        "flipped_crowd_area_left_half": _mirrored_crowd_areas(payload, size),
    }


def _record(annotations, size, least_area):
    content = {
        "images": [{"id": 1, "file_name": "image", "height": size[0], "width": size[1]}],
        "annotations": [one for one in annotations if one["area"] >= least_area],
        "categories": [
            {"id": number, "name": str(number)}
            for number in range(1, _LARGEST_ID + 1)
            if number not in _GAPS
        ],
    }
    file = coco_of(content, "the case")
    names = [category.name for category in file.categories]
    return encode_example(object_features(file.images[0].objects, size, names))


def _objects(payload, size, is_mirrored) -> TrainingObjects:
    return training_objects(
        object_fields(tf.constant(payload)),
        list(size),
        pixel=_PIXEL,
        with_masks=True,
        is_mirrored=tf.constant(is_mirrored),
    )


def _polygon_counts(objects):
    """Polygons of each object; -1 of a crowd, whose mask is a bitmap."""
    counts = tf.reduce_max(objects.outlines.parts, axis=1) + 1
    return tf.where(objects.is_crowd, -1, counts).numpy()


def _first_polygon(objects):
    is_first = objects.outlines.parts[0] == 0
    return tf.reshape(objects.outlines.edges[0][is_first][:, :2], [-1]).numpy()


def _mirrored_crowd_areas(payload, size):
    fields = object_fields(tf.constant(payload))
    masks = tf.boolean_mask(fields.masks, fields.is_crowd)
    drawn = rasterize(traced_masks(masks, tf.constant(True)), max(size))
    return tf.math.count_nonzero(drawn[:, : size[0], : size[1] // 2], axis=[1, 2]).numpy()
