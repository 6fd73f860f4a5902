"""PSPNet's variables under the names of torch, Caffe, the TensorFlow 1 port and Keras.

Sources: hszhao/semseg `model/pspnet.py` and `model/resnet.py`; hszhao/PSPNet `evaluation/prototxt`;
hellochick/PSPNet-tensorflow `model.py`; Vladkryvoruchko/PSPNet-Keras-tensorflow
`layers_builder.py`.
"""

import dataclasses
import re
from collections.abc import Callable, Sequence

import numpy as np

from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Pairs,
    Translation,
    renamed,
    without_wrappers,
)

# Left by the trainers of the originals; skipped by pattern and counted in the report.
TRAINER_VARIABLES = re.compile(
    r"num_batches_tracked$|^n_averaged$|^beta[12]_power(_\d+)?$|^global_step$"
    r"|/(Momentum|Adam|AdaMax|Adagrad|Adadelta|RMSProp|Ftrl|ExponentialMovingAverage)(_\d+)?$"
)
Bins = Sequence[int]

_TORCH_PLACE = {"conv": 0, "bn": 1, "logits": 4}
_TORCH_PART = {"projection": "downsample.0", "projection_bn": "downsample.1"}
_TORCH_STAGES: Pairs = (
    (
        r"stage(\d)_block(\d+)_(conv\d|bn\d|projection|projection_bn)",
        lambda stage, block, part: f"layer{stage}.{int(block) - 1}.{_TORCH_PART.get(part, part)}",
    ),
)
_TORCH: Pairs = (
    (r"stem_(conv|bn)(\d)", lambda kind, n: f"layer0.{3 * (int(n) - 1) + (kind == 'bn')}"),
    *_TORCH_STAGES,
    (
        r"pyramid/branch(\d+)_(conv|bn)",
        lambda branch, kind: f"ppm.features.{int(branch) - 1}.{_TORCH_PLACE[kind] + 1}",
    ),
    (r"(cls|aux)_(conv|bn|logits)", lambda head, part: f"{head}.{_TORCH_PLACE[part]}"),
)
_IMAGENET_TORCH: Pairs = (
    (r"stem_(conv|bn)(\d)", lambda kind, n: f"{kind}{n}"),
    *_TORCH_STAGES,
)
_CAFFE_STEM = {"1": "conv1_1_3x3_s2", "2": "conv1_2_3x3", "3": "conv1_3_3x3"}
_CAFFE_PART = {"1": "1x1_reduce", "2": "3x3", "3": "1x1_increase"}


def _caffe(bins: Bins) -> Pairs:
    """Names of convolutions; the one of a batch norm is its convolution's with a suffix."""
    return (
        (r"stem_(?:conv|bn)(\d)", lambda n: _CAFFE_STEM[n]),
        (
            r"stage(\d)_block(\d+)_(?:conv|bn)(\d)",
            lambda stage, block, n: f"conv{int(stage) + 1}_{block}_{_CAFFE_PART[n]}",
        ),
        (
            r"stage(\d)_block1_projection(?:_bn)?",
            lambda stage: f"conv{int(stage) + 1}_1_1x1_proj",
        ),
        (
            r"pyramid/branch(\d+)_(?:conv|bn)",
            lambda branch: f"conv5_3_pool{bins[int(branch) - 1]}_conv",
        ),
        (r"cls_(?:conv|bn)", lambda: "conv5_4"),
        (r"cls_logits", lambda: "conv6"),
    )


@dataclasses.dataclass(frozen=True)
class _Spelling:
    """How a lineage spells a variable: their layer, a norm's suffix, a separator, their leaf."""

    pairs: Callable[[Bins], Pairs]
    separator: str
    leaves: dict[str, str]
    norm_suffix: str = ""


