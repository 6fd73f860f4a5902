"""PSPNet's variables: ours from theirs, for torch, Caffe, the TF1 port and Keras files (spec 3)."""

import re

import numpy as np

from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Translation,
    without_module,
)

_LEAVES = {
    "torch": TORCH_LEAVES,
    "tf": {
        "kernel": "weights",
        "bias": "biases",
        "gamma": "gamma",
        "beta": "beta",
        "moving_mean": "moving_mean",
        "moving_variance": "moving_variance",
    },
    "npy": {
        "kernel": "weights",
        "bias": "biases",
        "gamma": "scale",
        "beta": "offset",
        "moving_mean": "mean",
        "moving_variance": "variance",
    },
    "caffe": {
        "kernel": "0",
        "bias": "1",
        "gamma": "0",
        "beta": "1",
        "moving_mean": "2",
        "moving_variance": "3",
    },
}
_LEAVES["imagenet_torch"] = _LEAVES["torch"]
_TRANSPOSED = ("torch", "imagenet_torch", "caffe")

# Left by the trainers of the originals; skipped by pattern and counted in the report.
TRAINER_VARIABLES = re.compile(
    r"num_batches_tracked$|/Momentum$|/Adam(_\d+)?$|^beta[12]_power(_\d+)?$|^global_step$"
)

_CAFFE_LEAVES_OF_BLOCK = {1: "1x1_reduce", 2: "3x3", 3: "1x1_increase"}
_CAFFE_STEM = {1: "conv1_1_3x3_s2", 2: "conv1_2_3x3", 3: "conv1_3_3x3"}


def their_name(name, translation, bins):
    """The name that a variable of ours has in a file.

    Args:
        name: ours, `LAYER/LEAF`, for example `stage2_block1_conv1/kernel`.
        translation: a key of `TRANSLATIONS`.
        bins: of the pyramid, in the network's order.

    Returns:
        Theirs, without a `module.` prefix; None where that lineage has no such variable.
    """
    if translation == "keras":
        return name
    layer, leaf = name.rsplit("/", 1)
    if translation in ("torch", "imagenet_torch"):
        theirs = _torch_layer(layer, imagenet=translation == "imagenet_torch")
        separator = "."
    else:
        theirs = _caffe_layer(layer, bins)
        separator = ":" if translation == "caffe" else "/"
        if theirs and leaf not in ("kernel", "bias"):
            theirs += "/bn" if translation == "caffe" else "_bn"
    return theirs and f"{theirs}{separator}{_LEAVES[translation][leaf]}"


def swap_concat(kernel, *, branches):
    """Reverses the order of the pyramid's branches in the head's 3x3 kernel (spec D5).

    Args:
        kernel: [3, 3, C + branches * b, out]; the map's C channels come first, C = branches * b.

    Returns:
        The same shape; doing it twice gives the first back.
    """
    channels = kernel.shape[2] // 2
    parts = np.split(kernel[:, :, channels:], branches, axis=2)
    return np.concatenate([kernel[:, :, :channels], *parts[::-1]], axis=2)


def _torch_layer(layer, imagenet):
    if match := re.fullmatch(r"stem_(conv|bn)(\d)", layer):
        kind, number = match[1], int(match[2])
        if imagenet:
            return f"{kind}{number}"
        return f"layer0.{3 * (number - 1) + (kind == 'bn')}"
    if match := re.fullmatch(r"stage(\d)_block(\d+)_(conv\d|bn\d|projection|projection_bn)", layer):
        leaf = {"projection": "downsample.0", "projection_bn": "downsample.1"}
        return f"layer{match[1]}.{int(match[2]) - 1}.{leaf.get(match[3], match[3])}"
    if imagenet:
        return None
    if match := re.fullmatch(r"pyramid/branch(\d+)_(conv|bn)", layer):
        return f"ppm.features.{int(match[1]) - 1}.{1 if match[2] == 'conv' else 2}"
    if match := re.fullmatch(r"(cls|aux)_(conv|bn|logits)", layer):
        return f"{match[1]}.{ {'conv': 0, 'bn': 1, 'logits': 4}[match[2]] }"
    return None


def _caffe_layer(layer, bins):
    """The name of the convolution; its batch norm hangs a suffix to it."""
    if match := re.fullmatch(r"stem_(?:conv|bn)(\d)", layer):
        return _CAFFE_STEM[int(match[1])]
    if match := re.fullmatch(r"stage(\d)_block(\d+)_(?:conv|bn)(\d)", layer):
        return f"conv{int(match[1]) + 1}_{match[2]}_{_CAFFE_LEAVES_OF_BLOCK[int(match[3])]}"
    if match := re.fullmatch(r"stage(\d)_block1_projection(?:_bn)?", layer):
        return f"conv{int(match[1]) + 1}_1_1x1_proj"
    if match := re.fullmatch(r"pyramid/branch(\d+)_(?:conv|bn)", layer):
        return f"conv5_3_pool{bins[int(match[1]) - 1]}_conv"
    return {"cls_conv": "conv5_4", "cls_bn": "conv5_4", "cls_logits": "conv6"}.get(layer)


def _keras_plain(arrays, _):
    """Keras' own names as ours: without the index, `LAYER/LAYER/LEAF` as `LAYER/LEAF`."""
    return {re.sub(r"^(.+)/\1/", r"\1/", name.split(":")[0]): a for name, a in arrays.items()}


def _translation(name):
    return Translation(
        name,
        lambda ours, options: their_name(ours, name, options.get("bins", ())),
        is_transposed=name in _TRANSPOSED,
        plain=_keras_plain if name == "keras" else lambda arrays, _: without_module(arrays),
    )


TRANSLATIONS = {name: _translation(name) for name in (*_LEAVES, "keras")}
