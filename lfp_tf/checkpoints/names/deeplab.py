"""Networks in Caffe's form of the ResNet: DeepLab v1 to v3+ and plain ResNets.

Every source is brought to the names of `kazuto1011/deeplab-pytorch` (newest revision, without the
prefix of its multi-scale wrapper) with kernels [out, in, kh, kw], and those to ours.
"""

import re

import numpy as np

from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Translation,
    without_module,
)

# Prefixes of the multi-scale wrapper: newest and first revision (deeplabv2 spec 3.1, 3.2).
WRAPPERS = ("base.", "scale.")
_BLOCK = {"conv1": "reduce", "conv2": "conv3x3", "conv3": "increase", "projection": "shortcut"}
_BRANCH = {"1": "shortcut", "2a": "reduce", "2b": "conv3x3", "2c": "increase"}
_KERAS_PART = {"0": "shortcut", "1": "reduce", "2": "conv3x3", "3": "increase"}
# Batch norm's epsilon there is 1.001e-5; ours of 1e-5 gives the same sum with this on the variance.
_KERAS_EPSILON = 1e-8


def their_name(name, _=None):
    """The newest revision's name of a variable of ours, or None."""
    layer, leaf = name.rsplit("/", 1)
    place = _place(layer)
    return place and f"{place}.{TORCH_LEAVES[leaf]}"


def from_torch(arrays, _notes):
    """Files of both revisions: prefixes taken off, the first revision's words renewed."""
    arrays = without_module(arrays)
    for prefix in WRAPPERS:
        if all(name.startswith(prefix) for name in arrays):
            arrays = {name.removeprefix(prefix): array for name, array in arrays.items()}
    return {
        re.sub(r"^aspp\.stages\.(c\d)\.(weight|bias)$", r"aspp.\1.\2", name).replace(
            ".proj.", ".shortcut."
        ): array
        for name, array in arrays.items()
    }


def from_caffe(arrays, notes):
    """A `.caffemodel`: mean and variance over their factor, each Scale joined to its norm (3.3).

    The layers `res075` and `res05` are the shared copies of the multi-scale net and left out.
    """
    found, norm, copies = {}, None, set()
    for layer, blobs in _layers(arrays):
        if "res075" in layer or "res05" in layer:
            copies.add(layer)
        elif _is_norm(layer, blobs):
            norm = _caffe_place(layer)
            factor = float(np.asarray(blobs[2]).reshape(-1)[0]) or 1.0
            found[f"{norm}.running_mean"] = np.asarray(blobs[0]).reshape(-1) / factor
            found[f"{norm}.running_var"] = np.asarray(blobs[1]).reshape(-1) / factor
        elif norm:
            # The layer behind a norm is its Scale, whatever it is called.
            found[f"{norm}.weight"] = np.asarray(blobs[0]).reshape(-1)
            bias = blobs[1] if len(blobs) > 1 else np.zeros_like(blobs[0])
            found[f"{norm}.bias"] = np.asarray(bias).reshape(-1)
            norm = None
        else:
            place = _caffe_place(layer) or layer
            found[f"{place}.weight"] = _squeezed(blobs[0])
            if len(blobs) > 1:
                found[f"{place}.bias"] = np.asarray(blobs[1]).reshape(-1)
    if copies:
        notes.append(f"{len(copies)} layers of the shared multi-scale copies were skipped")
    return _without_biases(found, notes)


def from_keras(arrays, notes):
    """Keras Applications' ResNet-50, of old and new layer names, biases brought into the norms."""
    found = {}
    for name, array in arrays.items():
        layer, leaf = name.split(":")[0].split("/")[-2:]
        place = _keras_place(layer)
        leaf = TORCH_LEAVES.get(leaf, leaf)
        array = np.asarray(array)
        if leaf == "weight" and array.ndim in (2, 4):
            array = array.transpose((3, 2, 0, 1) if array.ndim == 4 else (1, 0))
        if leaf == "running_var":
            array = array + np.float32(_KERAS_EPSILON)
        found[f"{place or layer}.{leaf}"] = array
    return _without_biases(found, notes)


