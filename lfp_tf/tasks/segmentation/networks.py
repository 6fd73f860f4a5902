"""The segmentation networks of experiments: their fields, choices, rules and classes."""

import dataclasses

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.fields import field
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.options import PYRAMID_DEPTHS, RESNET_MILLIONS, scale_output
from lfp_tf.training.fields import Network, check_blocks

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


def _outputs_of_scales(scales):
    """The maximum, and with scales each one's own logits."""
    if not scales:
        return ("logits",)
    return ("logits", *(scale_output(scale) for scale in (1, *scales)))


def _check_scales(scales):
    """Refuses scales that are no further ones."""
    if any(scale <= 0 or scale == 1 for scale in scales) or len(set(scales)) < len(scales):
        raise LfpError(
            "task.model.scales must be different numbers above 0 other than 1, which is always "
            "there."
        )


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
    pool_windows: list[int] = field(list)  # with `window`: cells a window, one a bin
    concat: str = "ascending"  # ascending, descending
    zoom_factor: int = 8  # 8, 4, 2, 1
    aux_head: bool = True
    dropout: float = 0.1
    dropout_kind: str = "channel"  # channel, element
    bn_decay: float | None = None  # share of the old running value; null: the backbone's own
    bn_eps: float | None = None
    bn_unbiased: bool = True
    bn_synchronized: bool = True  # statistics over all replicas
    bn_frozen: bool = False  # running values in training too

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

    def millions(self):
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
    bn_decay: float = 0.999
    bn_eps: float = 1e-5
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True

    def outputs(self):
        """With scales the maximum and each scale's own logits."""
        return _outputs_of_scales(self.scales)

    def choices(self):
        """{field: its values}."""
        rules = {
            "scale_resize": ("ratio", "factor", "align_corners"),
            "backbone": ("resnet", "pyramid_resnet"),
        }
        return super().choices() | _RESNET_CHOICES | rules

    def check(self):
        """Scales are further ones, blocks four, options the backbone's."""
        _check_scales(self.scales)
        check_blocks(self.blocks)
        _check_rates(self.rates)
        _check_backbone(self, type(self)())

    def millions(self):
        """See `Network`."""
        return RESNET_MILLIONS[self.depth]


@dataclasses.dataclass
class DeepLabV3(DeepLabV2):
    """Fields of `models.deeplab.deeplabv3`; trained with batch norm, which is ours (2.6, D12)."""

    HEADS = r"^(aspp_|reduce_|fc\d?[_/])"

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
    bn_decay: float = 0.9
    bn_eps: float = 1.001e-5
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True

    def outputs(self):
        """With scales the maximum and each scale's own logits."""
        return _outputs_of_scales(self.scales)

    def choices(self):
        """{field: its values}."""
        return super().choices() | {
            "depth": PYRAMID_DEPTHS,
            "head": ("aspp", "conv102"),
            "scale_resize": ("legacy", "ratio", "factor", "align_corners"),
        }

    def check(self):
        """Scales are further ones, blocks four."""
        _check_scales(self.scales)
        check_blocks(self.blocks)
        _check_rates(self.rates)

    def millions(self):
        """See `Network`."""
        return RESNET_MILLIONS[self.depth]


NETWORKS = {
    kind().network: kind for kind in (PSPNet, DeepLabV2, DeepLabV3, DeepLabV3Plus, LFPSegmentation)
}


def usual_classes(config):
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
