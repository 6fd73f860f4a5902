"""A small detector's fields, batches of objects for it, and one step on them."""

import numpy as np
import tensorflow as tf

from lfp_tf.training.objective import losses_and_gradients

SMALL = {
    "task": {
        "model": {
            "classes": 3,
            "depth": 18,
            "width": 0.125,
            "pyramid_dim": 8,
            "anchor_size": 8.0,
            "canonical_scale": 32.0,
            "box_dim": 16,
            "mask_dim": 8,
            "mask_convolutions": 1,
        },
        "proposals": {"pre_nms": 30, "post_nms": 20},
        "sampling": {"anchors": 16, "rois": 8},
    }
}
SQUARE = [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0]]


def batch_of(*images, size=(64, 96)):
    """A batch of images, each a list of (box, class, is_crowd, has_mask)."""
    most = max(1, *(len(objects) for objects in images))
    rng = np.random.RandomState(0)
    batch = {
        "images": rng.uniform(0, 255, (len(images), *size, 3)),
        "info": np.tile(np.array([*size, 2.0]), (len(images), 1)),
        "boxes": np.zeros((len(images), most, 4)),
        "edges": np.zeros((len(images), most, 4, 4)),
    }
    batch = {name: value.astype(np.float32) for name, value in batch.items()}
    batch |= {
        "classes": np.zeros((len(images), most), np.int32),
        "is_crowd": np.zeros((len(images), most), bool),
        "is_valid": np.zeros((len(images), most), bool),
        "parts": np.full((len(images), most, 4), -1, np.int32),
        "keys": np.stack([np.zeros(len(images)), np.arange(len(images))], 1).astype(np.int32),
    }
    for number, objects in enumerate(images):
        for place, (box, label, is_crowd, has_mask) in enumerate(objects):
            batch["boxes"][number, place] = box
            batch["classes"][number, place] = label
            batch["is_crowd"][number, place] = is_crowd
            batch["is_valid"][number, place] = True
            if has_mask:
                x1, y1, x2, y2 = box
                square = np.array(SQUARE) * ([x2 - x1, y2 - y1] * 2) + [x1, y1] * 2
                batch["edges"][number, place] = square
                batch["parts"][number, place] = 0
    return {name: tf.constant(value) for name, value in batch.items()}


def trained(task, model, batch):
    """(losses, {name: gradient}) of a step."""
    variables = task.trained_variables(model)
    losses, gradients = losses_and_gradients(
        task, [batch], model, list(variables.values()), normalization="piece"
    )
    return losses, dict(zip(variables, gradients, strict=True))


def total(gradients, prefix):
    return sum(
        float(tf.reduce_sum(tf.abs(g))) for n, g in gradients.items() if n.startswith(prefix)
    )


CAR = ([4.0, 4.0, 30.0, 25.0], 1, False, True)
BOX_ONLY = ([10.0, 6.0, 40.0, 28.0], 2, False, False)
CROWD = ([2.0, 2.0, 44.0, 30.0], 1, True, False)
