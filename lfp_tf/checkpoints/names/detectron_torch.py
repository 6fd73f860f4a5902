"""Detectron.pytorch's names: those of its detectors, and of FPT's, which is built on it.

Sources: roytseng-tw/Detectron.pytorch `lib/modeling/{ResNet,FPN,rpn_heads,fast_rcnn_heads,
mask_rcnn_heads}.py`; dongzhang89/FPT `lib/modeling`. Layouts are Detectron's own.
"""

import re
from collections.abc import Mapping

from lfp_tf.checkpoints.names import fpt
from lfp_tf.checkpoints.names.detectron import TRANSLATIONS as DETECTRON
from lfp_tf.checkpoints.names.translation import TORCH_LEAVES, Pairs, Translation, renamed

# What stands before the names of FPT's block, and before those of the body under a pyramid.
BLOCK = "Conv_Body.fpt."
_BODY_OF_PYRAMID = "Conv_Body.conv_body."
_RPN = {"conv": "conv", "logits": "cls_score", "deltas": "bbox_pred"}
_BOX_OUTPUTS = {"classes": "cls_score", "deltas": "bbox_pred"}
_LEAVES = TORCH_LEAVES | {"scale": "weight", "offset": "bias"}
# Without a pyramid the last stage belongs to the heads, which share it: theirs is the same array.
_LAST_STAGE = re.compile(r"(?:mask_)?(stage4_block\d+_\w+)")
_SHARED_STAGE = re.compile(r"^Mask_Head\.res5\.")


def detectron_torch_name(name: str, options: Mapping) -> str | None:
    """Gives Detectron.pytorch's name of our variable, or None.

    >>> detectron_torch_name("mask_conv2/kernel", {"decoder": "fpn"})
    'Mask_Head.conv_fcn.2.weight'

    Args:
        name: ours, `LAYER/LEAF`, or `LAYER/UNIT/LEAF` in FPT's block.
        options: of the network: those that FPT's names take, `decoder`, which stands where there
            is a pyramid, and `head_norm`.
    """
    layer, leaf = name.rsplit("/", 1)
    head = renamed(layer, _heads(options))
    if head:
        return f"{head}.{_LEAVES[leaf]}"
    if options.get("decoder"):
        theirs = fpt.fpt_name(name, options)
        is_of_block = theirs and not theirs.startswith("Conv_Body.")
        return f"{BLOCK}{theirs}" if is_of_block else theirs
    owner = "Conv_Body."
    if stage := _LAST_STAGE.fullmatch(layer):
        owner, name = "Box_Head.", f"{stage[1]}/{leaf}"
    theirs = fpt.fpt_name(name, options)
    return theirs and theirs.replace(_BODY_OF_PYRAMID, owner)


def _heads(options: Mapping) -> Pairs:
    rpn = "FPN_RPN" if options.get("decoder") else "RPN"
    upsampling = "upconv" if options.get("decoder") else "upconv5"
    has_norm = options.get("head_norm") == "group_norm"

    def place(number, is_norm):
        # Convolution, perhaps its norm, and ReLU follow each other in one list.
        return (int(number) - 1) * (3 if has_norm else 2) + bool(is_norm)

    return (
        (r"rpn_(conv|logits|deltas)", lambda part: f"RPN.{rpn}_{_RPN[part]}"),
        (r"box_conv(\d+)(_norm)?", lambda n, is_norm: f"Box_Head.convs.{place(n, is_norm)}"),
        (r"box_fc(\d)", lambda n: f"Box_Head.fc{'' if _has_one(options) else n}"),
        (r"box_(classes|deltas)", lambda part: f"Box_Outs.{_BOX_OUTPUTS[part]}"),
        (r"mask_conv(\d+)(_norm)?", lambda n, is_norm: f"Mask_Head.conv_fcn.{place(n, is_norm)}"),
        (r"mask_deconv", lambda: f"Mask_Head.{upsampling}"),
        (r"mask_logits", lambda: "Mask_Outs.classify"),
    )


def _has_one(options: Mapping) -> bool:
    """Whether the box head has a single dense layer, behind its convolutions."""
    return options.get("box_head") == "4conv1fc"


def _plain(arrays: dict, notes: list[str]) -> dict:
    """As FPT's; of the last stage, which boxes and masks share, the boxes' copy stays."""
    plain = fpt.TRANSLATIONS["fpt"].plain(arrays, notes)
    return {name: array for name, array in plain.items() if not _is_shared(name, plain)}


def _is_shared(name, arrays):
    of_boxes = _SHARED_STAGE.sub("Box_Head.res5.", name)
    return of_boxes != name and of_boxes in arrays


TRANSLATIONS = {
    "detectron_torch": Translation(
        "detectron_torch",
        detectron_torch_name,
        is_transposed=True,
        plain=_plain,
        flattened=DETECTRON["detectron"].flattened,
        has_affine=True,
        # Keys of their own where the network takes the queries for them.
        indispensable=r"\.conv_ks\.",
    )
}
