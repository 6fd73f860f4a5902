"""Networks in Caffe's form of the ResNet: DeepLab v1 to v3+ and plain ResNets.

Every source is brought to the names of `kazuto1011/deeplab-pytorch` (newest revision, without the
prefix of its multi-scale wrapper) with kernels [out, in, kh, kw], and those to ours.
"""

import re

import numpy as np

from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Pairs,
    Translation,
    renamed,
    without_wrappers,
)

# Prefixes of the multi-scale wrapper: the newest and the first revision
# (kazuto1011/deeplab-pytorch `libs/models/msc.py`).
WRAPPERS = ("base.", "scale.")
_PART = {"1": "reduce", "2": "conv3x3", "3": "increase"}
_PAIRS: Pairs = (
    (r"stem_(conv|bn)1", lambda kind: f"layer1.conv1.{kind}"),
    (
        r"stage(\d)_block(\d+)_(conv|bn)(\d)",
        lambda stage, block, kind, n: f"layer{int(stage) + 1}.block{block}.{_PART[n]}.{kind}",
    ),
    (
        r"stage(\d)_block1_projection(_bn)?",
        lambda stage, bn: f"layer{int(stage) + 1}.block1.shortcut.{'bn' if bn else 'conv'}",
    ),
    (r"aspp_(c\d)", lambda branch: f"aspp.{branch}"),
    (r"aspp_(c\d)_(conv|bn)", lambda branch, kind: f"aspp.stages.{branch}.{kind}"),
    (r"aspp_imagepool_(conv|bn)", lambda kind: f"aspp.stages.imagepool.conv.{kind}"),
    (r"(fc1|reduce)_(conv|bn)", lambda layer, kind: f"{layer}.{kind}"),
    (r"fc2_(conv|bn)([12])", lambda kind, n: f"fc2.conv{n}.{kind}"),
    (r"fc2_conv3", lambda: "fc2.conv3"),
    (r"(fc2|fc)", lambda layer: layer),
)
_BRANCH = {"1": "shortcut", "2a": "reduce", "2b": "conv3x3", "2c": "increase"}
_KIND = {"res": "conv", "bn": "bn"}
# From Caffe's layers: `res3b1_branch2a` as `layer3.block2.reduce.conv`.
_FROM_CAFFE: Pairs = (
    (r"conv1", lambda: "layer1.conv1.conv"),
    (r"bn_conv1", lambda: "layer1.conv1.bn"),
    (
        r"(res|bn)(\d)([a-z])(\d*)_branch(1|2a|2b|2c)",
        lambda kind, stage, letter, number, branch: (
            f"layer{stage}.block{_block(letter, number)}.{_BRANCH[branch]}.{_KIND[kind]}"
        ),
    ),
    # The four classifiers of ASPP have names of three parts, `fc1_voc12_c0`.
    (r"fc[^_]*_[^_]*_([^_]*)", lambda branch: f"aspp.{branch}"),
    (r"fc.*", lambda: "fc"),
)
_KERAS_PART = {"0": "shortcut"} | _PART
# From Keras' new layer names; its old ones are Caffe's own.
_FROM_KERAS: Pairs = (
    (r"conv1_(conv|bn)", lambda kind: f"layer1.conv1.{kind}"),
    (
        r"conv(\d)_block(\d+)_([0-3])_(conv|bn)",
        lambda stage, block, n, kind: f"layer{stage}.block{block}.{_KERAS_PART[n]}.{kind}",
    ),
    (r"predictions", lambda: "fc"),
    *_FROM_CAFFE,
)
# Batch norm's epsilon there is 1.001e-5; ours of 1e-5 gives the same sum with this on the variance.
_KERAS_EPSILON = 1e-8


def their_name(name: str, _: object = None) -> str | None:
    """Gives the newest revision's name of our variable, or None.

    >>> their_name("stage1_block1_conv2/kernel")
    'layer2.block1.conv3x3.conv.weight'
    """
    layer, leaf = name.rsplit("/", 1)
    theirs = renamed(layer, _PAIRS)
    return theirs and f"{theirs}.{TORCH_LEAVES[leaf]}"


