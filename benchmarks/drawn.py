"""Weights, images and labels from the frozen generator: the same numbers in every framework.

numpy only. A weight is drawn under its name in `hszhao/semseg`'s state_dict and in torch's layout,
so both networks have it whatever they are built with.
"""

import re

import numpy as np

from lfp_tf.checkpoints.names import deeplab
from lfp_tf.checkpoints.names.pspnet import TRANSLATIONS, their_name
from lfp_tf.checkpoints.names.translation import TORCH_LEAVES, Translation
from lfp_tf.parity.golden import fill

SEED = "benchmarks"
IGNORE_LABEL = 255
BINS = (1, 2, 3, 6)
# `torch_lfp` has our own names, with dots and torch's leaves: stage1_block1.conv1.weight.
_LFP = Translation("torch_lfp", lambda name, _: _dotted(name), is_transposed=True)


def weight(name, shape):
    """One array of a torch state_dict; activations keep their size through a hundred layers.

    >>> weight("layer1.0.bn1.weight", (2,)).round(3).tolist()
    [0.626, 0.46]
    """
    if name.endswith("running_var"):
        how = ["uniform", 0.5, 1.5]
    elif name.endswith(("running_mean", "bias")):
        how = ["normal", 0.0, 0.1]
    elif len(shape) > 1:
        how = ["he", int(np.prod(shape[1:])), 1.0]
    else:
        how = ["uniform", 0.4, 0.8]
    return fill(how, SEED, name, shape)


def weight_of_ours(name, shape):
    """The same array by our name and in our layout, e.g. `stem_conv1/kernel` [3, 3, 3, 64]."""
    theirs = their_name(name, "torch", BINS)
    shape = np.broadcast_to(np.float32(0), shape)
    torch = TRANSLATIONS["torch"]
    return torch.to_ours(weight(theirs, torch.to_theirs(shape, name).shape), name)


def weight_of_our_deeplab(name, shape):
    """The same array of our DeepLab's, drawn under deeplab-pytorch's name with its prefix."""
    torch = deeplab.TRANSLATIONS["deeplab_torch"]
    theirs, shape = f"base.{deeplab.their_name(name)}", np.broadcast_to(np.float32(0), shape)
    return torch.to_ours(weight(theirs, torch.to_theirs(shape, name).shape), name)


def weight_of_our_lfp(name, shape):
    """The same array of our pyramid networks', drawn under the name that `torch_lfp` has for it."""
    shape = np.broadcast_to(np.float32(0), shape)
    return _LFP.to_ours(weight(_LFP.their_name(name, {}), _LFP.to_theirs(shape, name).shape), name)


def images(batch, size):
    """float32 [batch, *size, 3], drawn images as the network takes them (mean 0, scale 1)."""
    images = fill(["image_u8"], SEED, "images", (batch, *size, 3))
    return (images - np.float32(120.0)) / np.float32(58.0)


def photo(number, size):
    """uint8 [*size, 3]: smooth colours with some noise, which a JPEG of a photo's size holds."""
    rng = np.random.RandomState(number)
    coarse = rng.uniform(0, 255, (size[0] // 16 + 1, size[1] // 16 + 1, 3))
    image = np.kron(coarse, np.ones((16, 16, 1)))[: size[0], : size[1]]
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def labels(batch, size, classes):
    """int32 [batch, *size], a twentieth ignored."""
    return fill(["labels", classes, IGNORE_LABEL, 0.05], SEED, "labels", (batch, *size), "int32")


def maps(shape):
    """float32 [B, H, W, C] of mean 0 and deviation 1, as inside a network."""
    return fill(["normal", 0.0, 1.0], SEED, "maps", shape)


def boxes(count, height, width):
    """float32 [count, 4], x1, y1, x2, y2 within height x width pixels, sides from 16 on."""
    unit = fill(["uniform", 0.0, 1.0], SEED, "boxes", (count, 4))
    size = np.array([width, height], np.float32)
    extents = 16.0 + unit[:, 2:] ** 2 * (size - 16.0) / 2
    first = unit[:, :2] * (size - extents)
    return np.concatenate([first, first + extents], axis=1).astype(np.float32)


def scores(count):
    """float32 [count], 0..1."""
    return fill(["uniform", 0.0, 1.0], SEED, "scores", (count,))


def targets(spec):
    """What a network is trained on, by the `network` of its spec.

    Returns:
        `labels`; for a `classifier` int32 [batch], the images' classes; for an `hourglass`
        float32 [batch, h / 4, w / 4, joints].
    """
    kind, batch, size, classes = (spec.get(n) for n in ("network", "batch", "size", "classes"))
    if kind == "classifier":
        return fill(["integers", 0, classes], SEED, "classes", (batch,), "int32")
    if kind == "hourglass":
        return maps((batch, *(side // 4 for side in size), classes))
    return labels(batch, size, classes)


def is_counter(name):
    """Whether a name of a state_dict holds a counter, not a number of the network."""
    return bool(re.search(r"num_batches_tracked$", name))


def _dotted(name):
    layer, leaf = name.rsplit("/", 1)
    return f"{layer.replace('/', '.')}.{TORCH_LEAVES[leaf]}"
