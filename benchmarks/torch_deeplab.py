"""DeepLab v2 in PyTorch, the rival, with the names of `kazuto1011/deeplab-pytorch`'s state_dict.

Written from the description: Caffe's form of the ResNet (7x7 stem, stride in the first 1x1, pooling
rounded up), frozen norms, the sum of four dilated classifiers, the maximum over scales.
"""

import torch
from torch import nn
from torch.nn import functional

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
RATES = (6, 12, 18, 24)


class DeepLabV2(nn.Module):
    """Images [B, 3, H, W] to the maximum of the logits of all scales, [B, classes, h, w].

    Args:
        depth: 50 or 101.
        classes: channels out.
        width: multiplies all widths.
        scales: further scales.
    """

    def __init__(self, *, depth, classes, width=1.0, scales=()):
        super().__init__()
        self.base = _Net(depth, classes, width)
        self.scales = tuple(scales)

    def forward(self, images):
        """The maximum, at the size of scale 1."""
        found = self.base(images)
        size = found.shape[2:]
        for scale in self.scales:
            small = [int(side * scale) for side in images.shape[2:]]
            logits = self.base(_resized(images, small))
            found = torch.maximum(found, _resized(logits, size))
        return found


class _Net(nn.Module):
    def __init__(self, depth, classes, width):
        super().__init__()
        channels = round(64 * width)
        self.layer1 = nn.Sequential()
        self.layer1.add_module("conv1", _Unit(3, channels, 7, stride=2, padding=3))
        self.layer1.add_module("pool", nn.MaxPool2d(3, 2, 1, ceil_mode=True))
        for stage, (stride, dilation) in enumerate(((1, 1), (2, 1), (1, 2), (1, 4))):
            blocks, out = nn.Sequential(), 4 * round(64 * 2**stage * width)
            for number in range(1, BLOCKS[depth][stage] + 1):
                step = stride if number == 1 else 1
                block = _Block(channels, out, step, dilation, first=number == 1)
                blocks.add_module(f"block{number}", block)
                channels = out
            setattr(self, f"layer{stage + 2}", blocks)
        self.aspp = nn.Module()
        for number, rate in enumerate(RATES):
            branch = nn.Conv2d(channels, classes, 3, padding=rate, dilation=rate)
            self.aspp.add_module(f"c{number}", branch)

    def forward(self, x):
        for stage in range(1, 6):
            x = getattr(self, f"layer{stage}")(x)
        return sum(branch(x) for branch in self.aspp.children())


class _Unit(nn.Module):
    def __init__(self, channels, out, kernel, *, stride=1, padding=0, dilation=1, relu=True):
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding, dilation, bias=False)
        self.bn = nn.BatchNorm2d(out)
        self.relu = relu

    def forward(self, x):
        x = self.bn(self.conv(x))
        return functional.relu(x, inplace=True) if self.relu else x


class _Block(nn.Module):
    def __init__(self, channels, out, stride, dilation, *, first):
        super().__init__()
        self.reduce = _Unit(channels, out // 4, 1, stride=stride)
        self.conv3x3 = _Unit(out // 4, out // 4, 3, padding=dilation, dilation=dilation)
        self.increase = _Unit(out // 4, out, 1, relu=False)
        self.shortcut = _Unit(channels, out, 1, stride=stride, relu=False) if first else None

    def forward(self, x):
        y = self.increase(self.conv3x3(self.reduce(x)))
        return functional.relu(y + (self.shortcut(x) if self.shortcut else x), inplace=True)


def _resized(x, size):
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
