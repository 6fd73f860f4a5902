"""Where PSPNet files come from and what that means for the network that runs them (spec D1-D25)."""

import dataclasses
import re

from lfp_tf.errors import LfpError, nearest

PRESET_NAMES = ("torch", "caffe", "tf1", "kitti")


def preset_options(name, *, depth, crop):
    """The options that a lineage sets, over the defaults, which are those of `torch`.

    Args:
        name: `torch`, `caffe`, `tf1` or `kitti`.
        depth: of the ResNet; Caffe's 50 has its strides elsewhere than its 101.
        crop: (height, width) of the training crop; the pooling windows follow from its map.

    Returns:
        Values by option name of `models.pspnet.pspnet`, and `preprocess`.

    Raises:
        LfpError: no such preset.
    """
    if name not in PRESET_NAMES:
        raise LfpError(
            f'No preset "{name}".{nearest(name, PRESET_NAMES)} There are {", ".join(PRESET_NAMES)}.'
        )
    if name == "torch":
        return {"preprocess": "torch"}
    side = (max(crop) - 1) // 8 + 1
    options = {
        "preprocess": "caffe",
        "stride_in": "1x1" if depth == 50 else "3x3",
        "pooling": "window",
        "pool_windows": [side // bins for bins in (1, 2, 3, 6)],
        "concat": "descending",
        "pool_rounding": "ceil",
        "bn_decay": 0.95,
        "aux_head": False,
        "dropout_kind": "element",
    }
    if name in ("tf1", "kitti"):
        options |= {"stride_in": "1x1", "padding": "same", "dropout": 0.0}
    if name == "kitti":
        options |= {"preprocess": "kitti"}
    return options


@dataclasses.dataclass(frozen=True)
class Lineage:
    """What is known of a file.

    Attributes:
        name: how `inspect` calls it.
        names: key of `names.pspnet.TRANSLATIONS`, how its variables are called.
        presets: the presets whose graph can run it; the first is its own.
        backbone_only: whether it is an ImageNet file.
    """

    name: str
    names: str
    presets: tuple
    backbone_only: bool = False


def recognise(arrays):
    """Finds the lineage of a file from its names.

    Args:
        arrays: {name in the file: array}.

    Returns:
        A `Lineage`, or None.
    """
    names = set(arrays)
    plain = {name.removeprefix("module.") for name in names}
    if "layer0.0.weight" in plain:
        return Lineage("pspnet-torch", "torch", ("torch",))
    if "conv1.weight" in plain and any(n.startswith("layer1.0.") for n in plain):
        return Lineage("imagenet-torch", "imagenet_torch", ("torch",), backbone_only=True)
    if "conv1_1_3x3_s2:0" in names:
        return Lineage("pspnet-caffe", "caffe", ("caffe",))
    if "conv1_1_3x3_s2/weights" in names:
        if any(name.endswith(("/scale", "/offset")) for name in names):
            return Lineage("pspnet-tf1-npy", "npy", ("tf1", "caffe"))
        if any(re.search(r"/Adam(_\d)?$", name) for name in names):
            return Lineage("pspnet-kitti", "tf", ("kitti",))
        return Lineage("pspnet-tf1", "tf", ("tf1", "caffe"))
    keras = {"/".join(name.split(":")[0].split("/")[-2:]) for name in names}
    if "Conv1/kernel" in keras and "expanded_conv_depthwise/depthwise_kernel" in keras:
        whole = any(name.startswith("cls_logits/") for name in keras)
        return Lineage(
            "pspnet-mobilenet_v2" if whole else "imagenet-keras-mobilenet_v2",
            "keras",
            (),
            backbone_only=not whole,
        )
    if "cls_logits/kernel" in names:
        return Lineage("pspnet-lfp_tf", "keras", ())
    return None


def lineage_name(arrays):
    """The name of the lineage that a file's names show, or None."""
    found = recognise(arrays)
    return found.name if found else None
