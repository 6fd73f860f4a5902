"""Detectron's blob names: ResNets, pyramids, and the heads of Faster and Mask R-CNN.

Sources: facebookresearch/Detectron `detectron/modeling/{ResNet,FPN,rpn_heads,fast_rcnn_heads,
mask_rcnn_heads}.py`. A name with brackets is literally so in the files.
"""

import re
from collections.abc import Mapping

from lfp_tf.checkpoints.names.translation import Pairs, Translation, renamed
from lfp_tf.options import RESNET_BLOCKS

_LEAVES = {
    "kernel": "_w",
    "bias": "_b",
    "scale": "_bn_s",
    "offset": "_bn_b",
    "gamma": "_gn_s",
    "beta": "_gn_b",
    "table": "",
}
_GROUP_NORM = ("gamma", "beta")
_BRANCH = {"1": "2a", "2": "2b", "3": "2c"}
_RPN = {"conv": "conv_rpn", "logits": "rpn_cls_logits", "deltas": "rpn_bbox_pred"}
_BOX = {"fc1": "fc6", "fc2": "fc7", "classes": "cls_score", "deltas": "bbox_pred"}
_MASK = {"deconv": "conv5_mask", "logits": "mask_fcn_logits"}
# Of MaskX R-CNN; the computed kernel is called `mask_fcn_logits_w`, as the learnt one.
_TRANSFER = {
    "fc1": "bbox2mask_mlp_l1",
    "fc2": "bbox2mask_mlp_l2",
    "out": "mask_fcn_logits_w_flat",
}
_MLP = {
    "fc1": "fc_mask_head_mlp_l1",
    "fc2": "fc_mask_head_mlp_l2",
    "out": "mask_mlp_logits_raw",
}
_EMBEDDINGS = {"glove": "v_glove", "random": "v_randn_0"}
# The mask head's own copy of the last stage, which C4 networks may have.
_OF_MASKS = "_[mask]_"
# Left by the optimizer beside each learnt blob.
_MOMENTUM = re.compile(r"_momentum$")
# The coarsest level that has a stage of its own.
_TOP = 5
# Cells of the pooled map that the first dense layer sees, channel after channel there.
_POOLED_CELLS = 7 * 7


def detectron_name(name: str, options: Mapping) -> str | None:
    """Gives Detectron's name of our variable, or None.

    >>> detectron_name("fpn_lateral4/kernel", {"depth": 50, "decoder": "fpn"})
    'fpn_inner_res4_5_sum_lateral_w'

    Args:
        name: ours, `LAYER/LEAF`.
        options: of the network: `depth` and `blocks` tell the last block of each stage; `decoder`
            stands where there is a pyramid, whose RPN has names of its own; with `head_norm`
            `group_norm` the mask head has its names without brackets; `transfer_input` tells a
            table of word vectors from one of random ones.
    """
    layer, leaf = name.rsplit("/", 1)
    theirs = renamed(layer, _pairs(leaf, options))
    return f"{theirs}{_LEAVES[leaf]}" if theirs and leaf in _LEAVES else None


def _pairs(leaf: str, options: Mapping) -> Pairs:
    rpn = "_fpn2" if options.get("decoder") else ""
    mask = "_mask_fcn" if options.get("head_norm") == "group_norm" else "_[mask]_fcn"
    return (
        (r"stem_conv1", lambda: "conv1"),
        (r"stem_bn1", lambda: "conv1" if leaf in _GROUP_NORM else "res_conv1"),
        (
            r"(mask_)?stage(\d)_block(\d+)_(?:conv|bn)(\d)",
            lambda mask, stage, block, n: f"{_block(mask, stage, block)}_branch{_BRANCH[n]}",
        ),
        (
            r"(mask_)?stage(\d)_block(\d+)_projection(?:_bn)?",
            lambda mask, stage, block: f"{_block(mask, stage, block)}_branch1",
        ),
        (r"fpn_lateral(\d)(?:_norm)?", lambda level: _lateral(int(level), options)),
        (r"fpn_output(\d)(?:_norm)?", lambda level: f"fpn_{_stage_sum(int(level), options)}"),
        (r"rpn_(conv|logits|deltas)", lambda part: f"{_RPN[part]}{rpn}"),
        (r"box_(fc1|fc2|classes|deltas)", lambda part: _BOX[part]),
        (r"box_conv(\d+)(?:_norm)?", lambda number: f"head_conv{number}"),
        (r"mask_conv(\d+)(?:_norm)?", lambda number: f"{mask}{number}"),
        (r"mask_(deconv|logits)", lambda part: _MASK[part]),
        (r"transfer_(fc1|fc2|out)", lambda part: _TRANSFER[part]),
        (r"mask_mlp_(fc1|fc2|out)", lambda part: _MLP[part]),
        (r"transfer_embedding", lambda: _EMBEDDINGS.get(options.get("transfer_input", ""))),
    )


def _block(mask: str | None, stage: str, block: str) -> str:
    return f"{_OF_MASKS if mask else ''}res{int(stage) + 1}_{int(block) - 1}"


def _lateral(level: int, options: Mapping) -> str | None:
    """A pyramid without a way down (`bfp`) is none of Detectron's."""
    if options.get("decoder") == "bfp":
        return None
    return f"fpn_inner_{_stage_sum(level, options)}{'' if level == _TOP else '_lateral'}"


def _stage_sum(level: int, options: Mapping) -> str:
    """What the last block of a stage adds up to: `res4_5_sum` at depth 50."""
    blocks = options.get("blocks") or RESNET_BLOCKS[options.get("depth", 50)]
    return f"res{level}_{blocks[level - 2] - 1}_sum"


def _plain(arrays: dict, notes: list[str]) -> dict:
    """Without momentum blobs; a mask head's absent copy of a stage reads as the stage itself."""
    plain = {name: array for name, array in arrays.items() if not _MOMENTUM.search(name)}
    if len(plain) < len(arrays):
        notes.append(f"{len(arrays) - len(plain)} momentum blobs were skipped")
    return _WithSharedStage(plain)


class _WithSharedStage(dict):
    """`_[mask]_res5_0_branch2a_w` is `res5_0_branch2a_w` where it is absent, as Detectron reads.

    A look-up by name gives it, a list of the names does not.
    """

    def __contains__(self, name):
        return super().__contains__(name) or super().__contains__(_without_mask(name))

    def __missing__(self, name):
        shared = _without_mask(name)
        if shared == name:
            raise KeyError(name)
        return self[shared]


def _without_mask(name):
    return name.removeprefix(_OF_MASKS)


TRANSLATIONS = {
    "detectron": Translation(
        "detectron",
        detectron_name,
        is_transposed=True,
        plain=_plain,
        has_affine=True,
        flattened={"box_fc1/kernel": _POOLED_CELLS},
    )
}
