"""The networks of experiments: their fields, choices and rules, by name."""

import dataclasses

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.lfp_networks import Hourglass, LFPClassifier, LFPSegmentation
from lfp_tf.training.network_fields import (
    PYRAMID_DEPTHS,
    Network,
    check_blocks,
    check_rates,
    check_scales,
    field,
    outputs_of_scales,
)

_RESNET_CHOICES = {
    "depth": (18, 34, 50, 101, 152),
    "stem": ("deep", "plain"),
    "stride_in": ("3x3", "1x1"),
    "padding": ("symmetric", "same"),
    "pool_rounding": ("floor", "ceil"),
}


def _check_backbone(model, defaults):
    """The ResNet's options go with a ResNet, and pyramids with their own."""
    backbone = model.backbone
    if not model.pyramid and backbone != "pyramid_resnet":
        raise LfpError(
            "task.model.pyramid=false is the plain twin of backbone=pyramid_resnet, not an option "
            f"of {backbone}."
        )
    if backbone == "resnet":
        return
    is_pyramid = backbone == "pyramid_resnet"
    for name in _RESNET_CHOICES:
        if is_pyramid and name == "depth":
            continue
        if getattr(model, name) != getattr(defaults, name):
            raise LfpError(f"task.model.{name} is an option of the ResNet, not of {backbone}.")
    if is_pyramid and model.depth not in PYRAMID_DEPTHS:
        raise LfpError(
            f"task.model.depth is {model.depth}, but a pyramid_resnet has 50, 101 or 152."
        )


@dataclasses.dataclass
class PSPNet(Network):
    """Fields of `models.pspnet.pspnet`; letters and numbers are options of the PSPNet spec."""

    network: str = "pspnet"
    backbone: str = "resnet"  # resnet, pyramid_resnet, mobilenet_v2
    pyramid: bool = True  # with pyramid_resnet: false is its plain twin
    depth: int = 50  # 18, 34, 50, 101, 152
    stem: str = "deep"  # D1: deep, plain
    stride_in: str = "3x3"  # D2: 3x3, 1x1
    padding: str = "symmetric"  # D3: symmetric, same
    pool_rounding: str = "floor"  # D25: floor, ceil
    use_ppm: bool = True  # the pyramid
    bins: list[int] = field(lambda: [1, 2, 3, 6])
    pooling: str = "adaptive"  # D4: adaptive, window
    pool_windows: list[int] = field(list)  # with `window`: cells a window, one a bin
    concat: str = "ascending"  # D5: ascending, descending
    zoom_factor: int = 8  # D14: 8, 4, 2, 1
    aux_head: bool = True  # D11
    dropout: float = 0.1  # D10
    dropout_kind: str = "channel"  # D10: channel, element
    bn_decay: float | None = None  # D7: share of the old running value; null: the backbone's own
    bn_eps: float | None = None  # D7
    bn_unbiased: bool = True  # D7
    bn_synchronized: bool = True  # D24: statistics over all replicas
    bn_frozen: bool = False  # D24: running values in training too

    def outputs(self):
        """The main head's logits and the auxiliary head's."""
        return ("logits", "aux_logits") if self.aux_head else ("logits",)

    def choices(self):
        """{field: its values}."""
        return super().choices() | _RESNET_CHOICES | {
            "backbone": ("resnet", "pyramid_resnet", "mobilenet_v2"),
            "pooling": ("adaptive", "window"),
            "concat": ("ascending", "descending"),
            "zoom_factor": (8, 4, 2, 1),
            "dropout_kind": ("channel", "element"),
        }  # fmt: skip

    def check(self):
        """Windows go with bins, and the ResNet's options with a ResNet."""
        if self.pooling == "window" and len(self.pool_windows) != len(self.bins):
            raise LfpError("task.model.pool_windows needs one number a bin with pooling=window.")
        _check_backbone(self, PSPNet())


@dataclasses.dataclass
class DeepLabV2(Network):
    """Fields of `models.deeplab.deeplabv2`; numbers are sections of the DeepLab spec."""

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
    rates: list[int] = field(lambda: [6, 12, 18, 24])  # 2.2; 3, 6, 9, 12: the small field
    scales: list[float] = field(lambda: [0.5, 0.75])  # 2.5: further scales; none: the plain net
    scale_resize: str = "ratio"  # 2.5: ratio, factor, align_corners
    bn_decay: float = 0.999
    bn_eps: float = 1e-5
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True  # 2.3

    def outputs(self):
        """With scales the maximum and each scale's own logits."""
        return outputs_of_scales(self.scales)

    def choices(self):
        """{field: its values}."""
        rules = {
            "scale_resize": ("ratio", "factor", "align_corners"),
            "backbone": ("resnet", "pyramid_resnet"),
        }
        return super().choices() | _RESNET_CHOICES | rules

    def check(self):
        """Scales are further ones, blocks four, options the backbone's."""
        check_scales(self.scales)
        check_blocks(self.blocks)
        check_rates(self.rates)
        _check_backbone(self, type(self)())


@dataclasses.dataclass
class DeepLabV3(DeepLabV2):
    """Fields of `models.deeplab.deeplabv3`; trained with batch norm, which is ours (2.6, D12)."""

    network: str = "deeplabv3"
    output_stride: int = 16  # 16, 8
    rates: list[int] = field(list)  # none: those of the stride
    multi_grids: list[int] = field(lambda: [1, 2, 4])
    bn_decay: float = 0.9997
    bn_frozen: bool = False

    def choices(self):
        """{field: its values}."""
        return super().choices() | {"output_stride": (16, 8)}


@dataclasses.dataclass
class DeepLabV3Plus(DeepLabV3):
    """Fields of `models.deeplab.deeplabv3plus`."""

    network: str = "deeplabv3plus"


NETWORKS = {
    kind().network: kind
    for kind in (
        *(PSPNet, DeepLabV2, DeepLabV3, DeepLabV3Plus),
        *(LFPSegmentation, LFPClassifier, Hourglass),
    )
}
