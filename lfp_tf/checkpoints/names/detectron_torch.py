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
# Cells of a pooled box, which dense layers see channel after channel.
_POOLED_CELLS = 7 * 7
# Their lists of levels begin with it.
_FINEST = 2
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
            is a pyramid, `head_norm`, `box_head`, `mask_head` and `mask_convolutions`.
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

    return (
        (r"rpn_(conv|logits|deltas)", lambda part: f"RPN.{rpn}_{_RPN[part]}"),
        *_box_head(options),
        (r"box_(classes|deltas)", lambda part: f"Box_Outs.{_BOX_OUTPUTS[part]}"),
        *_mask_head(options),
        (r"mask_deconv", lambda: f"Mask_Head.{upsampling}"),
        (r"mask_logits", lambda: "Mask_Outs.classify"),
    )


def _box_head(options: Mapping) -> Pairs:
    """The layers of all levels are PANet's, which FPT adds."""
    kind = options.get("box_head")
    # The first convolution of all levels stands in a list of its own.
    first = 2 if kind == "all_levels_4conv1fc" else 1
    # Behind convolutions there is a single dense layer.
    has_one = kind in ("4conv1fc", "all_levels_4conv1fc")

    def dense(number, is_norm):
        pair = _pair(is_norm) if kind in ("2fc_norm", "all_levels_2fc") else ""
        return f"Box_Head.fc{'' if has_one else number}{pair}"

    def convolution(number, is_norm):
        return f"Box_Head.convs.{_in_list(int(number) - first, options, is_norm)}"

    return (
        (r"box_conv1_p(\d)(_norm)?", lambda n, is_norm: _of_level("conv1_head", n, is_norm)),
        (r"box_fc1_p(\d)(_norm)?", lambda n, is_norm: _of_level("fc1", n, is_norm)),
        (r"box_conv(\d+)(_norm)?", convolution),
        (r"box_fc(\d)(_norm)?", dense),
    )


def _mask_head(options: Mapping) -> Pairs:
    """See `_box_head`; with a dense mask the last convolutions have names of their own."""
    kind = options.get("mask_head", "plain")
    first = 1 if kind == "plain" else 2
    last = options.get("mask_convolutions", 4) if kind == "all_levels_fc" else None

    def of_level(level, is_norm):
        return f"Mask_Head.mask_conv1.{int(level) - _FINEST}{_pair(is_norm)}"

    def convolution(number, is_norm):
        if int(number) == last:
            return f"Mask_Head.mask_conv4{_pair(is_norm)}"
        return f"Mask_Head.conv_fcn.{_in_list(int(number) - first, options, is_norm)}"

    def of_dense_mask(number, is_norm):
        return f"Mask_Head.mask_conv{int(number) + 3}_fc{_pair(is_norm)}"

    return (
        (r"mask_conv1_p(\d)(_norm)?", of_level),
        (r"mask_conv(\d+)(_norm)?", convolution),
        (r"mask_fc_conv(\d)(_norm)?", of_dense_mask),
        (r"mask_fc", lambda: "Mask_Head.mask_fc.0"),
    )


def _of_level(name: str, level: str, is_norm: str | None) -> str:
    return f"Box_Head.{name}.{int(level) - _FINEST}{_pair(is_norm)}"


def _in_list(place: int, options: Mapping, is_norm: str | None) -> int:
    """Convolution, perhaps its norm, and ReLU follow each other in one list."""
    return place * (3 if options.get("head_norm") == "group_norm" else 2) + bool(is_norm)


def _pair(is_norm: str | None) -> str:
    """The place in a list of a layer, perhaps its norm, and ReLU."""
    return f".{int(bool(is_norm))}"


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
        flattened={
            **DETECTRON["detectron"].flattened,
            **{f"box_fc1_p{level}/kernel": _POOLED_CELLS for level in (2, 3, 4, 5)},
        },
        has_affine=True,
        # Keys of their own where the network takes the queries for them.
        indispensable=r"\.conv_ks\.",
    )
}
