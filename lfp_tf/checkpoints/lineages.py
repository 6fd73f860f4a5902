"""Where files come from and what that means for the network that runs them."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.names import nngraph
from lfp_tf.checkpoints.names.deeplab import WRAPPERS as DEEPLAB_WRAPPERS
from lfp_tf.checkpoints.names.translation import COUNTER, without_wrappers


@dataclasses.dataclass(frozen=True)
class Lineage:
    """What is known of a file.

    Attributes:
        name: how `inspect` calls it.
        names: key of `load.TRANSLATIONS`, how its variables are called.
        network: what it is a whole network of, as `models.catalog` calls it; None for an ImageNet
            file, whose backbone alone is of use.
        presets: those whose graph can run it; the first is its own.
        form: options that the graph must have; PSPNet's presets say them.
        form_of_heads: options that it must have besides where the file is to fill its heads.
        preprocess: what goes with the file, where no preset says it.
        unread: why no network of ours can take the weights, as the rest of a sentence that begins
            with the file's name; None where one can.
    """

    name: str
    names: str
    network: str | None
    presets: tuple[str, ...] = ()
    form: dict[str, Any] = dataclasses.field(default_factory=dict)
    form_of_heads: dict[str, Any] = dataclasses.field(default_factory=dict)
    preprocess: str | None = None
    unread: str | None = None


# The Caffe form of the ResNet: what all DeepLab files and the first ImageNet ones have.
_CAFFE_FORM = {"stem": "plain", "stride_in": "1x1", "padding": "symmetric"}


def recognise(arrays: Mapping[str, Any]) -> Lineage | None:
    """Finds the lineage of a file from its names.

    Args:
        arrays: {name in the file: array, or anything with a shape}.

    Returns:
        A `Lineage`, or None.
    """
    plain = without_wrappers(dict(arrays))
    names = set(plain)
    known = _others(names) or _pspnet(plain) or _caffe_form(plain) or _lfp(names) or _ours(names)
    return known or _detectron(plain) or _detectron_torch(plain) or _torch7(plain)


def lineage_name(arrays: Mapping[str, Any]) -> str | None:
    """Gives the name of the lineage that a file's names show, or None."""
    lineage = recognise(arrays)
    return lineage.name if lineage else None


# Published files whose training is known, by their names: those of DeepLab's authors, and those of
# kazuto1011/deeplab-pytorch's release v1.0.
_PUBLISHED = (
    (r"train2_iter_20000", "voc", ("train", "val")),
    (r"train_iter_20000", "voc", ("train",)),
    (r"deeplabv2_resnet101_msc-vocaug-20000", "voc", ("train",)),
    (r"deeplabv2_resnet101_msc-vocaug", "voc", ("train", "val")),
    (r"deeplabv2_resnet101_msc-cocostuff10k", "cocostuff10k", ("train",)),
    (r"deeplabv2_resnet101_msc-cocostuff164k", "cocostuff164k", ("train",)),
)


def trained_on(path: str | os.PathLike) -> dict[str, Any] | None:
    """Gives {"dataset", "splits"} of a published file by its name; None where unknown."""
    for pattern, dataset, splits in _PUBLISHED:
        if re.search(pattern, pathlib.PurePath(path).name):
            return {"dataset": dataset, "splits": list(splits)}
    return None


def _others(names):
    """Files that no network of ours can take: they are told by name, never loaded."""
    if names and all(re.search(r"(^|/)vars/\d+$", name) for name in names):
        return Lineage("keras-unnamed", "", None, unread=_UNNAMED)
    if any(re.search(r"(^|\.)layer[56]\.conv2d_list\.\d", name) for name in names):
        return Lineage("deeplabv2-torch-conv2d_list", "", None, unread=_CONV2D_LIST)
    if any(name.startswith("psa.") for name in names):
        return Lineage("psanet-torch", "", None, unread=_PSANET)
    if "backbone.conv1.weight" in names and any(n.startswith("classifier.") for n in names):
        return Lineage("segmentation-torchvision", "", None, unread=_TORCHVISION)
    return None


