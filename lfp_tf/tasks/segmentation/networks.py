"""The segmentation networks of experiments: their fields, choices, rules and classes."""

import dataclasses
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.fields import field
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.options import (
    BACKBONES,
    RESNET_MILLIONS,
    EvenPyramid,
    Head,
    Norm,
    Options,
    PoolingPyramid,
    PyramidResNet,
    ResNet,
    Scales,
    Transformer,
    of_flat,
)
from lfp_tf.training.fields import Network, check_mixtures


def _check_backbone(model, defaults):
    """The ResNet's options go with a ResNet, and pyramids with their own."""
    backbone = model.backbone
    if not model.pyramid and backbone != "pyramid_resnet":
        raise LfpError(
            "task.model.pyramid=false is the plain twin of backbone=pyramid_resnet, not an option "
            f"of {backbone}."
        )
    own = BACKBONES[backbone].flat_names()
    for name in ResNet.CHOICES:
        if name not in own and getattr(model, name) != getattr(defaults, name):
            raise LfpError(f"task.model.{name} is an option of the ResNet, not of {backbone}.")


def _check_rates(rates):
    """Refuses dilations below 1."""
    if min(rates, default=1) < 1:
        raise LfpError("task.model.rates must be numbers of at least 1.")


@dataclasses.dataclass
class PSPNet(Network):
    """Fields of `models.pspnet.pspnet`."""

    HEADS = r"^(pyramid|cls_|aux_)"

    network: str = "pspnet"
    backbone: str = "resnet"  # resnet, pyramid_resnet, mobilenet_v2
    pyramid: bool = True  # with pyramid_resnet: false is its plain twin
    depth: int = 50  # 18, 34, 50, 101, 152
    stem: str = "deep"  # deep, plain
    stride_in: str = "3x3"  # 3x3, 1x1
    padding: str = "symmetric"  # symmetric, same
    pool_rounding: str = "floor"  # floor, ceil
    use_ppm: bool = True  # the pyramid
    bins: list[int] = field(lambda: [1, 2, 3, 6])
    pooling: str = "adaptive"  # adaptive, window
    pool_windows: list[int] = field(list)  # with `window`: cells per window, one per bin
    concat: str = "ascending"  # ascending, descending
    zoom_factor: int = 8  # 8, 4, 2, 1
    aux_head: bool = True
    dropout: float = 0.1
    dropout_kind: str = "channel"  # channel, element

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, BACKBONES.get(self.backbone, ResNet), PoolingPyramid, Head)

    def outputs(self) -> tuple[str, ...]:
        """The main head's logits and the auxiliary head's."""
        return ("logits", "aux_logits") if self.aux_head else ("logits",)

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"backbone": tuple(BACKBONES)}

    def check(self) -> None:
        """Windows go with bins, and the ResNet's options with a ResNet."""
        super().check()
        _check_backbone(self, PSPNet())

    def millions(self) -> float:
        """See `Network`."""
        return 3 if self.backbone == "mobilenet_v2" else RESNET_MILLIONS[self.depth]


@dataclasses.dataclass
class DeepLabV2(Network):
    """Fields of `models.deeplab.deeplabv2`."""

    HEADS = r"^aspp_"

    network: str = "deeplabv2"
    preprocess: str = "deeplab"
    backbone: str = "resnet"  # resnet, pyramid_resnet
    pyramid: bool = True  # with pyramid_resnet: false is its plain twin
    depth: int = 101  # 18, 34, 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    stem: str = "plain"
    stride_in: str = "1x1"
    padding: str = "symmetric"
    pool_rounding: str = "ceil"
    rates: list[int] = field(lambda: [6, 12, 18, 24])  # 3, 6, 9, 12: the small field
    scales: list[float] = field(lambda: [0.5, 0.75])  # further scales; none: the plain net
    scale_resize: str = "ratio"  # ratio, factor, align_corners
    bn_decay: float | None = 0.999
    bn_eps: float | None = 1e-5
    bn_frozen: bool = True

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, BACKBONES.get(self.backbone, ResNet), Scales)

    def outputs(self) -> tuple[str, ...]:
        """With scales the maximum and each scale's own logits."""
        return Scales(tuple(self.scales)).outputs()

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"backbone": ("resnet", "pyramid_resnet")}

    def check(self) -> None:
        """Scales are further ones, blocks four, options the backbone's."""
        super().check()
        _check_rates(self.rates)
        _check_backbone(self, type(self)())

    def millions(self) -> float:
        """See `Network`."""
        return RESNET_MILLIONS[self.depth]


@dataclasses.dataclass
class DeepLabV3(DeepLabV2):
    """Fields of `models.deeplab.deeplabv3`; trained with batch norm, where the original
    freezes it."""

    HEADS = r"^(aspp_|reduce_|fc\d?[_/])"

    network: str = "deeplabv3"
    output_stride: int = 16  # 16, 8
    rates: list[int] = field(list)  # none: those of the stride
    multi_grids: list[int] = field(lambda: [1, 2, 4])
    bn_decay: float | None = 0.9997
    bn_frozen: bool = False

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"output_stride": (16, 8)}


