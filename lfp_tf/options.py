"""Names and options that builders of networks, experiments and pages share; no TensorFlow here."""

import dataclasses

# Parameters of a ResNet with heads, in millions.
RESNET_MILLIONS = {18: 13, 34: 23, 50: 49, 101: 68, 152: 84}
PYRAMID_DEPTHS = (50, 101, 152)
# Pyramid residual modules (Yang et al. 2017, figure 4) and how they draw weights and pool.
PYRAMID_VARIANTS = ("A", "B", "C", "D")
PYRAMID_INITIALIZERS = ("branch_aware", "torch_default")
FRACTIONAL_POOLING = ("training", "random", "fixed")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """(x - mean) / std of RGB grey levels 0..255, then the channel order.

    Attributes:
        mean: subtracted, in grey levels, in R, G, B order.
        std: divisor, in grey levels, in R, G, B order.
        order: `rgb` or `bgr`, how the network takes its channels.
    """

    mean: tuple
    std: tuple
    order: str


_IMAGENET_BGR = (123.68, 116.779, 103.939)

PREPROCESSINGS = {
    "torch": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "rgb"),
    # The same numbers for networks that tensorpack trained.
    "imagenet_bgr": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "bgr"),
    "caffe": Preprocessing(_IMAGENET_BGR, (1.0, 1.0, 1.0), "bgr"),
    # The means of the DeepLab authors, kept to three digits.
    "deeplab": Preprocessing((122.675, 116.669, 104.008), (1.0, 1.0, 1.0), "bgr"),
    # Printed in R, G, B order but subtracted in B, G, R order; old weights need it.
    "kitti": Preprocessing((93.5726928711, 96.4095153809, 89.592376709), (1.0, 1.0, 1.0), "bgr"),
    "mobilenet": Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), "rgb"),
    # Newell's means of MPII in 0..1 of 255 grey levels, nothing else.
    "pose": Preprocessing((112.302, 113.22, 110.3385), (255.0, 255.0, 255.0), "rgb"),
    "none": Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "rgb"),
}


def scale_output(scale):
    """The name of a scale's own logits: `logits_0.5` and the like."""
    return f"logits_{scale:g}"
