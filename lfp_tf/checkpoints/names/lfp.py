"""Learning Feature Pyramids: tensorpack's names, and Torch's of the hourglass.

Tensorpack's pyramid ResNets and its plain ones differ in one trap: `conv3` is the pyramid's
reduction in the former and the main branch's last convolution in the latter.
"""

import re

import numpy as np

from lfp_tf.checkpoints.names.translation import TORCH_LEAVES, Translation, without_module

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
_ASPP_RATES = (6, 12, 18, 24)
# Averages of a trainer's summaries and its rate, which no pattern of other trainers covers.
_TRAINERS = re.compile(r"^(EMA/|learning_rate$|loss$)")
# The convolutions that are dilated in the VOC network, and have a bias there only.
_DILATED = re.compile(r"^(group[23]/block\d+/conv2[fghi]?)/b$")


def tensorpack_name(name, options):
    """What tensorpack calls a variable of ours, or None.

    Args:
        name: ours, `stage1_block1/scale1_bn/gamma`.
        options: of the network: `pyramid` tells the two kinds of blocks apart; `head`, the two of
            the VOC network.
    """
    layer, leaf = name.rsplit("/", 1)
    place = _tensorpack_place(layer, options)
    return place and f"{place}/{_TENSORPACK_LEAVES[leaf]}"


def from_tensorpack(arrays, notes):
    """Suffixes `:0` off, what the trainer left out; biases that are not there read as zeros."""
    found, skipped = {}, 0
    for name, array in arrays.items():
        name = name.removesuffix(":0")
        if _TRAINERS.search(name):
            skipped += 1
        else:
            found[name] = array
    if skipped:
        notes.append(f"{skipped} averages and rates of the trainer were skipped")
    return _WithZeroBiases(found)


def torch_name(name, _=None):
    """What the hourglass' torch form calls a variable of ours, or None (stacks from 0 there)."""
    layer, leaf = name.rsplit("/", 1)
    place = _torch_place(layer)
    return place and f"{place}.{TORCH_LEAVES[leaf]}"


def _from_torch(arrays, _notes):
    arrays = without_module(arrays)
    return {n: a for n, a in arrays.items() if not n.endswith("num_batches_tracked")}


TRANSLATIONS = {
    "tensorpack": Translation("tensorpack", tensorpack_name, plain=from_tensorpack),
    "pyranet": Translation("pyranet", torch_name, is_transposed=True, plain=_from_torch),
}


class _WithZeroBiases(dict):
    """A classification file under a dilated network: the dilated convolutions' biases begin at 0.

    They are found by name but not listed, so that a network without them does not see them.
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


def _tensorpack_place(layer, options):
    if layer in ("stem_conv1", "stem_bn1"):
        return "conv0"
    if match := re.fullmatch(r"stage(\d)_block(\d+)/(\w+)", layer):
        part = re.sub(r"^bn(\d)$", r"conv\1", match[3]).removesuffix("_bn")
        parts = _PYRAMID_PART if options.get("pyramid", True) else _PLAIN_PART
        if part not in parts:
            return None
        return f"group{int(match[1]) - 1}/block{int(match[2]) - 1}/{parts[part]}"
    if match := re.fullmatch(r"aspp_c([0-3])", layer):
        rate = _ASPP_RATES[int(match[1])]
        return f"aspp/aspp{rate}"
    if layer == "fc":
        return "conv102" if options.get("head") == "conv102" else "linear"
    return None


def _torch_place(layer):
    layer, _, unit = layer.partition("/")
    unit = f".{unit}" if unit else ""
    if match := re.fullmatch(r"stem_(conv|bn|r\d)", layer):
        return f"stem.{match[1]}{unit}"
    if match := re.fullmatch(r"stack(\d+)_n(\d)_(\w+)_(\d+)", layer):
        stack, depth, place, number = match.groups()
        return f"stacks.{int(stack) - 1}.hg.n{depth}.{place}.{int(number) - 1}{unit}"
    if match := re.fullmatch(r"stack(\d+)_lin_(conv|bn)", layer):
        return f"stacks.{int(match[1]) - 1}.lin.{match[2]}"
    if match := re.fullmatch(r"stack(\d+)_(bn|out|merge_features|merge_heatmaps)", layer):
        return f"stacks.{int(match[1]) - 1}.{match[2]}"
    return None