@dataclasses.dataclass
class DeepLabV3Plus(DeepLabV3):
    """Fields of `models.deeplab.deeplabv3plus`."""

    network: str = "deeplabv3plus"


@dataclasses.dataclass
class LFPSegmentation(Network):
    """Fields of `models.lfp.lfp_segmentation`."""

    HEADS = r"^(aspp_|fc/)"

    network: str = "lfp_segmentation"
    preprocess: str = "imagenet_bgr"
    depth: int = 101  # 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    pyramid: bool = True  # false is the plain twin
    dilated_bias: bool = True  # biases of the dilated convolutions
    head: str = "aspp"  # aspp, conv102
    rates: list[int] = field(lambda: [6, 12, 18, 24])  # of aspp
    scales: list[float] = field(lambda: [0.75, 0.5])  # further scales; none: the plain net
    scale_resize: str = "legacy"  # legacy, ratio, factor, align_corners
    bn_decay: float | None = 0.9
    bn_eps: float | None = 1.001e-5
    bn_frozen: bool = True

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, PyramidResNet, Scales)

    def outputs(self) -> tuple[str, ...]:
        """With scales the maximum and each scale's own logits."""
        return Scales(tuple(self.scales)).outputs()

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"head": ("aspp", "conv102")}

    def check(self) -> None:
        """Scales are further ones, blocks four."""
        super().check()
        _check_rates(self.rates)

    def millions(self) -> float:
        """See `Network`."""
        return RESNET_MILLIONS[self.depth]


@dataclasses.dataclass
class FPTSegmentation(Network):
    """Fields of `models.fpt_segmentation.fpt_segmentation`."""

    HEADS = r"^((pyramid|fpt|cls|aux)_|(st|gt|rt)_p\d)"

    network: str = "fpt_segmentation"
    depth: int = 101  # 18, 34, 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    stem: str = "deep"  # deep, plain
    stride_in: str = "3x3"  # 3x3, 1x1
    pool_rounding: str = "floor"  # floor, ceil
    even_pyramid: str = "ufp"  # ufp, ppm, aspp
    pyramid_dim: int = 256
    head_channels: int = 512
    aux_channels: int = 256
    # The block between the levels: none, paper, released_code. Of the others null is the preset's
    # value.
    transformer: str = "paper"
    st_mixtures: int | None = None  # parts of the self transformers' mixture of softmaxes
    st_pool_keys: bool | None = None  # their keys come from the map at half its size
    gt_mode: str | None = None  # eud, dot, embedded, gaussian, concatenate
    gt_mixtures: int | None = None  # of eud
    gt_local: bool | None = True  # of eud: cells see the keys about their own place only
    gt_square_size: int | None = None  # of gt_local: rows and columns of these keys, odd
    # Behind what joins a level's parts: none, group_norm, batch_norm.
    fpt_norm: str | None = "batch_norm"
    dropblock_rate: float | None = None
    dropblock_size: int | None = None
    zoom_factor: int = 8  # 8, 4, 2, 1
    aux_head: bool = True
    dropout: float = 0.1
    dropout_kind: str = "channel"  # channel, element

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, ResNet, EvenPyramid, Transformer, Head)

    def outputs(self) -> tuple[str, ...]:
        """The main head's logits and the auxiliary head's."""
        return ("logits", "aux_logits") if self.aux_head else ("logits",)

    def check(self) -> None:
        """Widths are at least 1, and mixtures divide them."""
        super().check()
        for name in ("pyramid_dim", "head_channels", "aux_channels"):
            if getattr(self, name) < 1:
                raise LfpError(f"task.model.{name} must be at least 1, not {getattr(self, name)}.")
        transformer: Any = of_flat(Transformer, self.as_dict())
        check_mixtures(transformer, self.pyramid_dim, "pyramid_dim")

    def millions(self) -> float:
        """See `Network`."""
        return RESNET_MILLIONS[self.depth] + 22


NETWORKS = {
    kind().network: kind
    for kind in (PSPNet, DeepLabV2, DeepLabV3, DeepLabV3Plus, LFPSegmentation, FPTSegmentation)
}


def usual_classes(config: Any) -> tuple[list, list]:
    """(names, [r, g, b] of each) of the classes of an experiment's data set.

    Args:
        config: `Config` of this task.

    Raises:
        LfpError: a data set of the user's own without a number of classes.
    """
    count = config.model.classes
    if config.dataset != "folder":
        table = class_table(config.dataset)
        if count in (0, len(table)):
            return _listed(table)
    if not count:
        raise LfpError(
            "A network for your own images has the classes of its records; give a run's "
            "folder, or task.model.classes."
        )
    return _listed(numbered_table(count))


def _listed(table):
    return list(table.names), np.asarray(table.colors).tolist()