_CAFFE_LEAVES = {"kernel": "0", "bias": "1"} | {
    "gamma": "0",
    "beta": "1",
    "moving_mean": "2",
    "moving_variance": "3",
}
_TF_LEAVES = {"kernel": "weights", "bias": "biases"} | {
    name: name for name in ("gamma", "beta", "moving_mean", "moving_variance")
}
_NPY_LEAVES = {"kernel": "weights", "bias": "biases"} | {
    "gamma": "scale",
    "beta": "offset",
    "moving_mean": "mean",
    "moving_variance": "variance",
}
_KERAS_LEAVES = {
    name: name for name in ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
}
_SPELLINGS = {
    "torch": _Spelling(lambda _: _TORCH, ".", TORCH_LEAVES),
    "tf": _Spelling(_caffe, "/", _TF_LEAVES, norm_suffix="_bn"),
    "npy": _Spelling(_caffe, "/", _NPY_LEAVES, norm_suffix="_bn"),
    "pspnet_keras": _Spelling(_caffe, "/", _KERAS_LEAVES, norm_suffix="_bn"),
    "caffe": _Spelling(_caffe, ":", _CAFFE_LEAVES, norm_suffix="/bn"),
    "imagenet_torch": _Spelling(lambda _: _IMAGENET_TORCH, ".", TORCH_LEAVES),
}
_OF_KERAS = ("keras", "pspnet_keras")
_TRANSPOSED = ("torch", "imagenet_torch", "caffe")


def their_name(name: str, translation: str, bins: Bins) -> str | None:
    """Gives the name that our variable has in a file.

    >>> their_name("stage2_block1_bn1/gamma", "caffe", (1, 2, 3, 6))
    'conv3_1_1x1_reduce/bn:0'

    Args:
        name: ours, `LAYER/LEAF`.
        translation: a key of `TRANSLATIONS`.
        bins: of the pyramid, in the network's order.

    Returns:
        Theirs, without a `module.` prefix; None where that lineage has no such variable.
    """
    if translation == "keras":
        return name
    spelling = _SPELLINGS[translation]
    layer, leaf = name.rsplit("/", 1)
    theirs = renamed(layer, spelling.pairs(bins))
    if theirs is None:
        return None
    suffix = "" if leaf in ("kernel", "bias") else spelling.norm_suffix
    return f"{theirs}{suffix}{spelling.separator}{spelling.leaves[leaf]}"


def swap_concat(kernel: np.ndarray, *, branches: int) -> np.ndarray:
    """Reverses the order of the pyramid's branches in the head's 3x3 kernel.

    Torch joins the bins 1, 2, 3, 6 in this order behind the map (hszhao/semseg `model/pspnet.py`,
    `PPM.forward`), Caffe in the reverse one (hszhao/PSPNet
    `evaluation/prototxt/pspnet101_cityscapes_713.prototxt`, `conv5_3_concat`).

    Args:
        kernel: [3, 3, C + branches * b, out]; the map's C channels come first, C = branches * b.
        branches: number of them.

    Returns:
        The same shape; doing it twice gives the first back.
    """
    channels = kernel.shape[2] // 2
    parts = np.split(kernel[:, :, channels:], branches, axis=2)
    return np.concatenate([kernel[:, :, :channels], *parts[::-1]], axis=2)


def _keras_plain(arrays: dict, _: list[str]) -> dict:
    """Keras' own names as ours: without the index, `LAYER/LAYER/LEAF` as `LAYER/LEAF`.

    Keras 3 calls the kernel of a depthwise convolution `kernel`.
    """
    plain = (re.sub(r"^(.+)/\1/", r"\1/", name.split(":")[0]) for name in arrays)
    names = (re.sub(r"depthwise/kernel$", "depthwise/depthwise_kernel", name) for name in plain)
    return dict(zip(names, arrays.values(), strict=True))


def _translation(name: str) -> Translation:
    return Translation(
        name,
        lambda ours, options: their_name(ours, name, options.get("bins", ())),
        is_transposed=name in _TRANSPOSED,
        plain=_keras_plain if name in _OF_KERAS else lambda arrays, _: without_wrappers(arrays),
        has_affine=name == "keras",
    )


TRANSLATIONS = {name: _translation(name) for name in (*_SPELLINGS, "keras")}