TRANSLATIONS = {
    name: Translation(name, their_name, is_transposed=True, plain=plain)
    for name, plain in (
        ("deeplab_torch", from_torch),
        ("deeplab_caffe", from_caffe),
        ("resnet_keras", from_keras),
    )
}


def _place(layer):
    """The path of a layer of ours in the newest revision, its leaf aside."""
    if match := re.fullmatch(r"stem_(conv|bn)1", layer):
        return f"layer1.conv1.{match[1]}"
    if match := re.fullmatch(r"stage(\d)_block(\d+)_(conv|bn)(\d)", layer):
        return f"layer{int(match[1]) + 1}.block{match[2]}.{_BLOCK[f'conv{match[4]}']}.{match[3]}"
    if match := re.fullmatch(r"stage(\d)_block1_projection(_bn)?", layer):
        return f"layer{int(match[1]) + 1}.block1.shortcut.{'bn' if match[2] else 'conv'}"
    if match := re.fullmatch(r"aspp_(c\d)", layer):
        return f"aspp.{match[1]}"
    if match := re.fullmatch(r"aspp_(c\d|imagepool)_(conv|bn)", layer):
        inner = "imagepool.conv" if match[1] == "imagepool" else match[1]
        return f"aspp.stages.{inner}.{match[2]}"
    if match := re.fullmatch(r"(fc1|reduce)_(conv|bn)", layer):
        return f"{match[1]}.{match[2]}"
    if match := re.fullmatch(r"fc2_(conv|bn)([12])", layer):
        return f"fc2.conv{match[2]}.{match[1]}"
    return {"fc2_conv3": "fc2.conv3", "fc2": "fc2", "fc": "fc"}.get(layer)


def _layers(arrays):
    """[(layer, its blobs)] in the file's order."""
    layers = {}
    for name, blob in arrays.items():
        layers.setdefault(name.rsplit(":", 1)[0], []).append(blob)
    return layers.items()


def _is_norm(layer, blobs):
    is_one = len(blobs) == 3 and np.asarray(blobs[2]).size == 1
    return is_one and layer.startswith("bn") and _caffe_place(layer) is not None


def _caffe_place(layer):
    """`res3b1_branch2a` as `layer3.block2.reduce.conv`, `bn_conv1` as `layer1.conv1.bn`."""
    if layer in ("conv1", "bn_conv1"):
        return f"layer1.conv1.{'conv' if layer == 'conv1' else 'bn'}"
    if match := re.fullmatch(r"(res|bn)(\d)([a-z])(\d*)_branch(1|2a|2b|2c)", layer):
        kind, stage, letter, number, branch = match.groups()
        block = int(number) + 1 if number else ord(letter) - ord("a") + 1
        return f"layer{stage}.block{block}.{_BRANCH[branch]}.{'conv' if kind == 'res' else 'bn'}"
    if layer.startswith("fc"):
        parts = layer.split("_")
        return f"aspp.{parts[2]}" if len(parts) == 3 else "fc"
    return None


def _keras_place(layer):
    """Old names are Caffe's own; new ones as `conv2_block1_0_conv`."""
    if match := re.fullmatch(r"conv1_(conv|bn)", layer):
        return f"layer1.conv1.{match[1]}"
    if match := re.fullmatch(r"conv(\d)_block(\d+)_([0-3])_(conv|bn)", layer):
        return f"layer{match[1]}.block{match[2]}.{_KERAS_PART[match[3]]}.{match[4]}"
    return "fc" if layer in ("fc1000", "predictions") else _caffe_place(layer)


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


def _squeezed(blob):
    """Old files give a matrix as [1, 1, out, in]."""
    blob = np.asarray(blob)
    return blob.reshape(blob.shape[2:]) if blob.ndim == 4 and blob.shape[:2] == (1, 1) else blob