def from_torch(arrays: dict, _notes: list[str]) -> dict:
    """Brings files of both revisions to one form: no prefix, the newest revision's words."""
    return {
        re.sub(r"^aspp\.stages\.(c\d)\.(weight|bias)$", r"aspp.\1.\2", name).replace(
            ".proj.", ".shortcut."
        ): array
        for name, array in without_wrappers(arrays, WRAPPERS).items()
    }


def from_caffe(arrays: dict, notes: list[str]) -> dict:
    """Reads a `.caffemodel` by torch names (kazuto1011/deeplab-pytorch `convert.py:26-150`).

    Mean and variance are divided by their factor, and each Scale is joined to its norm. The layers
    `res075` and `res05` are the shared copies of the multi-scale net and left out.
    """
    plain, norm, copies = {}, None, set()
    for layer, blobs in _layers(arrays):
        if "res075" in layer or "res05" in layer:
            copies.add(layer)
        elif _is_norm(layer, blobs):
            norm = renamed(layer, _FROM_CAFFE)
            factor = float(np.asarray(blobs[2]).reshape(-1)[0]) or 1.0
            plain[f"{norm}.running_mean"] = np.asarray(blobs[0]).reshape(-1) / factor
            plain[f"{norm}.running_var"] = np.asarray(blobs[1]).reshape(-1) / factor
        elif norm:
            # The layer behind a norm is its Scale, whatever it is called.
            plain[f"{norm}.weight"] = np.asarray(blobs[0]).reshape(-1)
            bias = blobs[1] if len(blobs) > 1 else np.zeros_like(blobs[0])
            plain[f"{norm}.bias"] = np.asarray(bias).reshape(-1)
            norm = None
        else:
            path = renamed(layer, _FROM_CAFFE) or layer
            plain[f"{path}.weight"] = _squeezed(blobs[0])
            if len(blobs) > 1:
                plain[f"{path}.bias"] = np.asarray(blobs[1]).reshape(-1)
    if copies:
        notes.append(f"{len(copies)} layers of the shared multi-scale copies were skipped")
    return _without_biases(plain, notes)


def from_keras(arrays: dict, notes: list[str]) -> dict:
    """Reads Keras Applications' ResNet-50, old and new names; biases go into the norms."""
    plain = {}
    for name, array in arrays.items():
        layer, leaf = name.split(":")[0].split("/")[-2:]
        path = renamed(layer, _FROM_KERAS) or layer
        leaf = TORCH_LEAVES.get(leaf, leaf)
        array = np.asarray(array)
        if leaf == "weight" and array.ndim in (2, 4):
            array = array.transpose((3, 2, 0, 1) if array.ndim == 4 else (1, 0))
        if leaf == "running_var":
            array = array + np.float32(_KERAS_EPSILON)
        plain[f"{path}.{leaf}"] = array
    return _without_biases(plain, notes)


TRANSLATIONS = {
    name: Translation(name, their_name, is_transposed=True, plain=plain)
    for name, plain in (
        ("deeplab_torch", from_torch),
        ("deeplab_caffe", from_caffe),
        ("resnet_keras", from_keras),
    )
}


def _layers(arrays):
    """[(layer, its blobs)] in the file's order."""
    layers = {}
    for name, blob in arrays.items():
        layers.setdefault(name.rsplit(":", 1)[0], []).append(blob)
    return layers.items()


def _is_norm(layer, blobs):
    is_one = len(blobs) == 3 and np.asarray(blobs[2]).size == 1
    return is_one and layer.startswith("bn") and renamed(layer, _FROM_CAFFE) is not None


def _without_biases(arrays, notes):
    """Convolutions before a norm have none here: a bias moves the running mean by as much."""
    count = 0
    for name in [n for n in arrays if n.endswith(".conv.bias")]:
        mean = name.replace(".conv.bias", ".bn.running_mean")
        if mean in arrays:
            arrays[mean] = arrays[mean] - arrays.pop(name)
            count += 1
    if count:
        notes.append(f"{count} biases of convolutions were subtracted from their norms' means")
    return arrays


def _block(letter: str, number: str) -> int:
    """The number of a block: `b1` is 2, as is `b`."""
    return int(number) + 1 if number else ord(letter) - ord("a") + 1


def _squeezed(blob):
    """Old files give a matrix as [1, 1, out, in]."""
    blob = np.asarray(blob)
    return blob.reshape(blob.shape[2:]) if blob.ndim == 4 and blob.shape[:2] == (1, 1) else blob
