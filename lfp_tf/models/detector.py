"""What all two-stage detectors do with their parts: anchors, proposals, detections, masks.

Letters: B images, H x W pixels, R boxes (RoIs), N boxes an image, K classes with background as 0,
P cells a side, C and D channels. Boxes are x1, y1, x2, y2.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.heads.mask import ClassMasks, mask_mlp, masks_of_labels
from lfp_tf.layers.weight_transfer import ClassEmbedding, class_rows, transfer_function
from lfp_tf.models.saved_options import options_of, plain_options
from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.boxes import clip, decode
from lfp_tf.ops.detection.detections import (
    Detections,
    PaddedDetections,
    best_detections,
    detect,
)
from lfp_tf.ops.detection.proposals import (
    ProposalOptions,
    Proposals,
    by_image,
    collect,
    collect_jointly,
    level_proposals,
)
from lfp_tf.ops.shapes import height_width, side
from lfp_tf.options import Conventions, Inference


class Predictions(NamedTuple):
    """What the box head says of proposals.

    Attributes:
        probabilities: [B, N, K]; all 0 where there is no proposal.
        boxes: [B, N, K, 4], or [B, N, 1, 4] for all classes, in pixels of the image before it was
            scaled, clipped to it.
    """

    probabilities: tf.Tensor
    boxes: tf.Tensor


class Detector(tf_keras.Model):
    """A detector of parts that are Keras models, which share no names.

    `trunk` takes preprocessed images [B, H, W, 3] to feature maps and, for each level L, to
    "rpn_logits_L" and "rpn_deltas_L" (call `trunk_outputs`); `boxes` takes `box_features` to
    "class_logits" [R, K] and "deltas" [R, 4K] or [R, 8]; `masks` makes the features of masks, and
    is None without masks; `mask_output` makes masks of these, or `transfer` predicts the kernels
    that do (MaskX R-CNN), from the boxes' own weights or from the table `embedding`; `mlp` adds one
    mask for all classes.
    A training calls the parts; a call of the whole gives detections.

    Args:
        groups: {argument of the network: its `Options`}.
        classes: of objects, without background: K - 1.
        levels: those that the RPN looks at; a cell of level l is 2^l pixels wide.
        input_shape: (height, width, 3), None where any size may come.
        name: of the model.
    """

    # Images are filled up to multiples of it.
    STRIDE = 1

    def __init__(self, groups, *, classes, levels, input_shape, name):
        # Sizes and scales of images keep their precision whatever the parts compute in.
        super().__init__(name=name, autocast=False)
        self.options = groups
        self.classes = classes
        self.levels = tuple(levels)
        self.image_shape = tuple(input_shape)
        self.masks: Any = None
        self.mask_output: Any = None
        self.transfer: Any = None
        self.embedding: Any = None
        self.mlp: Any = None

    @property
    def conventions(self) -> Conventions:
        """Where implementations differ."""
        return self.options["conventions"]

    @property
    def mask_side(self) -> int:
        """Cells a side of a mask; 0 without masks."""
        return self.masks.output_shape[1] if self.masks else 0

    @property
    def num_labels(self) -> int:
        """K: the classes and background."""
        return self.classes + 1

    @property
    def takes_sizes(self) -> bool:
        """Whether `trunk` takes {"images": ..., "sizes": ...} in place of images."""
        return False

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels a cell of each level."""
        return tuple(2**level for level in self.levels)

    def trunk_outputs(
        self,
        images: tf.Tensor,
        sizes: tf.Tensor | None = None,
        *,
        training: bool | None = None,
    ) -> dict[str, tf.Tensor]:
        """Feature maps of images, and what the RPN says of their anchors.

        Args:
            images: [B, H, W, 3] preprocessed.
            sizes: [B, 2], rows and columns of each that do not fill it up; None: all. Only a
                network that `takes_sizes` looks at them.
            training: whether batch norms take the statistics of the batch.
        """
        if not self.takes_sizes:
            return self.trunk(images, training=training)
        if sizes is None:
            sizes = tf.tile(tf.stack(height_width(images))[None], [side(images, 0), 1])
        inputs = {"images": images, "sizes": tf.cast(sizes, tf.int32)}
        return self.trunk(inputs, training=training)

    def anchors(self, outputs: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        """The anchors of each level of the trunk's outputs: [n, 4] in network pixels."""
        return [
            anchor_field(self.cells(place), stride, height_width(outputs[f"rpn_logits_{level}"]))
            for place, (level, stride) in enumerate(zip(self.levels, self.strides, strict=True))
        ]

    def proposals(
        self,
        outputs: Mapping[str, tf.Tensor],
        info: tf.Tensor,
        options: ProposalOptions = ProposalOptions(),
        *,
        count: int,
        jointly: bool = False,
    ) -> Proposals:
        """The best boxes of the RPN.

        Args:
            outputs: of the trunk.
            info: [B, 3 or more] float32: height and width that boxes are clipped to, scale.
            options: of each level; the conventions are the network's own.
            count: N.
            jointly: whether the images of the batch share N boxes, as Detectron trains.

        Returns:
            `Proposals` of N rows an image, in network pixels.
        """
        conventions = self.conventions
        shared = ("pixel", "largest_log", "inclusive", "later_first", "ranks_logits")
        options = dataclasses.replace(
            options, **{name: getattr(conventions, name) for name in shared}
        )
        levels = [
            level_proposals(
                outputs[f"rpn_logits_{level}"],
                outputs[f"rpn_deltas_{level}"],
                anchors,
                info[:, :3],
                options,
            )
            for level, anchors in zip(self.levels, self.anchors(outputs), strict=True)
        ]
        if jointly:
            return by_image(collect_jointly(levels, count), side(info, 0))
        return collect(levels, count)

    def parts(self) -> list[tuple[tf_keras.layers.Layer, int]]:
        """The parts, Keras models and layers, each with how often it runs for an image."""
        inference = self.options["inference"]
        parts = [(self.trunk, 1), (self.boxes, inference.post_nms)]
        if not self.masks:
            return parts
        parts.append((self.masks, inference.limit))
        outputs = ((self.mask_output, inference.limit), (self.mlp, inference.limit))
        per_class = ((self.transfer, self.num_labels), (self.embedding, 1))
        return [*parts, *(pair for pair in (*outputs, *per_class) if pair[0] is not None)]

    def rpn_rows(self, outputs: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The trunk's scores [B, n] and deltas [B, n, 4] of all anchors, level after level."""
        logits, deltas = [], []
        for level in self.levels:
            maps = outputs[f"rpn_logits_{level}"]
            batch = side(maps, 0)
            logits.append(tf.reshape(maps, tf.stack([batch, -1])))
            maps = outputs[f"rpn_deltas_{level}"]
            deltas.append(tf.reshape(maps, tf.stack([batch, -1, 4])))
        return tf.concat(logits, axis=1), tf.concat(deltas, axis=1)

    def deltas_of(self, deltas: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The four deltas of each box for its own label.

        Args:
            deltas: [R, 4K] or [R, 8] of `box_outputs`.
            labels: int32 [R].

        Returns:
            [R, 4].
        """
        groups = tf.reshape(deltas, tf.stack([side(deltas, 0), -1, 4]))
        if self.options["heads"].class_agnostic_boxes:
            return groups[:, 1]
        return tf.gather(groups, labels, batch_dims=1)

    def box_features(
        self, outputs: Mapping[str, tf.Tensor], rois: tf.Tensor, images: tf.Tensor
    ) -> tf.Tensor:
        """What the box head sees of each box.

        Args:
            outputs: of the trunk.
            rois: [R, 4] float32, network pixels.
            images: int32 [R], the image of the batch that a box belongs to.

        Returns:
            [R, P, P, C]; [R, P, P, L C] where the head sees all L levels, the finest first.
        """
        raise NotImplementedError

    def mask_features(
        self,
        outputs: Mapping[str, tf.Tensor],
        rois: tf.Tensor,
        images: tf.Tensor,
        *,
        of_boxes: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """The features that masks are made of.

        Args:
            outputs, rois, images: as of `box_features`.
            of_boxes: what `box_features` gave for the same boxes, where that is at hand.

        Returns:
            [R, 2P, 2P, D]; with `RoIHeads.adds_mask` one more channel, a mask for all classes.
        """
        raise NotImplementedError

    def box_outputs(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
        """{"class_logits": [R, K], "deltas": [R, 4K] or [R, 8]} of `box_features`."""
        return self.boxes(features)

    def mask_logits(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """The mask of each box for its own label.

        Args:
            features: of `mask_features`.
            labels: int32 [R].

        Returns:
            [R, 2P, 2P] float32.
        """
        if not self.options["heads"].adds_mask:
            return self._masks_of_labels(features, labels)
        added = tf.cast(features[..., -1], tf.float32)
        return self._masks_of_labels(features[..., :-1], labels) + added

    def _masks_of_labels(self, features, labels):
        if self.transfer is None:
            logits = self.mask_output([features, labels])
        else:
            # Each class that occurs once: of thousands, few do.
            present, places = tf.unique(labels)
            logits = masks_of_labels(features, self.mask_kernels(present), places)
        return logits if self.mlp is None else logits + self.mlp(features)

    def mask_kernels(self, labels: tf.Tensor) -> tf.Tensor:
        """Predicts the kernels of masks from what tells classes: see `WeightTransfer`.

        Args:
            labels: int32 [U].

        Returns:
            [U, D].
        """
        options = self.options["transfer"]
        if options.uses_embedding:
            return self.transfer(self.embedding(labels))
        rows = class_rows(
            labels,
            source=options.input,
            classifier=self._box_kernel("box_classes"),
            regressor=self._box_kernel("box_deltas"),
            stop_gradient=options.stop_gradient,
        )
        return self.transfer(rows)

    def predictions(
        self,
        outputs: Mapping[str, tf.Tensor],
        proposals: Proposals,
        info: tf.Tensor,
        original_size: tf.Tensor,
    ) -> Predictions:
        """Scores and moves proposals (Detectron's `test.py:im_detect_bbox`).

        Args:
            outputs: of the trunk.
            proposals: of `proposals`.
            info: [B, 3 or more] float32, whose third column is the scale.
            original_size: [B, 2] float32, height and width before scaling.
        """
        conventions, heads = self.options["conventions"], self.options["heads"]
        batch, count = side(proposals.scores, 0), side(proposals.scores, 1)
        rois, images = _flat(proposals.boxes)
        results = self.box_outputs(self.box_features(outputs, rois, images))
        probabilities = tf.nn.softmax(results["class_logits"])
        probabilities = tf.reshape(probabilities, tf.stack([batch, count, self.num_labels]))
        is_proposal = tf.sequence_mask(proposals.counts, count)
        boxes = decode(
            proposals.boxes / info[:, 2, None, None],
            tf.reshape(results["deltas"], tf.stack([batch, count, results["deltas"].shape[-1]])),
            weights=conventions.box_weights,
            largest_log=conventions.largest_log,
            pixel=conventions.pixel,
        )
        boxes = tf.reshape(boxes, tf.stack([batch, count, boxes.shape[-1] // 4, 4]))
        height, width = original_size[:, 0, None, None], original_size[:, 1, None, None]
        boxes = clip(boxes, height, width, pixel=conventions.pixel)
        return Predictions(
            tf.where(is_proposal[..., None], probabilities, 0.0),
            boxes[:, :, 1:] if heads.class_agnostic_boxes else boxes,
        )

    def detections(
        self,
        outputs: Mapping[str, tf.Tensor],
        info: tf.Tensor,
        original_size: tf.Tensor,
        inference: Inference | None = None,
    ) -> PaddedDetections:
        """The objects of each image, best first.

        Args:
            outputs, info, original_size: as of `predictions`.
            inference: in place of the network's own.

        Returns:
            `PaddedDetections` with an axis of B images in front, boxes in pixels of the image
            before it was scaled.
        """
        inference = inference or self.options["inference"]
        options = ProposalOptions(
            pre_nms=inference.pre_nms, post_nms=inference.post_nms, nms=inference.rpn_nms
        )
        proposals = self.proposals(outputs, info, options, count=inference.post_nms)
        predictions = self.predictions(outputs, proposals, info, original_size)

        def of_image(arguments):
            probabilities, boxes = arguments
            return best_detections(self.detect(probabilities, boxes, inference), inference.limit)

        float_rows = tf.TensorSpec([inference.limit], tf.float32)
        int_rows = tf.TensorSpec([inference.limit], tf.int32)
        rows = Detections(
            tf.TensorSpec([inference.limit, 4], tf.float32), float_rows, int_rows, int_rows
        )
        signature = PaddedDetections(rows, tf.TensorSpec([], tf.int32))
        return tf.map_fn(of_image, tuple(predictions), fn_output_signature=signature)

    def detect(
        self, probabilities: tf.Tensor, boxes: tf.Tensor, inference: Inference | None = None
    ) -> Detections:
        """The objects of one image by class, then in the order of its proposals.

        Args:
            probabilities, boxes: of `Predictions`, without the axis of images.
            inference: in place of the network's own.
        """
        inference = inference or self.options["inference"]
        conventions = self.conventions
        return detect(
            probabilities,
            boxes,
            score_threshold=inference.score_threshold,
            threshold=inference.nms,
            limit=inference.limit,
            pixel=conventions.pixel,
            inclusive=conventions.inclusive,
            later_first=conventions.later_first,
        )

    def call(
        self, inputs: Mapping[str, tf.Tensor], training: bool | None = None
    ) -> dict[str, tf.Tensor]:
        """Detects objects.

        Args:
            inputs: {"images": [B, H, W, 3] preprocessed; "info": [B, 5] float32: height and width
                that proposals are clipped to, scale, height and width before scaling; perhaps
                "sizes": [B, 2], as of `trunk_outputs`}.
            training: whether batch norms take the statistics of the batch.

        Returns:
            {"boxes": [B, N, 4] in pixels before scaling, best first, "scores": [B, N], "labels":
            int32 [B, N], 1..K-1, "counts": int32 [B], and with masks "masks": [B, N, 2P, 2P]
            probabilities within the boxes}; zeros behind the last of an image.
        """
        return self.objects(inputs, training=training)

    def objects(
        self,
        inputs: Mapping[str, tf.Tensor],
        inference: Inference | None = None,
        *,
        training: bool | None = None,
    ) -> dict[str, tf.Tensor]:
        """Detects objects as a call does.

        Args:
            inputs, training: as of `call`.
            inference: in place of the network's own.
        """
        info = inputs["info"]
        outputs = self.trunk_outputs(inputs["images"], inputs.get("sizes"), training=training)
        objects, counts = self.detections(outputs, info, info[:, 3:5], inference)
        results = {
            "boxes": objects.boxes,
            "scores": objects.scores,
            "labels": objects.labels,
            "counts": counts,
        }
        if self.masks is None:
            return results
        rois, images = _flat(objects.boxes * info[:, 2, None, None])
        features = self.mask_features(outputs, rois, images)
        logits = self.mask_logits(features, tf.reshape(objects.labels, [-1]))
        limit = objects.labels.shape[1]
        masks = tf.reshape(tf.sigmoid(logits), [-1, limit, self.mask_side, self.mask_side])
        is_object = tf.sequence_mask(counts, limit)[..., None, None]
        return results | {"masks": tf.where(is_object, masks, 0.0)}

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values."""
        own = {"classes": self.classes, "input_shape": self.image_shape, "name": self.name}
        return own | plain_options(self.options)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Detector":
        """A network of `get_config`'s values."""
        del custom_objects
        make: Any = cls
        return make(**options_of(config))

    def add_mask_outputs(self) -> None:
        """Makes what gives masks from their features; `boxes` and `masks` are there already.

        Raises:
            ValueError: a transfer that reads what the box head does not have.
        """
        heads, options = self.options["heads"], self.options["transfer"]
        shape = self.masks.output_shape
        if heads.adds_mask:
            shape = (*shape[:-1], shape[-1] - 1)
        if options.input == "none":
            classes = self.num_labels if heads.class_specific_masks else 1
            self.mask_output = ClassMasks(classes, name="mask_logits")
            self.mask_output.build([shape, (None,)])
        else:
            options.check_boxes(heads.class_agnostic_boxes)
            self.transfer = transfer_function(self._vector_length(), shape[-1], options)
        if options.uses_embedding:
            self.embedding = ClassEmbedding(
                self.num_labels, options.embedding_dim, name="transfer_embedding"
            )
            self.embedding.build()
        if options.mlp != "none":
            self.mlp = mask_mlp(shape[1:], int(options.mlp[0]))

    def _vector_length(self):
        """Numbers of the vector that tells a class."""
        options = self.options["transfer"]
        if options.uses_embedding:
            return options.embedding_dim
        units = self._box_kernel("box_classes").shape[0]
        return {"cls": units, "box": 4 * units, "cls+box": 5 * units}[options.input]

    def _box_kernel(self, name):
        return self.boxes.get_layer(name).kernel

    def cells(self, place: int) -> np.ndarray:
        """The anchors of the first cell of the level at a place, 0 for the lowest: [A, 4]."""
        anchors = self.options["anchors"]
        conventions = self.options["conventions"]
        return cell_anchors(
            self.strides[place],
            anchors.of_level(place),
            anchors.ratios,
            rounded=conventions.rounded_anchors,
            pixel=conventions.pixel,
        )


def _flat(boxes):
    """Boxes [B, N, 4] as [B * N, 4], and the image of each, int32 [B * N]."""
    batch, count = side(boxes, 0), side(boxes, 1)
    return tf.reshape(boxes, [-1, 4]), tf.repeat(tf.range(batch), count)
