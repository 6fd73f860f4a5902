"""Cases of what an FPT detector stands on: the ResNet's body and the base pyramid."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_model
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.decoders.pyramid import feature_pyramid
from lfp_tf.options import FeaturePyramid, Norm, ResNet
from lfp_tf.parity.fpt import layers, segmentation
from lfp_tf.parity.fpt.layers import Trial
from lfp_tf.parity.fpt.words import check_all
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import is_count, is_flag, is_numbers
from lfp_tf.training.groups import freeze_layers

_KINDS = {"affine": "affine", "group_norm": "group"}
BODY = {
    "depth": (50,),
    "norm": tuple(_KINDS),
    "stride_1x1": is_flag,
    "input": ("BGR 0..255",),
    "pixel_means": lambda value: is_numbers(value) and len(value) == 3,
}
PYRAMID = {
    "base_pyramid": ("bfp", "fpn"),
    "norm": ("none", "group_norm", "batch_norm"),
    "feature_dim": is_count,
    "in_channels": lambda value: is_numbers(value) and len(value) == 4,
    "p6": is_flag,
}
_COUNT = {
    "what": ("resnet_body",),
    "depth": (50, 101, 152),
    "norm": ("affine",),
    "freeze_at": (2,),
}
# What stays as it is up to the stage that Detectron's FREEZE_AT names.
_FROZEN = [r"^(stem|stage1)_"]


def forward_backbone(case: Case) -> dict[str, Any]:
    """`forward_backbone`: the maps of the four stages."""
    config = case.config
    check_all(config, BODY)
    kind = _KINDS[config["norm"]]
    model = _body(config["depth"], kind, "1x1" if config["stride_1x1"] else "3x3")
    Trial(case, variables_by_name(model), options={"norm": kind})
    means = np.array(config["pixel_means"], np.float32)
    maps = model(case.inputs()["image"].astype(np.float32) - means, training=False)
    return {f"C{n + 1}": maps[f"stage{n}"].numpy() for n in (1, 2, 3, 4)}


def base_pyramid(case: Case) -> dict[str, Any]:
    """`backbone_fpn_bfp`: the levels that the base pyramid makes of four maps."""
    config = case.config
    check_all(config, PYRAMID, {"training": (False,)})
    options = FeaturePyramid(config["base_pyramid"], config["feature_dim"], config["norm"])
    maps = {
        level: tf_keras.Input([None, None, channels], name=f"C{level}")
        for level, channels in enumerate(config["in_channels"], start=2)
    }
    levels = feature_pyramid(maps, options)
    outputs = {f"P{n}": x for n, x in levels.items() if n < 6 or config["p6"]}
    model = tf_keras.Model({x.name: x for x in maps.values()}, outputs)
    names = {"decoder": config["base_pyramid"], "pyramid_norm": config["norm"]}
    Trial(case, variables_by_name(model), options=names)
    inputs = {name: tf.constant(value) for name, value in case.inputs().items()}
    return {name: x.numpy() for name, x in model(inputs, training=False).items()}


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: of a body all elements and those that a detector trains; else layers'."""
    what = case.config.get("what")
    if what == "segmentation_model_without_backbone":
        return layers.counted(*segmentation.parameter_count(case.config))
    if what != "resnet_body":
        return layers.parameter_count(case)
    check_all(case.config, _COUNT)
    model = _body(case.config["depth"], "affine", "1x1")
    freeze_layers(model, _FROZEN)
    return {
        name: sum(variable.shape.num_elements() for variable in variables)
        for name, variables in (
            ("in_use", model.variables),
            ("trainable", model.trainable_variables),
        )
    }


def _body(depth, kind, stride_in):
    options = ResNet(depth=depth, stem="plain", stride_in=stride_in, output_stride=32)
    return backbone_model(options, Norm(kind=kind))
