"""Training and scoring a detector, as a task of the host's trainer."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.description import task_classes
from lfp_tf.data.detection.canvases import CanvasOptions
from lfp_tf.data.detection.pipeline import evaluation_batches, training_batches
from lfp_tf.data.detection.records import read_truth
from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.images.palette import numbered_table
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.ops.detection.proposals import ProposalOptions
from lfp_tf.ops.detection.roi_targets import RoiSampling
from lfp_tf.ops.detection.rpn_targets import RpnSampling
from lfp_tf.options import PREPROCESSINGS, Shares
from lfp_tf.tasks.catalog import DETECTION
from lfp_tf.tasks.detection import losses
from lfp_tf.tasks.detection.coco_results import coco_rows
from lfp_tf.tasks.detection.metrics import coco_scores
from lfp_tf.tasks.detection.prediction import Protocol, detector
from lfp_tf.tasks.detection.report import drawn_rows
from lfp_tf.tasks.detection.start import fill_table, refuse_gaps
from lfp_tf.tasks.detection.subsets import class_sets
from lfp_tf.tasks.detection.targets import (
    SampledRois,
    anchor_targets,
    masks_of_rois,
    num_mask_rois,
    sampled_rois,
    true_rois,
)
from lfp_tf.training.base import TrainedTask


class Task(TrainedTask):
    """Pipeline, losses and scores of `config`; see `TrainedTask`.

    What counts in a loss depends on what the network proposes: a mean over more than a piece
    looks at all pieces first.
    """

    def initialize(self, model: Any) -> None:
        """See `TrainedTask`; fills the table of class vectors, too.

        Raises:
            LfpError: there is no table, or a start lacks what is not trained.
        """
        super().initialize(model)
        if self.trains_masks_alone and self.report:
            refuse_gaps(self.task_config, self.report)
        if model.embedding is not None:
            fill_table(model, self.task_config, self.report, self._network_classes)

    def loss_weights(self) -> dict[str, float]:
        """The five losses; without masks four, where the mask head alone is trained one."""
        if self.trains_masks_alone:
            return {"mask": self.task_config.losses.mask_weight}
        weights: dict[str, float] = {"rpn_class": 1.0, "rpn_box": 1.0, "class": 1.0, "box": 1.0}
        if self.task_config.model.masks:
            weights["mask"] = self.task_config.losses.mask_weight
        return weights

    def looks_ahead(self) -> bool:
        """Whether means are over more than a piece."""
        return self.task_config.losses.normalization != "piece"

    def preview(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """What counts in a piece."""
        return self.counts(piece, outputs)

    def informed(
        self, pieces: Sequence[dict], previews: Sequence[dict]
    ) -> list[dict[str, tf.Tensor]]:
        """The pieces with what counts in each, as `count NAME`."""
        return [
            piece | {f"count {name}": count for name, count in preview.items()}
            for piece, preview in zip(pieces, previews, strict=True)
        ]

    def counts(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """What each loss is divided by: Detectron's own divisors."""
        names = self.loss_weights()
        if all(f"count {name}" in piece for name in names):
            return {name: piece[f"count {name}"] for name in names}
        return {name: loss.count for name, loss in self._losses(outputs).items()}

    def sums(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Sums over anchors, sampled boxes and pixels of masks."""
        return {name: loss.sum for name, loss in self._losses(outputs).items()}

    def trained_outputs(self, piece: dict, model: Any) -> dict[str, tf.Tensor]:
        """What the network says of anchors and sampled boxes, each beside its target."""
        trunk = self.trunk_outputs(piece, model)
        config = self.task_config.proposals
        proposals = model.proposals(
            trunk,
            piece["info"],
            self.proposal_options,
            count=config.post_nms,
            jointly=config.collect == "piece",
        )
        sampled = sampled_rois(proposals, self._teaching(piece), self.roi_sampling)
        return self.outputs_of_samples(piece, model, trunk, sampled)

    def _teaching(self, piece):
        """The piece; where masks alone are trained, without the objects that teach none.

        The original's annotations hold no others there, so none takes a place among the sampled
        boxes (ronghanghu/seg_every_thing configs/bbox2mask_coco/*/eval_sw).
        """
        if not self.trains_masks_alone:
            return piece
        is_teaching = tf.gather(tf.constant(self.is_mask_class), piece["classes"])
        return piece | {"is_valid": piece["is_valid"] & is_teaching}

    @property
    def trains_masks_alone(self) -> bool:
        """Whether everything but the mask head stays as it is (MaskX R-CNN's stage-wise way)."""
        return self.task_config.trainable == "mask_head"

    def trunk_outputs(self, piece: dict, model: Any) -> dict[str, tf.Tensor]:
        """Levels and RPN outputs of a piece's images."""
        images = self.preprocessed(piece["images"])
        sizes = piece["info"][:, :2]
        if self.trains_masks_alone:
            outputs = model.trunk_outputs(images, sizes, training=False)
            return {name: tf.stop_gradient(value) for name, value in outputs.items()}
        with sample_keys(piece.get("keys")):
            return model.trunk_outputs(images, sizes, training=True)

    def outputs_of_samples(
        self, piece: dict, model: Any, trunk: dict[str, tf.Tensor], sampled: SampledRois
    ) -> dict[str, tf.Tensor]:
        """What the heads say of sampled boxes, and the RPN of anchors, each beside its target.

        Args:
            piece: of a batch.
            model: the network.
            trunk: of `trunk_outputs`.
            sampled: boxes.
        """
        if self.trains_masks_alone:
            return self._mask_outputs(model, trunk, sampled, piece)
        outputs = self._anchor_outputs(model, trunk, piece)
        boxes, images = _rows(sampled.boxes)
        features = model.box_features(trunk, boxes, images)
        outputs |= self._box_outputs(model, features, sampled)
        if self.task_config.model.masks:
            outputs |= self._mask_outputs(model, trunk, sampled, piece, features=features)
        return outputs

    def _anchor_outputs(self, model, trunk, batch):
        anchors = tf.concat(model.anchors(trunk), axis=0)
        targets = anchor_targets(anchors, batch, self.anchor_sampling)
        logits, deltas = model.rpn_rows(trunk)
        return {
            "rpn_logits": logits,
            "rpn_deltas": deltas,
            "rpn_labels": targets.labels,
            "rpn_targets": targets.deltas,
            "rpn_inside": targets.inside,
            "rpn_outside": targets.outside,
        }

    def _box_outputs(self, model, features, sampled):
        rois = sampled.rois
        outputs = model.box_outputs(features)
        labels = tf.reshape(rois.labels, [-1])
        return {
            "class_logits": outputs["class_logits"],
            "box_deltas": model.deltas_of(outputs["deltas"], labels),
            "labels": labels,
            "box_targets": tf.reshape(rois.deltas, [-1, 4]),
            "box_weights": tf.reshape(rois.weights, [-1]),
        }

    def _mask_outputs(self, model, trunk, sampled, batch, *, features=None):
        """Masks of boxes; `features` are those of all sampled boxes, where they are at hand."""
        first = num_mask_rois(self.roi_sampling)
        if self.task_config.sampling.use_gt_boxes_for_masks:
            features = None
            sampled = true_rois(batch, count=first, is_mask_class=self.is_mask_class)
        rois = type(sampled.rois)(*(values[:, :first] for values in sampled.rois))
        targets = masks_of_rois(
            rois,
            batch,
            size=model.mask_side,
            is_mask_class=tf.constant(self.is_mask_class),
            candidates=self.task_config.sampling.mask_candidates,
            pixel=model.conventions.pixel,
        )
        targets = tf.reshape(targets, [-1, *targets.shape[2:]])
        boxes, images = _rows(sampled.boxes[:, :first])
        taught = _taught_rows(targets)
        if features is not None:
            features = tf.gather(_first_rows(features, first, of=self.roi_sampling.batch), taught)
        features = model.mask_features(
            trunk, tf.gather(boxes, taught), tf.gather(images, taught), of_boxes=features
        )
        labels = tf.gather(tf.reshape(rois.labels, [-1]), taught)
        return {
            "mask_logits": model.mask_logits(features, labels),
            "mask_targets": tf.gather(targets, taught),
        }

    def _losses(self, outputs):
        config = self.task_config.losses
        anchors = None if config.rpn_divisor == "counted" else self.anchor_sampling.batch
        if self.trains_masks_alone:
            return {"mask": losses.mask_loss(outputs["mask_logits"], outputs["mask_targets"])}
        means = {
            "rpn_class": losses.objectness_loss(
                outputs["rpn_logits"], outputs["rpn_labels"], batch=anchors
            ),
            "rpn_box": losses.anchor_box_loss(
                outputs["rpn_deltas"],
                outputs["rpn_targets"],
                outputs["rpn_inside"][..., None],
                outputs["rpn_outside"][..., None],
                beta=config.rpn_beta,
            ),
            "class": losses.class_loss(
                outputs["class_logits"], outputs["labels"], outputs["box_weights"]
            ),
            "box": losses.box_loss(
                outputs["box_deltas"],
                outputs["box_targets"],
                tf.cast(outputs["labels"] > 0, tf.float32)[:, None],
                outputs["box_weights"],
                beta=config.box_beta,
            ),
        }
        if "mask_logits" in outputs:
            means["mask"] = losses.mask_loss(outputs["mask_logits"], outputs["mask_targets"])
        return means

    @functools.cached_property
    def anchor_sampling(self) -> RpnSampling:
        """Which anchors are learnt from."""
        sampling = self.task_config.sampling
        return RpnSampling(
            batch=sampling.anchors,
            foreground=sampling.anchor_foreground,
            positive=sampling.anchor_positive,
            negative=sampling.anchor_negative,
            weak_best=sampling.weak_best_anchors,
            crowd=sampling.anchor_crowd,
            pixel=self.conventions.pixel,
        )

    @functools.cached_property
    def roi_sampling(self) -> RoiSampling:
        """Which proposals the heads learn from."""
        sampling = self.task_config.sampling
        low, high = sampling.roi_negative
        return RoiSampling(
            batch=sampling.rois,
            foreground=sampling.roi_foreground,
            positive=sampling.roi_positive,
            negative=(low, high),
            weights=self.conventions.box_weights,
            crowds=sampling.roi_crowds,
            pixel=self.conventions.pixel,
        )

    @functools.cached_property
    def proposal_options(self) -> ProposalOptions:
        """How proposals are made in training; the network adds its conventions."""
        fields = self.task_config.proposals
        return ProposalOptions(
            pre_nms=fields.pre_nms,
            post_nms=fields.post_nms,
            nms=fields.nms,
            min_size=fields.min_size,
        )

    @property
    def conventions(self) -> Any:
        """The `Conventions` of the network's profile."""
        return self.task_config.model.conventions()

    @functools.cached_property
    def is_mask_class(self) -> np.ndarray:
        """bool [K]: classes whose masks are learnt; no tensor, which would be of one graph."""
        count = self.task_config.model.classes + 1
        if not self.task_config.mask_classes:
            return np.ones(count, bool)
        return np.isin(np.arange(count), self.task_config.mask_labels(self._classes()))

    def validation_metrics(self) -> list:
        """None that Keras counts: `reduce_aggregated_logs` scores all detections together."""
        return []

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self, inputs: dict, model: tf_keras.Model, metrics: list | None = None
    ) -> dict[str, tf.Tensor]:
        """Detects in one image of each replica; a detector has no loss in validation."""
        image = inputs["images"][0]
        found = self.shown(model, image)
        size = tf.shape(image)[:2]
        outputs = found | {"size": size, "number": inputs["numbers"][0]}
        return {name: value[None] for name, value in outputs.items()}

    def aggregate_logs(
        self, state: dict[str, list] | None, step_logs: Mapping[str, Any]
    ) -> dict[str, list]:
        """Adds the detections of a step to the results, as COCO's format has them.

        The host's own trainer hands in tuples, a tensor of each replica; ours has joined them.
        """
        # The host asks for scores only where the state is not empty.
        state = {"results": []} if state is None else state
        rows = {
            name: np.concatenate(value) if isinstance(value, tuple) else value.numpy()
            for name, value in step_logs.items()
        }
        for place, number in enumerate(rows["number"]):
            if number >= 0:
                one = {name: values[place] for name, values in rows.items()}
                state["results"] += coco_rows(one, int(number), one["size"])
        return state

    def reduce_aggregated_logs(
        self, aggregated_logs: dict[str, list], global_step: Any = None
    ) -> dict[str, float]:
        """The APs of boxes and masks, 0..1; `_a` is of `mask_classes`, `_b` of the others."""
        data, classes = self.task_config.validation_data, self._classes()
        truth = read_truth(data.folder, data.split)
        kinds = ("box", "mask") if self.task_config.model.masks else ("box",)
        words, logs = self.task_config.mask_classes, {}
        sets = class_sets(words, classes, where="task.mask_classes")
        for kind in kinds:
            measured = coco_scores(truth, aggregated_logs["results"], kind=kind)
            scores = measured.summary()
            logs |= {f"{kind}_ap": scores["AP"] or 0.0, f"{kind}_ap50": scores["AP50"] or 0.0}
            for part, labels in (sets.members if sets else {}).items():
                logs[f"{kind}_ap_{part.lower()}"] = measured.summary(labels)["AP"] or 0.0
        return logs

    def headline(self, logs: dict) -> str:
        """The APs of boxes and masks in per cent."""
        kinds = [kind for kind in ("box", "mask") if f"{kind}_ap" in logs]
        return ", ".join(f"{kind} AP {100 * logs[f'{kind}_ap']:.1f}" for kind in kinds)

    def shown(self, model: Any, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The objects of an image [H, W, 3] of RGB grey levels."""
        return detector(model, self.protocol, self.task_config.model.preprocess)(images)

    def shown_spec(self) -> tf.TensorSpec:
        """One image of any size."""
        return tf.TensorSpec([None, None, 3], tf.uint8)

    def panels(self, predict: Callable, count: int) -> Iterator[np.ndarray]:
        """The first validation images, each beside its truth and what the network finds."""
        data = self.task_config.validation_data
        truth = read_truth(data.folder, data.split, limit=count)
        batches = self.evaluation_batches(data, Shares(1)).take(count)
        for number, batch in enumerate(read_batches(batches)):
            image = batch["images"][0]
            found = {name: value.numpy() for name, value in predict(image).items()}
            pixels = image.numpy()
            own = [row for row in truth["annotations"] if row["image_id"] == number]
            rows = coco_rows(found, number, pixels.shape[:2])
            drawn = drawn_rows(pixels, own, rows, self._network_classes())
            yield np.concatenate(drawn, axis=1)

    def training_batches(self, data: Any, start_step: int, shares: Shares) -> tf.data.Dataset:
        """Scaled images and their objects for ever."""
        config = self.task_config
        return training_batches(
            record_index(data.folder, data.split),
            shares=shares,
            seed=data.seed,
            canvas=CanvasOptions(tuple(data.short_sides), data.max_size),
            mean=PREPROCESSINGS[config.model.preprocess].mean,
            pixel=self.conventions.pixel,
            num_classes=config.model.classes + 1,
            with_masks=config.model.masks,
            flip=data.flip,
            start_step=start_step,
        )

    def evaluation_batches(self, data: Any, shares: Shares) -> tf.data.Dataset:
        """Every image once, at its own size."""
        return evaluation_batches(record_index(data.folder, data.split), shares=shares)

    @functools.cached_property
    def protocol(self) -> Protocol:
        """How validation brings images to the network."""
        fields = self.task_config.evaluation
        return Protocol(**fields.values_for(Protocol))

    def _network_classes(self):
        """Names of all classes of the network; records may have the first of them alone."""
        names, config = self._classes(), self.task_config
        return names if len(names) == config.model.classes else list(config.class_names)

    def _classes(self):
        """Names of the records' classes; numbers where no records are told."""
        if not self.task_config.train_data.folder:
            return list(numbered_table(self.task_config.model.classes).names)
        return task_classes(read_dataset(self.task_config.train_data.folder), DETECTION.name)


def _rows(boxes):
    """Boxes [B, R, 4] as [B * R, 4], and the image of each, int32 [B * R]."""
    batch, count = tf.shape(boxes)[0], boxes.shape[1]
    return tf.reshape(boxes, [-1, 4]), tf.repeat(tf.range(batch), count)


def _taught_rows(targets):
    """Places of the masks that teach anything, int32; the first of all where none does."""
    teaches = tf.reduce_any(targets >= 0, axis=(1, 2))
    teaches |= ~tf.reduce_any(teaches) & (tf.range(tf.size(teaches)) == 0)
    return tf.cast(tf.where(teaches)[:, 0], tf.int32)


def _first_rows(values, first, *, of):
    """The first rows of each image, [B * first, ...] of [B * of, ...]."""
    by_image = tf.reshape(values, [-1, of, *values.shape[1:]])
    return tf.reshape(by_image[:, :first], [-1, *values.shape[1:]])