_CONV2D_LIST = (
    "is a DeepLab v2 with the names of isht7/pytorch-deeplab-resnet; programs with these names "
    "differ in strides and in the branches that they add up, so give a file of "
    "kazuto1011/deeplab-pytorch or the authors' .caffemodel."
)
_UNNAMED = (
    "holds Keras' weights without the names of their layers; save the whole model as .keras or .h5 "
    "and give that."
)
_PSANET = "is a PSANet of hszhao/semseg, not a PSPNet; give a PSPNet or an ImageNet file."
_TORCHVISION = (
    "is a segmentation network of torchvision, which none of ours computes alike; give "
    "torchvision's ImageNet file to --init instead."
)
# All names of an ImageNet file; a name beside them means another network.
_IMAGENET_TORCH = re.compile(
    r"(conv|bn)[123]\.\w+|layer[1-4]\.\d+\.((conv|bn)[123]|downsample\.[01])\.\w+|fc\.\w+"
    rf"|{COUNTER}"
)


def _pspnet(arrays):
    names = set(arrays)
    if "layer0.0.weight" in names:
        return Lineage("pspnet-torch", "torch", "pspnet", ("torch",))
    if {"conv1.weight", "layer1.0.conv1.weight"} <= names and all(
        _IMAGENET_TORCH.fullmatch(name) for name in names
    ):
        if _saw_grey_levels(arrays):
            form = {"stem": "plain", "stride_in": "1x1"}
            name, names = "imagenet-torch-of-caffe", "imagenet_torch"
            return Lineage(name, names, None, form=form, preprocess="detectron")
        form = {"stem": "deep" if "conv2.weight" in names else "plain", "stride_in": "3x3"}
        return Lineage("imagenet-torch", "imagenet_torch", None, form=form, preprocess="torch")
    if "conv1_1_3x3_s2:0" in names:
        return Lineage("pspnet-caffe", "caffe", "pspnet", ("caffe",))
    if any(re.fullmatch(r"(conv1_1_3x3_s2/){1,2}kernel(:0)?", name) for name in names):
        return Lineage("pspnet-keras", "pspnet_keras", "pspnet", ("tf1", "caffe"))
    if "conv1_1_3x3_s2/weights" in names:
        if any(name.endswith(("/scale", "/offset")) for name in names):
            return Lineage("pspnet-tf1-npy", "npy", "pspnet", ("tf1", "caffe"))
        # The KITTI fork's files have the same names; only an explicit preset tells them.
        return Lineage("pspnet-tf1", "tf", "pspnet", ("tf1", "caffe", "kitti"))
    return None


def _saw_grey_levels(arrays):
    """Whether a stem was trained on grey levels 0..255, as Caffe's converted networks were.

    They have torchvision's names and shapes. On inputs of variance 1 no filter's output varies
    more than its squared norm times its taps; on grey levels, whose variance is some 3000, nearly
    all do. Names and shapes alone (a file not yet read) tell nothing.
    """
    kernel, variance = arrays["conv1.weight"], arrays.get("bn1.running_var")
    if not isinstance(kernel, np.ndarray) or not isinstance(variance, np.ndarray):
        return False
    filters = kernel.reshape(len(kernel), -1).astype(np.float64)
    squares = np.sum(filters**2, axis=1)
    if variance.shape != squares.shape or not np.all(squares > 0):
        return False
    return bool(np.median(variance / squares) > filters.shape[1])


