"""Cases of segmentation: pyramids of one size, the block on them, and the heads."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.decoders.even_pyramids import even_pyramid
from lfp_tf.models.fpt_segmentation import fused_levels, level_logits
from lfp_tf.ops.resize import resize_aligned
from lfp_tf.options import EvenPyramid, Head, Norm, Transformer
from lfp_tf.parity.fpt.layers import Trial
from lfp_tf.parity.fpt.words import check_all, is_four, is_odd
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import is_count, is_flag

_LEVELS = (2, 3, 4, 5)
_WIDTHS = {
    "pyramid": ("ufp", "ppm", "aspp"),
    "in_channels": is_four,
    "feature_dim": is_count,
    "head_channels": is_count,
    "aux_channels": is_count,
    "classes": is_count,
}
PYRAMID = _WIDTHS | {
    "output_size": lambda value: len(value) == 2 and all(map(is_count, value)),
    "st": {"n_mix": is_count, "pool_keys": is_flag},
    "gt": {"mode": ("eud",), "n_mix": is_count, "local": is_flag, "square_size": is_odd},
    "rt": {"variant": ("paper",), "stride": ("1",)},
    "with_norm": ("batch_norm",),
    "training": (False,),
}
COUNT = _WIDTHS | {"what": ("segmentation_model_without_backbone",)}


def segmentation_pyramid(case: Case) -> dict[str, Any]:
    """`segmentation_pyramid`: levels, fused levels, and logits of both heads at full size."""
    config = case.config
    check_all(config, PYRAMID)
    st, gt = config["st"], config["gt"]
    transformer = Transformer(
        "paper",
        st_mixtures=st["n_mix"],
        st_pool_keys=st["pool_keys"],
        gt_mode=gt["mode"],
        gt_mixtures=gt["n_mix"],
        gt_local=gt["local"],
        gt_square_size=gt["square_size"],
        normalization=config["with_norm"],
    )
    model = _model(config, transformer)
    names = {"even_pyramid": config["pyramid"], "fpt_norm": config["with_norm"]}
    Trial(case, variables_by_name(model), options=names)
    inputs = {name: tf.constant(value) for name, value in case.inputs().items()}
    results = model(inputs, training=False)
    for name in ("logits", "aux_logits"):
        results[name] = resize_aligned(results[name], config["output_size"])
    if config["pyramid"] == "ppm":
        # A single value over the whole map, which the cases leave out.
        del results["U5"]
    return {name: value.numpy() for name, value in results.items()}


def parameter_count(config: dict) -> tuple[dict, int]:
    """({our name: variable} of pyramid, block and heads, unused elements) of a count's case."""
    check_all(config, COUNT)
    transformer = Transformer("paper", gt_local=True, normalization="batch_norm")
    return variables_by_name(_model(config, transformer)), 0


def _model(config, transformer):
    """A model of {`C2`: map, ...} to levels, fused levels and logits."""
    pyramid = EvenPyramid(
        config["pyramid"],
        dim=config["feature_dim"],
        head_channels=config["head_channels"],
        aux_channels=config["aux_channels"],
    )
    maps = {
        level: tf_keras.Input([None, None, channels], name=f"C{level}")
        for level, channels in zip(_LEVELS, config["in_channels"], strict=True)
    }
    norm, head = Norm(), dataclasses.replace(Head(), zoom_factor=1)
    levels = even_pyramid(maps, pyramid, norm)
    fused = fused_levels(levels, pyramid, transformer, norm)
    logits = level_logits(
        fused, maps, classes=config["classes"], pyramid=pyramid, head=head, norm=norm
    )
    outputs = {f"U{level}": x for level, x in levels.items()}
    outputs |= {f"P{level}": x for level, x in fused.items()} | logits
    return tf_keras.Model({x.name: x for x in maps.values()}, outputs)
