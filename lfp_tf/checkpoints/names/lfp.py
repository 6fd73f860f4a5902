"""Learning Feature Pyramids: tensorpack's names, and Torch's of the hourglass.

Sources: wanggrun/Learning-Feature-Pyramids `pyramid/ImageNet/resnet_model.py` and
`pyramid/VOC/resnet_model_voc_aspp.py`; bearpaw/PyraNet. Tensorpack's pyramid ResNets and its plain
ones differ in one trap: `conv3` is the pyramid's reduction in the former and the main branch's last
convolution in the latter.
"""

import re
from collections.abc import Mapping

import numpy as np

from lfp_tf.checkpoints.names.nngraph import plain_names
from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Pairs,
    Translation,
    renamed,
    without_wrappers,
)

_TENSORPACK_LEAVES = {
    "kernel": "W",
    "bias": "b",
    "gamma": "bn/gamma",
    "beta": "bn/beta",
    "moving_mean": "bn/mean/EMA",
    "moving_variance": "bn/variance/EMA",
}
_PYRAMID_PART = {
    "conv1": "conv1",
    "conv2": "conv2",
    "conv3": "conv6",
    "reduce": "conv3",
    "scale1": "conv2f",
    "scale2": "conv2g",
    "scale3": "conv2h",
    "scale4": "conv2i",
    "merge": "conv6aug",
    "projection": "convshortcut",
}
_PLAIN_PART = {
    "conv1": "conv1",
    "conv2": "conv2",
    "conv3": "conv3",
    "projection": "convshortcut",
}
# Mask R-CNN on the pyramid network (wanggrun/Learning-Feature-Pyramids `Mask-RCNN/model.py`).
_DETECTOR = {
    "rpn_conv": "rpn/conv0",
    "rpn_logits": "rpn/class",
    "rpn_deltas": "rpn/box",
    "box_classes": "fastrcnn/class",
    "box_deltas": "fastrcnn/box",
    "mask_deconv": "maskrcnn/deconv",
    "mask_logits": "maskrcnn/conv",
}
# Its boxes and masks have no background, which ours have in front: {layer: outputs a class}.
_WITHOUT_BACKGROUND = {"fastrcnn/box": 4, "maskrcnn/conv": 1}
_ASPP_RATES = {"0": 6, "1": 12, "2": 18, "3": 24}
_HOURGLASS: Pairs = (
    (r"stem_(conv|bn|r\d)", lambda part: f"stem.{part}"),
    (
        r"stack(\d+)_n(\d)_(\w+)_(\d+)",
        lambda stack, depth, branch, number: (
            f"stacks.{int(stack) - 1}.hg.n{depth}.{branch}.{int(number) - 1}"
        ),
    ),
    (r"stack(\d+)_lin_(conv|bn)", lambda stack, kind: f"stacks.{int(stack) - 1}.lin.{kind}"),
    (
        r"stack(\d+)_(bn|out|merge_features|merge_heatmaps)",
        lambda stack, part: f"stacks.{int(stack) - 1}.{part}",
    ),
)
# Averages of a trainer's summaries and its rate, which no pattern of other trainers covers.
_TRAINERS = re.compile(r"^(EMA/|learning_rate$|loss$)")
# The convolutions that are dilated in the VOC network, and have a bias there only.
_DILATED = re.compile(r"^(group[23]/block\d+/conv2[fghi]?)/b$")


def tensorpack_name(name: str, options: Mapping) -> str | None:
    """Gives tensorpack's name of our variable, or None.

    >>> tensorpack_name("stage1_block1/scale1_bn/gamma", {})
    'group0/block0/conv2f/bn/gamma'

    Args:
        name: ours, `LAYER/LEAF`.
        options: of the network: `pyramid` tells the two kinds of blocks apart; `head`, the two of
            the VOC network.
    """
    layer, leaf = name.rsplit("/", 1)
    theirs = renamed(layer, _tensorpack(options))
    return theirs and f"{theirs}/{_TENSORPACK_LEAVES[leaf]}"