def _caffe_form(arrays):
    """DeepLab's torch and Caffe files, Caffe's ResNets, Keras Applications' ResNet-50."""
    plain = set(without_wrappers(dict(arrays), DEEPLAB_WRAPPERS))
    deeplab = {"form": _CAFFE_FORM, "preprocess": "deeplab"}
    if "layer1.conv1.conv.weight" in plain:
        if "fc2.conv3.weight" in plain:
            return Lineage("deeplabv3plus-torch", "deeplab_torch", "deeplabv3plus", **deeplab)
        if "fc1.conv.weight" in plain:
            return Lineage("deeplabv3-torch", "deeplab_torch", "deeplabv3", **deeplab)
        if any(name.startswith("aspp.") for name in plain):
            seed = any(".proj." in name for name in plain)
            name = "deeplabv2-torch-seed" if seed else "deeplabv2-torch"
            presets = ("seed",) if seed else ("newest",)
            return Lineage(name, "deeplab_torch", "deeplabv2", presets, **deeplab)
        is_matrix = any(_is_matrix(a) for n, a in arrays.items() if n.endswith("fc.weight"))
        network = "resnet" if is_matrix else "deeplabv1"
        return Lineage(f"{network}-torch", "deeplab_torch", network, **deeplab)
    if {"conv1:0", "res2a_branch1:0"} <= plain:
        heads = {name.split(":")[0] for name in plain if name.startswith("fc")}
        if any(len(head.split("_")) == 3 for head in heads):
            return Lineage("deeplabv2-caffe", "deeplab_caffe", "deeplabv2", **deeplab)
        is_matrix = any(_is_matrix(a) for n, a in arrays.items() if n.split(":")[0] in heads)
        network = "resnet" if is_matrix else "deeplabv1"
        return Lineage(f"{network}-caffe", "deeplab_caffe", network, **deeplab)
    layers = {name.split(":")[0].split("/")[-2] for name in plain if "/" in name}
    if {"res2a_branch2a", "bn2a_branch2a"} <= layers or "conv2_block1_1_conv" in layers:
        facts = {"form": _CAFFE_FORM, "preprocess": "caffe"}
        return Lineage("imagenet-keras-resnet", "resnet_keras", None, **facts)
    return None


# Blocks of the four stages by depth.
_DEPTHS: dict[tuple[int, ...], int] = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}
# What a tensorpack file is a whole network of, by a variable of its head.
_LFP_HEADS = {
    "linear/W": "lfp_classifier",
    "aspp/aspp6/W": "lfp_segmentation",
    "conv102/W": "lfp_segmentation",
    "rpn/conv0/W": "rcnn_c4",
}

# Its detectors pad so that odd sizes are rounded down, and keep their batch norms.
_TENSORPACK_DETECTOR = {"norm": "batch", "block_padding": "floor", "size_precision": "float32"}


def _lfp(names):
    """Tensorpack's pyramid and plain ResNets, and the hourglass of pyramid residual modules."""
    plain = {name.removesuffix(":0") for name in names}
    if "stem.r1.main_conv1.weight" in plain:
        return Lineage("hourglass-torch", "pyranet", "hourglass", preprocess=None)
    if not {"conv0/W", "group0/block0/conv1/W"} <= plain:
        return None
    is_pyramid = "group0/block0/conv6aug/W" in plain
    form = {"backbone": "pyramid_resnet", "pyramid": is_pyramid}
    groups = [
        {name.split("/")[1] for name in plain if name.startswith(f"group{group}/")}
        for group in range(4)
    ]
    depth = _DEPTHS.get(tuple(len(blocks) for blocks in groups))
    form |= {"depth": depth} if depth else {}
    form |= {"dilated_bias": True} if "group2/block0/conv2/b" in plain else {}
    network = next((network for name, network in _LFP_HEADS.items() if name in plain), None)
    form |= _TENSORPACK_DETECTOR if network == "rcnn_c4" else {}
    name = f"{network or 'backbone'}-tensorpack" + ("" if is_pyramid else "-plain")
    return Lineage(name, "tensorpack", network, form=form, preprocess="imagenet_bgr")


# The first convolution of a bottleneck in Detectron's files and in Detectron.pytorch's.
_DETECTRON_BLOCK = re.compile(r"res([2-5])_(\d+)_branch2a_w")
_DETECTRON_TORCH_BLOCK = re.compile(
    r"(?:Conv_Body\.(?:conv_body\.)?|Box_Head\.)res([2-5])\.(\d+)\.conv1\.weight"
)


