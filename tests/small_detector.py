"""A tiny detector for tests: Mask R-CNN an eighth as wide on drawn records, and a known one."""

from types import SimpleNamespace

import numpy as np
import tiny
from small_objects import CLASSES

OVERRIDES = {
    "task.model.blocks": "[1,1,1,1]",
    "task.model.width": 0.125,
    "task.model.pyramid_dim": 16,
    "task.model.box_dim": 24,
    "task.model.mask_dim": 8,
    "task.model.mask_convolutions": 1,
    "task.train_data.short_sides": "[64]",
    "task.train_data.max_size": 96,
    "task.train_data.global_batch_size": 4,
    "task.validation_data.global_batch_size": 0,
    "task.proposals.pre_nms": 60,
    "task.proposals.post_nms": 40,
    "task.sampling.anchors": 32,
    "task.sampling.rois": 16,
    "task.evaluation.short_side": 64,
    "task.evaluation.max_size": 96,
    "task.evaluation.pre_nms": 60,
    "task.evaluation.post_nms": 40,
    "task.evaluation.limit": 10,
    "trainer.train_steps": 4,
    "trainer.validation_interval": 4,
    "trainer.checkpoint_interval": 2,
    "trainer.summary_interval": 2,
    "trainer.preview_images": 1,
}


def train_arguments(records, folder, *extra, **changes):
    """The words of a tiny training, for `tiny.run`."""
    values = OVERRIDES | {key.replace("__", "."): value for key, value in changes.items()}
    text = ",".join(f"{key}={value}" for key, value in values.items())
    return [
        tiny.ROOT / "train.py", "--experiment=maskrcnn_small_scenes", f"--data_dir={records}",
        f"--model_dir={folder}", f"--params_override={text}", *extra,
    ]  # fmt: skip


def train(records, folder, *extra, **changes):
    """Trains in this process; the result is as of `tiny.run`."""
    return tiny.command("train", *train_arguments(records, folder, *extra, **changes)[1:])


EVALUATION = {
    "short_side": 64, "max_size": 96, "pre_nms": 60, "post_nms": 40, "rpn_nms": 0.7,
    "score_threshold": 0.05, "nms": 0.5, "limit": 10,
}  # fmt: skip


def small_detector(seed=0, **model):
    """A Mask R-CNN of a few channels with weights as drawn, norms stirred; of scenes."""
    import tf_keras
    from small_network import stirred
    from small_recipes import SMALL_DETECTOR

    from lfp_tf.recipes.networks import build

    tf_keras.utils.set_random_seed(seed)
    task = SMALL_DETECTOR | {"model": SMALL_DETECTOR["model"] | model, "evaluation": EVALUATION}
    return stirred(build("maskrcnn_small_scenes", changes={"task": task}), seed)


def recipe(names=CLASSES, *, masks=True):
    """The recipe of a detector of these classes."""
    from lfp_tf.recipes.recipe import Recipe

    return Recipe(
        experiment="small_detection",
        task="detection",
        network="rcnn",
        options={"masks": masks},
        preprocess="none",
        crop=None,
        classes=list(names),
        colors=[],
        evaluation=dict(EVALUATION),
        dataset="small",
    )


class KnownDetector:
    """Detections by the size of the image alone, in the form of a network.

    Args:
        answers: {(height, width): list of ((x1, y1, x2, y2: edges), label, score), best first};
            nothing is found in an image of another size.
        names: of the classes.
        masks: whether there are masks, which fill their boxes.
        pixel: of the network's conventions.
        half: labels whose masks fill the left half of a given box only.
    """

    STRIDE = 32
    mask_side = 28

    def __init__(self, answers, names=CLASSES, *, masks=True, pixel=0.0, half=()):
        self.half = half
        self.answers, self.recipe, self.variables = answers, recipe(names, masks=masks), []
        self.conventions = SimpleNamespace(pixel=pixel, clips_to_padding=False)
        self.masks = "some" if masks else None

    def objects(self, inputs, inference, *, training):
        """See `models.detector.Detector.objects`."""
        import tensorflow as tf

        assert training is False
        size = tf.cast(inputs["info"][0, 3:5], tf.int32)
        found = self._rows([], inference.limit)
        for own, rows in self.answers.items():
            is_own = tf.reduce_all(size == tf.constant(own))
            this = self._rows(rows, inference.limit)
            found = {name: tf.where(is_own, this[name], found[name]) for name in this}
        return {name: value[None] for name, value in found.items()}

    def trunk_outputs(self, images, sizes, *, training):
        """See `models.detector.Detector.trunk_outputs`: nothing is needed."""
        assert training is False
        return {}

    def mask_features(self, outputs, boxes, images):
        """See `models.detector.Detector.mask_features`: where the cells are, -1 left to 1 right."""
        import tensorflow as tf

        across = tf.linspace(-1.0, 1.0, self.mask_side)
        return tf.tile(across[None, None, :, None], [tf.shape(boxes)[0], self.mask_side, 1, 1])

    def mask_logits(self, features, labels):
        """See `models.detector.Detector.mask_logits`."""
        import tensorflow as tf

        is_half = tf.reduce_any(labels[:, None] == tf.constant(self.half, tf.int32), axis=1)
        limit = tf.where(is_half, 0.0, 2.0)[:, None, None]
        return tf.where(features[..., 0] < limit, 9.0, -9.0)

    def _rows(self, rows, limit):
        boxes, scores = np.zeros((limit, 4), np.float32), np.zeros(limit, np.float32)
        labels, count = np.zeros(limit, np.int32), len(rows)
        for place, (box, label, score) in enumerate(rows):
            boxes[place] = np.array(box) - [0, 0, *[self.conventions.pixel] * 2]
            labels[place], scores[place] = label, score
        found = {"boxes": boxes, "scores": scores, "labels": labels, "counts": np.int32(count)}
        if self.masks:
            is_object = np.arange(limit)[:, None, None] < count
            found["masks"] = np.broadcast_to(is_object, (limit, *[self.mask_side] * 2)).astype(
                "float32"
            )
        return found
