"""The networks of Learning Feature Pyramids in experiments; numbers are sections of their spec."""

import dataclasses

from lfp_tf.errors import LfpError
from lfp_tf.layers.pyramid_residual import FRACTIONAL_POOLING, INITIALIZERS, VARIANTS
from lfp_tf.training.network_fields import (
    PYRAMID_DEPTHS,
    Network,
    check_blocks,
    check_rates,
    check_scales,
    field,
    outputs_of_scales,
)


@dataclasses.dataclass
class LFPSegmentation(Network):
    """Fields of `models.lfp.lfp_segmentation`; numbers are sections of the LFP spec."""

    network: str = "lfp_segmentation"
    preprocess: str = "imagenet_bgr"
    depth: int = 101  # 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    pyramid: bool = True  # 2.3: false is the plain twin
    dilated_bias: bool = True  # 2.4: biases of the dilated convolutions
    head: str = "aspp"  # 2.4: aspp, conv102
    rates: list[int] = field(lambda: [6, 12, 18, 24])  # 2.4: of aspp
    scales: list[float] = field(lambda: [0.75, 0.5])  # 2.4: further scales; none: the plain net
    scale_resize: str = "legacy"  # 2.4: legacy, ratio, factor, align_corners
    bn_decay: float = 0.9
    bn_eps: float = 1.001e-5  # 2.1
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = True  # 2.4

    def outputs(self):
        """With scales the maximum and each scale's own logits."""
        return outputs_of_scales(self.scales)

    def choices(self):
        """{field: its values}."""
        return super().choices() | {
            "depth": PYRAMID_DEPTHS,
            "head": ("aspp", "conv102"),
            "scale_resize": ("legacy", "ratio", "factor", "align_corners"),
        }

    def check(self):
        """Scales are further ones, blocks four."""
        check_scales(self.scales)
        check_blocks(self.blocks)
        check_rates(self.rates)


@dataclasses.dataclass
class LFPClassifier(Network):
    """Fields of `models.lfp.lfp_classifier`; numbers are sections of the LFP spec."""

    network: str = "lfp_classifier"
    preprocess: str = "imagenet_bgr"
    depth: int = 50  # 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    pyramid: bool = True  # 2.1: false is the plain twin
    bn_decay: float = 0.9
    bn_eps: float = 1.001e-5  # 2.1
    bn_unbiased: bool = True
    bn_synchronized: bool = False  # the original's statistics are each GPU's own
    bn_frozen: bool = False

    def choices(self):
        """{field: its values}."""
        return super().choices() | {"depth": PYRAMID_DEPTHS}

    def check(self):
        """Blocks are four."""
        check_blocks(self.blocks)


@dataclasses.dataclass
class Hourglass(Network):
    """Fields of `models.hourglass.hourglass`; numbers are sections of the LFP spec."""

    network: str = "hourglass"
    preprocess: str = "pose"
    stacks: int = 2  # published: 1, 2, 8
    features: int = 256
    residuals: int = 1  # units at each place
    pyramid: bool = True  # 2.5: false is the hourglass of plain units
    variant: str = "B"  # 2.5: A, B, C, D
    base_width: int = 9
    cardinality: int = 4  # scales of a module
    shared_weights: bool = False
    fractional_pooling: str = "training"  # 2.5: training, random, fixed
    initializer: str = "branch_aware"  # branch_aware (the paper's), torch_default
    bn_decay: float = 0.9
    bn_eps: float = 1e-5
    bn_unbiased: bool = True
    bn_synchronized: bool = True
    bn_frozen: bool = False

    def arguments(self):
        """Everything but the width: `features` says it here."""
        found = super().arguments()
        del found["width"]
        return found

    def outputs(self):
        """The heat maps of every stack."""
        return tuple(f"heatmaps_{stack}" for stack in range(1, self.stacks + 1))

    def choices(self):
        """{field: its values}."""
        return super().choices() | {
            "variant": VARIANTS,
            "fractional_pooling": FRACTIONAL_POOLING,
            "initializer": INITIALIZERS,
        }

    def check(self):
        """Counts are at least 1."""
        for name in ("stacks", "residuals", "features", "base_width", "cardinality"):
            if getattr(self, name) < 1:
                raise LfpError(f"task.model.{name} must be at least 1, not {getattr(self, name)}.")
        if self.width != 1.0:
            raise LfpError("task.model.width is not an hourglass' field; give features.")