def _detectron(arrays):
    """Detectron's files: ImageNet backbones, detectors with a pyramid and on one map."""
    is_backbone = {"conv1_w", "res2_0_branch2a_w"} <= arrays.keys()
    if not is_backbone and not {"cls_score_w", "bbox_pred_w"} <= arrays.keys():
        return None
    form = _body_form(arrays, _DETECTRON_BLOCK, "res2_0_branch2b_w", "res2_0_branch2a_gn_s")
    if any(name.startswith("retnet_") for name in arrays):
        # Its backbone and pyramid are those of other detectors; its heads are not.
        return Lineage("retinanet-detectron", "detectron", None, form=form, preprocess="detectron")
    if "conv_rpn_w" in arrays or ("cls_score_w" in arrays and "fc6_w" not in arrays):
        return _detector("rcnn_c4", "detectron", form)
    if not {"cls_score_w", "conv_rpn_fpn2_w"} & arrays.keys():
        return Lineage("imagenet-detectron", "detectron", None, form=form, preprocess="detectron")
    pyramid_norm = any(re.match(r"fpn_inner_res5_\d+_sum_gn_s$", name) for name in arrays)
    heads = _pyramid_form(
        pyramid_norm=pyramid_norm,
        head_norm=bool({"head_conv1_gn_s", "_mask_fcn1_gn_s"} & arrays.keys()),
        has_convolutions="head_conv1_w" in arrays,
    )
    return _detector("rcnn", "detectron", form, form_of_heads=heads)


def _detectron_torch(arrays):
    """Detectron.pytorch's training files, and those of FPT, which began as a copy of it."""
    if not any(name.startswith(("Conv_Body.", "Box_Head.")) for name in arrays):
        return None
    is_c4 = "Conv_Body.res1.conv1.weight" in arrays
    body = f"Conv_Body.{'' if is_c4 else 'conv_body.'}res2.0"
    form = _body_form(arrays, _DETECTRON_TORCH_BLOCK, f"{body}.conv2.weight", f"{body}.gn1.weight")
    if any(name.startswith("Conv_Body.fpt.") for name in arrays):
        form |= _block_form(arrays)
        heads = _fpt_heads(arrays)
        lineage = Lineage("rcnn-fpt", "detectron_torch", "rcnn", form=form, form_of_heads=heads)
        return dataclasses.replace(lineage, preprocess="detectron")
    if is_c4:
        return _detector("rcnn_c4", "detectron_torch", form)
    heads = _pyramid_form(
        pyramid_norm="Conv_Body.conv_top.1.weight" in arrays,
        head_norm=bool({"Box_Head.convs.1.weight", "Mask_Head.conv_fcn.1.weight"} & arrays.keys()),
        has_convolutions="Box_Head.convs.0.weight" in arrays,
    )
    return _detector("rcnn", "detectron_torch", form, form_of_heads=heads)


_FPT = "Conv_Body.fpt."


def _block_form(arrays):
    """The preset of FPT's block and the pyramid under it, as far as its names tell them."""
    form = {}
    if any(name.startswith(f"{_FPT}rt_") for name in arrays):
        is_paper = any(name.endswith(".conv_out.weight") for name in arrays)
        form["transformer"] = "paper" if is_paper else "released_code"
    if any(name.startswith(f"{_FPT}fpn_p5_1x1.") for name in arrays):
        form["decoder"] = "bfp"
        norms = {f"{_FPT}fpn_p5_1x1.1.weight": "group_norm"}
        norms[f"{_FPT}fpn_p5_1x1.1.running_mean"] = "batch_norm"
        form["pyramid_norm"] = _told(norms, arrays, "none")
    return form


def _fpt_heads(arrays):
    """The heads of an FPT detector: PANet's, or Detectron's."""
    boxes = {
        "Box_Head.convs.0.weight": "4conv1fc",
        "Box_Head.fc1.0.weight": "2fc_norm",
        "Box_Head.fc1.0.0.weight": "all_levels_2fc",
        "Box_Head.conv1_head.0.0.weight": "all_levels_4conv1fc",
    }
    masks = {
        "Mask_Head.mask_conv1.0.0.weight": "all_levels",
        "Mask_Head.mask_fc.0.weight": "all_levels_fc",
    }
    norms = ("Box_Head.convs.1", "Box_Head.fc2.1", "Mask_Head.conv_fcn.1")
    has_norm = any(f"{name}.weight" in arrays for name in norms)
    form = {
        "box_head": _told(boxes, arrays, "2fc"),
        "head_norm": "group_norm" if has_norm else "none",
    }
    has_masks = any(name.startswith("Mask_Head.") for name in arrays)
    return form | ({"mask_head": _told(masks, arrays, "plain")} if has_masks else {})


def _told(values, names, otherwise):
    """The last of {name: value} whose name is there."""
    return next((values[name] for name in reversed(values) if name in names), otherwise)


