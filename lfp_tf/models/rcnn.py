"""Faster and Mask R-CNN on a feature pyramid (Ren et al. 2015, He et al. 2017, Lin et al. 2017).

With a transformer the levels take context from each other (Zhang et al. 2020).
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_features
from lfp_tf.decoders.pyramid import base_levels, with_coarsest
from lfp_tf.decoders.transformer_pyramid import transformer_pyramid
from lfp_tf.heads.all_levels import all_levels_box_head, all_levels_mask_head
from lfp_tf.heads.box import box_head, box_outputs
from lfp_tf.heads.mask import hourglass_mask_head, mask_head
from lfp_tf.heads.rpn import rpn_head
from lfp_tf.models.detector import Detector
from lfp_tf.ops.detection.roi_align import assign_levels, pyramid_roi_align, roi_align
from lfp_tf.options import (
    Anchors,
    Backbone,
    Conventions,
    FeaturePyramid,
    Inference,
    Norm,
    ResNet,
    RoIHeads,
    Transformer,
    WeightTransfer,
)

# Levels that boxes are pooled from; the RPN has one more.
_LEVELS = (2, 3, 4, 5)
# Cells a side of pooled boxes, for each head; an hourglass halves its own three times.
_BOX_CELLS, _MASK_CELLS, _HOURGLASS_CELLS = 7, 14, 16
_MASK_HEADS = {
    "plain": mask_head,
    "hourglass": hourglass_mask_head,
    "all_levels": all_levels_mask_head,
    "all_levels_fc": all_levels_mask_head,
}


@tf_keras.utils.register_keras_serializable("lfp_tf")
class RCNN(Detector):
    """Faster R-CNN with a feature pyramid, and with masks Mask R-CNN; defaults are Detectron's.

    Outputs of the trunk: "p2" to "p6" [B, h, w, C], and the RPN's of these levels. `boxes` takes
    [R, 7, 7, C], `masks` [R, 14, 14, C] to features [R, 28, 28, D] (16 and 32 with an hourglass).
    See `Detector`.

    Args:
        classes: of objects, without background.
        backbone: any, of output stride 32.
        pyramid: `FeaturePyramid`.
        transformer: `Transformer`, on the pyramid's levels.
        anchors: `Anchors`.
        heads: `RoIHeads`.
        transfer: `WeightTransfer`.
        inference: `Inference`.
        conventions: `Conventions`.
        norm: `Norm` of the backbone; its options are those of the other parts' norms too.
        input_shape: (height, width, 3), None where any size may come.
        name: of the model.
    """

    STRIDE = 32

    def __init__(
        self,
        *,
        classes,
        backbone: Backbone = ResNet(stem="plain", stride_in="1x1", output_stride=32),
        pyramid=FeaturePyramid(),
        transformer=Transformer(),
        anchors=Anchors(),
        heads=RoIHeads(),
        transfer=WeightTransfer(),
        inference=Inference(),
        conventions=Conventions(),
        norm=Norm(kind="affine"),
        input_shape=(None, None, 3),
        name="rcnn",
    ):
        if backbone.output_stride != 32:
            raise ValueError(f"output_stride is {backbone.output_stride}, but a pyramid needs 32.")
        groups = {
            "backbone": backbone,
            "pyramid": pyramid,
            "transformer": transformer,
            "anchors": anchors,
            "heads": heads,
            "transfer": transfer,
            "inference": inference,
            "conventions": conventions,
            "norm": norm,
        }
        levels = (*_LEVELS, _LEVELS[-1] + 1)
        super().__init__(groups, classes=classes, levels=levels, input_shape=input_shape, name=name)
        self.trunk = self._trunk()
        self.boxes = self._boxes()
        if heads.masks:
            self.masks = self._masks()
            self.add_mask_outputs()

    @property
    def takes_sizes(self) -> bool:
        """See `Detector`."""
        return self.options["transformer"].masks_padding

    def box_features(
        self, outputs: Mapping[str, tf.Tensor], rois: tf.Tensor, images: tf.Tensor
    ) -> tf.Tensor:
        """See `Detector`: [R, 7, 7, C], or [R, 7, 7, 4C] of all levels."""
        return self._pool(self.options["heads"].boxes_of_all_levels)(
            outputs, rois, images, _BOX_CELLS
        )

    def mask_features(
        self,
        outputs: Mapping[str, tf.Tensor],
        rois: tf.Tensor,
        images: tf.Tensor,
        *,
        of_boxes: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """See `Detector`: [R, 2P, 2P, D]; masks are pooled finer than boxes, so anew."""
        del of_boxes
        pool = self._pool(self.options["heads"].masks_of_all_levels)
        return self.masks(pool(outputs, rois, images, self._mask_cells))

    def _trunk(self):
        images = tf_keras.Input(self.image_shape, name="images")
        inputs = {"images": images}
        if self.takes_sizes:
            inputs["sizes"] = tf_keras.Input([2], dtype="int32", name="sizes")
        backbone, norm = self.options["backbone"], self.options["norm"]
        taps = backbone_features(images, backbone, norm)
        maps = {level: taps[n] for level, n in zip(_LEVELS, backbone.LEVELS, strict=True)}
        levels = base_levels(maps, self.options["pyramid"], norm)
        levels = with_coarsest(self._transformed(levels, inputs.get("sizes")))
        rpn = rpn_head(levels, anchors=len(self.cells(0)), channels=self.options["pyramid"].dim)
        outputs = {f"p{level}": x for level, x in levels.items()} | rpn
        return tf_keras.Model(inputs if self.takes_sizes else images, outputs, name="trunk")

    def _transformed(self, levels, sizes):
        options = self.options["transformer"].pyramid()
        if options is None:
            return levels
        # Its batch norms are its own, whatever the backbone has, and learn where that is frozen.
        norm = dataclasses.replace(self.options["norm"], kind="batch", frozen=False)
        channels = self.options["pyramid"].dim
        return transformer_pyramid(
            levels, channels=channels, options=options, norm=norm, sizes=sizes
        )

    def _boxes(self):
        heads = self.options["heads"]
        pooled = self._input(_BOX_CELLS, "pooled_boxes", heads.boxes_of_all_levels)
        head = all_levels_box_head if heads.boxes_of_all_levels else box_head
        outputs = box_outputs(
            head(pooled, heads, self.options["norm"]),
            classes=self.num_labels,
            class_agnostic=heads.class_agnostic_boxes,
        )
        return tf_keras.Model(pooled, outputs, name="boxes")

    def _masks(self):
        heads = self.options["heads"]
        pooled = self._input(self._mask_cells, "pooled_masks", heads.masks_of_all_levels)
        x = _MASK_HEADS[heads.mask_head](pooled, heads, self.options["norm"])
        return tf_keras.Model(pooled, x, name="masks")

    @property
    def _mask_cells(self):
        is_hourglass = self.options["heads"].mask_head == "hourglass"
        return _HOURGLASS_CELLS if is_hourglass else _MASK_CELLS

    def _input(self, cells, name, of_all_levels):
        channels = self.options["pyramid"].dim * (len(_LEVELS) if of_all_levels else 1)
        return tf_keras.Input((cells, cells, channels), name=name)

    def _pool(self, of_all_levels):
        return self._pooled_from_all if of_all_levels else self._pooled

    def _pooled_from_all(self, outputs, rois, images, size):
        """The boxes of every level, the finest first: [R, size, size, 4C]."""
        conventions = self.options["conventions"]
        levels = [
            roi_align(
                outputs[f"p{level}"],
                rois,
                images,
                size=size,
                scale=2.0**-level,
                samples=conventions.samples,
                aligned=conventions.aligned,
            )
            for level in _LEVELS
        ]
        return tf.concat(levels, axis=-1)

    def _pooled(self, outputs, rois, images, size):
        conventions = self.options["conventions"]
        levels = assign_levels(
            rois, canonical_scale=conventions.canonical_scale, pixel=conventions.pixel
        )
        return pyramid_roi_align(
            {level: outputs[f"p{level}"] for level in _LEVELS},
            rois,
            images,
            levels,
            size=size,
            samples=conventions.samples,
            aligned=conventions.aligned,
        )