def from_tensorpack(arrays: dict, notes: list[str]) -> dict:
    """Takes off suffixes `:0` and leaves out the trainer's; absent biases read as zeros.

    A detector's outputs for boxes and masks get background in front.
    """
    plain, skipped = {}, 0
    for name, array in arrays.items():
        name = name.removesuffix(":0")
        if _TRAINERS.search(name):
            skipped += 1
        else:
            plain[name] = array
    for layer, outputs in _WITHOUT_BACKGROUND.items():
        for name in (f"{layer}/W", f"{layer}/b"):
            if name in plain:
                plain[name] = _with_background(plain[name], outputs)
    if skipped:
        notes.append(f"{skipped} averages and rates of the trainer were skipped")
    return _WithZeroBiases(plain)


def _with_background(array, outputs):
    """Puts zeros in front of the last axis: outputs of the background, which nobody reads."""
    return np.pad(array, [(0, 0)] * (np.ndim(array) - 1) + [(outputs, 0)])


def torch_name(name: str, _: object = None) -> str | None:
    """Gives the hourglass' torch name of our variable, or None (stacks from 0 there)."""
    path, leaf = name.rsplit("/", 1)
    layer, *unit = path.split("/", 1)
    theirs = renamed(layer, _HOURGLASS)
    return theirs and ".".join([theirs, *unit, TORCH_LEAVES[leaf]])


def _from_torch(arrays: dict, _notes: list[str]) -> dict:
    arrays = without_wrappers(arrays)
    return {n: a for n, a in arrays.items() if not n.endswith("num_batches_tracked")}


def _from_nngraph(arrays: dict, notes: list[str]) -> dict:
    """The torch names of a graph's arrays; gradients and buffers of a training are left out."""
    names = plain_names(arrays) or {}
    notes.append(
        "the names of a .t7 follow from the order of its graph, which no released file has "
        "confirmed; compare the network's score with the published one"
    )
    if len(names) < len(arrays):
        notes.append(f"{len(arrays) - len(names)} gradients and buffers were skipped")
    return {name: arrays[path] for path, name in names.items()}


TRANSLATIONS = {
    "tensorpack": Translation("tensorpack", tensorpack_name, plain=from_tensorpack),
    "nngraph": Translation("nngraph", torch_name, is_transposed=True, plain=_from_nngraph),
    "pyranet": Translation("pyranet", torch_name, is_transposed=True, plain=_from_torch),
}


class _WithZeroBiases(dict):
    """A classification file under a dilated network: the dilated convolutions' biases begin at 0.

    A look-up by name gives them, a list of the names does not: a network without these biases
    never meets them.
    """

    def __contains__(self, name):
        return super().__contains__(name) or self._kernel(name) is not None

    def __missing__(self, name):
        kernel = self._kernel(name)
        if kernel is None:
            raise KeyError(name)
        return np.zeros(np.shape(kernel)[-1], np.float32)

    def _kernel(self, name):
        match = _DILATED.match(name) if isinstance(name, str) else None
        return self.get(f"{match[1]}/W") if match and "linear/W" in self.keys() else None


def _tensorpack(options: Mapping) -> Pairs:
    parts = _PYRAMID_PART if options.get("pyramid", True) else _PLAIN_PART
    classifier = "conv102" if options.get("head") == "conv102" else "linear"
    return (
        (r"stem_(?:conv|bn)1", lambda: "conv0"),
        (
            rf"stage(\d)_block(\d+)/({'|'.join(parts)})(?:_bn)?",
            lambda stage, block, part: f"group{int(stage) - 1}/block{int(block) - 1}/{parts[part]}",
        ),
        (
            r"stage(\d)_block(\d+)/bn([123])",
            lambda stage, block, n: (
                f"group{int(stage) - 1}/block{int(block) - 1}/{parts[f'conv{n}']}"
            ),
        ),
        (r"aspp_c([0-3])", lambda branch: f"aspp/aspp{_ASPP_RATES[branch]}"),
        (r"fc", lambda: classifier),
        (rf"({'|'.join(_DETECTOR)})", lambda layer: _DETECTOR[layer]),
    )
