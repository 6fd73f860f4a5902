"""The networks of experiments: their fields, choices and rules, by name."""

import dataclasses

from official.modeling import hyperparams

from lfp_tf.errors import LfpError
from lfp_tf.models.multi_scale import output_name

PREPROCESS = ("torch", "imagenet_bgr", "caffe", "kitti", "mobilenet", "deeplab", "none")
# What no builder of `models` takes.
_NOT_ARGUMENTS = ("network", "preprocess")


def _field(factory):
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class Network(hyperparams.Config):
    """What every network has; the other fields are arguments of its builder in `models`."""

    network: str = ""  # the experiment's own; another one is another experiment
    classes: int = 0  # 0: as many as the data set has
    width: float = 1.0  # multiplies all widths
    # D9: torch, imagenet_bgr, caffe, kitti, mobilenet, deeplab, none
    preprocess: str = "torch"

    def arguments(self):
        """The arguments of the network's builder."""
        values = self.as_dict()
        for name in _NOT_ARGUMENTS:
            values.pop(name)
        return values

    def outputs(self):
        """Names of the network's logits that training minimizes a loss of."""
        return ("logits",)

    def choices(self):
        """{field: its values}."""
        return {"network": (type(self)().network,), "preprocess": PREPROCESS}

    def check(self):
        """Raises LfpError where fields do not go together."""


_RESNET_CHOICES = {
    "depth": (18, 34, 50, 101, 152),
    "stem": ("deep", "plain"),
    "stride_in": ("3x3", "1x1"),
    "padding": ("symmetric", "same"),
    "pool_rounding": ("floor", "ceil"),
}


_PYRAMID_DEPTHS = (50, 101, 152)


def _outputs_of_scales(scales):
    if not scales:
        return ("logits",)
    return ("logits", *(output_name(scale) for scale in (1, *scales)))


def _check_scales(scales):
    if any(scale <= 0 or scale == 1 for scale in scales) or len(set(scales)) < len(scales):
        raise LfpError(
            "task.model.scales must be different numbers above 0 other than 1, which is always "
            "there."
        )


def _check_blocks(blocks):
    if blocks and (len(blocks) != 4 or min(blocks) < 1):
        raise LfpError("task.model.blocks must be four numbers of at least 1.")


def _check_rates(rates):
    if min(rates, default=1) < 1:
        raise LfpError("task.model.rates must be numbers of at least 1.")


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
    if is_pyramid and model.depth not in _PYRAMID_DEPTHS:
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
    bins: list[int] = _field(lambda: [1, 2, 3, 6])
    pooling: str = "adaptive"  # D4: adaptive, window
    pool_windows: list[int] = _field(list)  # with `window`: cells a window, one a bin
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
    blocks: list[int] = _field(list)  # of the four stages, in place of the depth's
    stem: str = "plain"
    stride_in: str = "1x1"
    padding: str = "symmetric"
    pool_rounding: str = "ceil"
    rates: list[int] = _field(lambda: [6, 12, 18, 24])  # 2.2; 3, 6, 9, 12: the small field
    scales: list[float] = _field(lambda: [0.5, 0.75])  # 2.5: further scales; none: the plain net
    scale_resize: str = "ratio"  # 2.5: ratio, factor, align_corners
    bn_decay: float = 0.999
    bn_eps: float = 1e-5
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True  # 2.3

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
        _check_blocks(self.blocks)
        _check_rates(self.rates)
        _check_backbone(self, type(self)())


@dataclasses.dataclass
class DeepLabV3(DeepLabV2):
    """Fields of `models.deeplab.deeplabv3`; trained with batch norm, which is ours (2.6, D12)."""

    network: str = "deeplabv3"
    output_stride: int = 16  # 16, 8
    rates: list[int] = _field(list)  # none: those of the stride
    multi_grids: list[int] = _field(lambda: [1, 2, 4])
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
    """Fields of `models.lfp.lfp_segmentation`; numbers are sections of the LFP spec."""

    network: str = "lfp_segmentation"
    preprocess: str = "imagenet_bgr"
    depth: int = 101  # 50, 101, 152
    blocks: list[int] = _field(list)  # of the four stages, in place of the depth's
    pyramid: bool = True  # 2.3: false is the plain twin
    dilated_bias: bool = True  # 2.4: biases of the dilated convolutions
    head: str = "aspp"  # 2.4: aspp, conv102
    rates: list[int] = _field(lambda: [6, 12, 18, 24])  # 2.4: of aspp
    scales: list[float] = _field(lambda: [0.75, 0.5])  # 2.4: further scales; none: the plain net
    scale_resize: str = "legacy"  # 2.4: legacy, ratio, factor, align_corners
    bn_decay: float = 0.9
    bn_eps: float = 1.001e-5  # 2.1
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True  # 2.4

    def outputs(self):
        """With scales the maximum and each scale's own logits."""
        return _outputs_of_scales(self.scales)

    def choices(self):
        """{field: its values}."""
        return super().choices() | {
            "depth": _PYRAMID_DEPTHS,
            "head": ("aspp", "conv102"),
            "scale_resize": ("legacy", "ratio", "factor", "align_corners"),
        }

    def check(self):
        """Scales are further ones, blocks four."""
        _check_scales(self.scales)
        _check_blocks(self.blocks)
        _check_rates(self.rates)


NETWORKS = {
    kind().network: kind for kind in (PSPNet, DeepLabV2, DeepLabV3, DeepLabV3Plus, LFPSegmentation)
}