def _detector(network, names, form, **more):
    """A whole detector of Detectron's lineages, which share their preprocessing."""
    return Lineage(f"{network}-{names}", names, network, form=form, preprocess="detectron", **more)


def _body_form(arrays, block, grouped, group_norm):
    """The options of a detector's ResNet that its names and shapes tell.

    Args:
        arrays: {name: anything with a shape}.
        block: pattern of the first convolution of each block, with the stage and the block.
        grouped: name of the first block's 3x3 convolution, [out, in / groups, 3, 3].
        group_norm: name of a variable that only a body with group norm has.
    """
    matches = [match for name in arrays if (match := block.fullmatch(name))]
    blocks = tuple(sum(match[1] == stage for match in matches) for stage in "2345")
    form = {"backbone": "resnet", "stem": "plain"}
    form |= {"depth": _DEPTHS[blocks]} if blocks in _DEPTHS else {}
    if not matches:
        return form
    is_group = group_norm in arrays
    out, width = (*np.shape(arrays[grouped]), 0, 0)[:2] if grouped in arrays else (0, 0)
    groups = out // width if width else 1
    if groups > 1:
        form |= {"resnet_groups": groups, "width_per_group": width}
    # MSRA's ResNets have the stride in the first 1x1; those that Caffe2 trained, in the 3x3
    # (Detectron's configurations, RESNETS.STRIDE_1X1).
    in_3x3 = is_group or groups > 1
    return form | {"norm": "group" if is_group else "affine", "stride_in": _PLACES[in_3x3]}


_PLACES = {True: "3x3", False: "1x1"}


def _pyramid_form(*, pyramid_norm, head_norm, has_convolutions):
    """The options of a detector with a pyramid."""
    norms = {True: "group_norm", False: "none"}
    return {
        "decoder": "fpn",
        "pyramid_norm": norms[pyramid_norm],
        "head_norm": norms[head_norm],
        "box_head": "4conv1fc" if has_convolutions else "2fc",
    }


def _torch7(arrays):
    """Graphs of modules without names: the stacked hourglass by its layers' kinds and order."""
    if nngraph.plain_names(arrays):
        return Lineage("hourglass-torch7", "nngraph", "hourglass", preprocess=None)
    return None


def _is_matrix(array):
    """Whether an array is a matrix, in Caffe's old shapes [1, 1, out, in] too."""
    shape = np.shape(array)
    return len(shape) == 2 or (len(shape) == 4 and shape[:2] == (1, 1) and shape[2] > 1)


def _ours(names):
    """Files of our own names, and Keras' MobileNetV2, which ours are called after."""
    keras = {"/".join(name.split(":")[0].split("/")[-2:]) for name in names}
    if "Conv1/kernel" in keras and _DEPTHWISE & keras:
        network = _network_of_ours(keras)
        name = f"{network}-mobilenet_v2" if network else "imagenet-keras-mobilenet_v2"
        return Lineage(name, "keras", network)
    if "stem_r1/join_conv/kernel" in names or "stack1_out/kernel" in names:
        return Lineage("hourglass-lfp_tf", "keras", "hourglass")
    if "stage1_block1/conv1/kernel" in names:
        if "stage4_block1/conv2/bias" in names:
            return Lineage("lfp_segmentation-lfp_tf", "keras", "lfp_segmentation")
        if "fc/kernel" in names:
            return Lineage("lfp_classifier-lfp_tf", "keras", "lfp_classifier")
    network = _network_of_ours(names)
    return Lineage(f"{network}-lfp_tf", "keras", network) if network else None


def _network_of_ours(names):
    """The network that a head of these names belongs to, or None."""
    if "rpn_conv/kernel" in names:
        return "rcnn" if "fpn_lateral5/kernel" in names else "rcnn_c4"
    heads = (network for head, network in _OUR_HEADS.items() if f"{head}/kernel" in names)
    return next(heads, None)


# In Keras 2 and in Keras 3.
_DEPTHWISE = {f"expanded_conv_depthwise/{leaf}" for leaf in ("depthwise_kernel", "kernel")}
_OUR_HEADS = {
    "cls_logits": "pspnet",
    "aspp_c1": "deeplabv2",
    "fc2_conv3": "deeplabv3plus",
    "fc2": "deeplabv3",
}
