"""Faster and Mask R-CNN on one map of stride 16, with the backbone's last stage as RoI head.

Ren et al. 2015; He et al. 2017, "ResNet-50-C4"; Detectron's `ResNet.py` and
`mask_rcnn_heads.py:mask_rcnn_fcn_head_v0upshare`; with a pyramid ResNet that of
`wanggrun/Learning-Feature-Pyramids-For-COCO Mask-RCNN/model.py`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features, pyramid_resnet_stage
from lfp_tf.backbones.resnet import resnet_features, resnet_stage
from lfp_tf.heads.box import box_outputs
from lfp_tf.heads.mask import doubled
from lfp_tf.heads.rpn import rpn_head
from lfp_tf.models.detector import Detector
from lfp_tf.ops.detection.roi_align import roi_align
from lfp_tf.options import (
    Anchors,
    Conventions,
    Inference,
    Norm,
    PyramidResNet,
    ResNet,
    RoIHeads,
    WeightTransfer,
)

_LEVEL, _STRIDE = 4, 16
_CELLS = 14
# Inner channels of a ResNet-50's first stage.
_PLANES = 64
# What builds the first stages, and what a further one.
_BUILDERS: dict[type, tuple[Any, Any]] = {
    ResNet: (resnet_features, resnet_stage),
    PyramidResNet: (pyramid_resnet_features, pyramid_resnet_stage),
}


@tf_keras.utils.register_keras_serializable("lfp_tf")
class RCNNC4(Detector):
    """Faster or Mask R-CNN on stage 3 of a ResNet or pyramid ResNet; defaults are Detectron's.

    Outputs of the trunk: "c4" [B, h, w, C], "rpn_logits_4", "rpn_deltas_4". `stage` makes
    [R, 7, 7, C'] of pooled boxes [R, 14, 14, C]; these are `box_features`, of whose mean `boxes`
    makes its outputs, and of which `masks` makes features [R, 14, 14, D]. The images need no
    padding. Batch norms of `stage` keep to their running values. See `Detector`.

    Args:
        classes: of objects, without background.
        backbone: `ResNet` or `PyramidResNet`, of output stride 32.
        anchors: `Anchors`, with sizes.
        heads: `RoIHeads`, of which the box head's do not count.
        transfer: `WeightTransfer`.
        shared_masks: whether masks stand on the box head's stage. Otherwise they have a copy of
            their own (`mask_stage4_...`), a ResNet's of ResNet-50's inner width as in Detectron.
        inference: `Inference`.
        conventions: `Conventions`.
        norm: `Norm`.
        input_shape: (height, width, 3), None where any size may come.
        name: of the model.
    """

    def __init__(
        self,
        *,
        classes,
        backbone: ResNet | PyramidResNet = ResNet(stem="plain", stride_in="1x1", output_stride=32),
        anchors=Anchors(sizes=(32.0, 64.0, 128.0, 256.0, 512.0)),
        heads=RoIHeads(),
        transfer=WeightTransfer(),
        shared_masks=True,
        inference=Inference(pre_nms=6000),
        conventions=Conventions(samples=0),
        norm=Norm(kind="affine"),
        input_shape=(None, None, 3),
        name="rcnn_c4",
    ):
        if backbone.output_stride != 2 * _STRIDE:
            raise ValueError(f"output_stride is {backbone.output_stride}, but C4 needs 32.")
        groups = {
            "backbone": backbone,
            "anchors": anchors,
            "heads": heads,
            "transfer": transfer,
            "inference": inference,
            "conventions": conventions,
            "norm": norm,
        }
        super().__init__(
            groups, classes=classes, levels=(_LEVEL,), input_shape=input_shape, name=name
        )
        self.shared_masks = shared_masks
        self.trunk = self._trunk()
        self.stage = self._stage(backbone, "")
        self.boxes = self._boxes()
        self.mask_stage: Any = None
        if heads.masks:
            if not shared_masks:
                self.mask_stage = self._stage(_of_own_width(backbone), "mask_")
            self.masks = self._masks()
            self.add_mask_outputs()

    def box_features(
        self, outputs: Mapping[str, tf.Tensor], rois: tf.Tensor, images: tf.Tensor
    ) -> tf.Tensor:
        """See `Detector`: [R, 7, 7, C']."""
        return self.stage(self.pooled(outputs, rois, images), training=False)

    def mask_features(
        self,
        outputs: Mapping[str, tf.Tensor],
        rois: tf.Tensor,
        images: tf.Tensor,
        *,
        of_boxes: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """See `Detector`: [R, 14, 14, D]; `of_boxes` spares the shared stage."""
        if self.mask_stage is not None:
            pooled = self.pooled(outputs, rois, images)
            return self.masks(self.mask_stage(pooled, training=False))
        if of_boxes is None:
            of_boxes = self.box_features(outputs, rois, images)
        return self.masks(of_boxes)

    def parts(self) -> list[tuple[tf_keras.layers.Layer, int]]:
        """See `Detector`; the stage runs for masks, too."""
        inference = self.options["inference"]
        stages = [(self.stage, inference.post_nms)]
        if self.masks:
            stages.append((self.mask_stage or self.stage, inference.limit))
        return [*super().parts(), *stages]

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values."""
        return super().get_config() | {"shared_masks": self.shared_masks}

    def _trunk(self):
        images = tf_keras.Input(self.image_shape, name="images")
        backbone, norm = self.options["backbone"], self.options["norm"]
        features, _ = _BUILDERS[type(backbone)]
        x = features(images, backbone, norm, stages=3)["stage3"]
        rpn = rpn_head({_LEVEL: x}, anchors=len(self.cells(0)), channels=x.shape[-1])
        return tf_keras.Model(images, {f"c{_LEVEL}": x} | rpn, name="trunk")

    def _stage(self, backbone, prefix):
        channels = self.trunk.output_shape[f"c{_LEVEL}"][-1]
        pooled = tf_keras.Input((_CELLS, _CELLS, channels), name=f"{prefix}pooled")
        _, stage = _BUILDERS[type(backbone)]
        x = stage(pooled, 4, backbone, self.options["norm"], prefix=prefix)
        return tf_keras.Model(pooled, x, name=f"{prefix}stage")

    def _boxes(self):
        heads = self.options["heads"]
        features = tf_keras.Input(self.stage.output_shape[1:], name="box_features")
        outputs = box_outputs(
            tf_keras.layers.GlobalAveragePooling2D(name="box_mean")(features),
            classes=self.num_labels,
            class_agnostic=heads.class_agnostic_boxes,
        )
        return tf_keras.Model(features, outputs, name="boxes")

    def _masks(self):
        features = tf_keras.Input(self.stage.output_shape[1:], name="mask_features")
        x = doubled(features, self.options["heads"].mask_dim)
        return tf_keras.Model(features, x, name="masks")

    def pooled(
        self, outputs: Mapping[str, tf.Tensor], rois: tf.Tensor, images: tf.Tensor
    ) -> tf.Tensor:
        """What the last stage sees of each box: [R, 14, 14, C]; arguments of `box_features`."""
        conventions = self.options["conventions"]
        return roi_align(
            outputs[f"c{_LEVEL}"],
            rois,
            images,
            size=_CELLS,
            scale=1.0 / _STRIDE,
            samples=conventions.samples,
            aligned=conventions.aligned,
        )


def _of_own_width(backbone):
    """The backbone of masks' own stage."""
    if not isinstance(backbone, ResNet):
        return backbone
    return dataclasses.replace(backbone, width_per_group=max(_PLANES // backbone.groups, 1))
