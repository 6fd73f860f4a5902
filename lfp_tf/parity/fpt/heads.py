"""Cases of the heads of boxes and masks, all levels' and one level's."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.variables import assign, layer_variables, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.heads.all_levels import all_levels_box_head, all_levels_mask_head
from lfp_tf.heads.box import box_head
from lfp_tf.heads.mask import ClassMasks
from lfp_tf.options import RoIHeads
from lfp_tf.parity.fpt.words import check_all
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, is_count

# What the original calls our heads.
_BOX_HEADS = {
    "roi_Xconv1fc_gn_head_fptnet": "all_levels_4conv1fc",
    "roi_2mlp_head_gn_fptnet": "all_levels_2fc",
    "roi_2mlp_head_gn": "2fc_norm",
}
_MASK_HEADS = {
    "mask_rcnn_fcn_head_v1up4convs_gn_adp": "all_levels",
    "mask_rcnn_fcn_head_v1up4convs_gn_adp_ff": "all_levels_fc",
}
BOX = {
    "head": tuple(_BOX_HEADS),
    "in_channels": is_count,
    "resolution": (7,),
    "hidden": is_count,
    "with_outputs": (False,),
}
# Those that end in masks of classes have the word `num_classes` too.
MASK = BOX | {"head": tuple(_MASK_HEADS), "resolution": (14,), "with_outputs": (True, False)}


def head_box(case: Case) -> dict[str, Any]:
    """`head_box`: the vectors of boxes."""
    config = case.config
    check_all(config, BOX)
    options = RoIHeads(
        box_head=_BOX_HEADS[config["head"]],
        box_dim=config["hidden"],
        box_conv_dim=config["in_channels"],
        normalization="group_norm",
    )
    x = _pooled(case)
    pooled = tf_keras.Input(x.shape[1:])
    head = all_levels_box_head if options.boxes_of_all_levels else box_head
    model = tf_keras.Model(pooled, head(pooled, options))
    _fill(case, variables_by_name(model), options)
    return {"out": model(x, training=False).numpy()}


def head_mask(case: Case) -> dict[str, Any]:
    """`head_mask`: features of masks, or the masks of all classes."""
    config = case.config
    has_outputs = config.get("with_outputs") is True
    check_all(config, MASK | ({"num_classes": is_count} if has_outputs else {}))
    options = RoIHeads(
        mask_head=_MASK_HEADS[config["head"]],
        mask_dim=config["hidden"],
        normalization="group_norm",
    )
    if options.adds_mask != has_outputs:
        raise UnknownWord("config.with_outputs does not fit config.head.")
    x = _pooled(case)
    pooled = tf_keras.Input(x.shape[1:])
    model = tf_keras.Model(pooled, all_levels_mask_head(pooled, options))
    variables = variables_by_name(model)
    if not has_outputs:
        _fill(case, variables, options)
        return {"out": model(x, training=False).numpy()}
    output = ClassMasks(config["num_classes"], name="mask_logits")
    output.build([(*model.output_shape[:-1], options.mask_dim), (None,)])
    _fill(case, variables | layer_variables(output), options)
    features = model(x, training=False)
    count = tf.shape(features)[0]
    masks = [
        output([features[..., :-1], tf.fill([count], label)]) + features[..., -1]
        for label in range(config["num_classes"])
    ]
    return {"out": tf.stack(masks, axis=-1).numpy()}


def _pooled(case):
    """The boxes of all levels that the case has, joined by channels."""
    inputs = case.inputs()
    maps = [tf.constant(inputs[f"P{level}"]) for level in (2, 3, 4, 5) if f"P{level}" in inputs]
    return tf.concat(maps, axis=-1)


def _fill(case, variables, options):
    translation, arrays = TRANSLATIONS["detectron_torch"], case.weights()
    report = Report(translation.name)
    names = {"decoder": "fpn", "head_norm": options.normalization}
    values = translate(
        arrays,
        variables,
        translation=translation,
        options=dataclasses.asdict(options) | names,
        report=report,
    )
    if report.missing or report.mismatched or report.unused:
        raise LfpError(f"the weights do not fit: {report}")
    assign(variables, values)
