"""The stacked hourglass of pyramid residual modules in PyTorch, the rival, with our names.

Written from the description of `bearpaw/PyraNet`: variant B, norm and ReLU before each convolution,
which have biases; fractional max-pooling with all samples at 0.5.
"""

import math

import torch
from torch import nn
from torch.nn import functional

DEPTH = 4
BASE_WIDTH, CARDINALITY = 9, 4


class Hourglass(nn.Module):
    """Images [B, 3, H, W] to the heat maps of each stack, [B, classes, H / 4, W / 4].

    Args:
        classes: joints.
        stacks: hourglasses.
        features: channels.
        pyramid: whether there are pyramid modules; without is the plain hourglass.
    """

    def __init__(self, *, classes, stacks, features, pyramid=True):
        super().__init__()
        self.stacks = stacks
        self.unit = _Pyramid if pyramid else _Residual
        self.stem_conv = nn.Conv2d(3, 64, 7, 2, 3)
        self.stem_bn = nn.BatchNorm2d(64)
        self.stem_r1 = self.unit(64, 128, preact=False)
        self.stem_r4 = self.unit(128, 128)
        self.stem_r5 = self.unit(128, features)
        for stack in range(1, stacks + 1):
            name = f"stack{stack}"
            for depth in range(1, DEPTH + 1):
                self._add_level(f"{name}_n{depth}", features, depth)
            self.add_module(f"{name}_bn", nn.BatchNorm2d(features))
            self.add_module(f"{name}_lin_conv", nn.Conv2d(features, features, 1))
            self.add_module(f"{name}_lin_bn", nn.BatchNorm2d(features))
            self.add_module(f"{name}_out", nn.Conv2d(features, classes, 1))
            if stack < stacks:
                merge = nn.Conv2d(features, features, 1)
                self.add_module(f"{name}_merge_features", merge)
                self.add_module(f"{name}_merge_heatmaps", nn.Conv2d(classes, features, 1))

    def forward(self, images):
        """A list, the last stack's last."""
        x = _normed(self.stem_bn, self.stem_conv(images))
        x = functional.max_pool2d(self.stem_r1(x), 2)
        x, found = self.stem_r5(self.stem_r4(x)), []
        for stack in range(1, self.stacks + 1):
            part = {
                name: getattr(self, f"stack{stack}_{name}", None)
                for name in ("bn", "lin_conv", "lin_bn", "out", "merge_features", "merge_heatmaps")
            }
            y = _normed(part["bn"], self._hourglass(x, DEPTH, f"stack{stack}"))
            y = _normed(part["lin_bn"], part["lin_conv"](y))
            found.append(part["out"](y))
            if stack < self.stacks:
                x = x + part["merge_features"](y) + part["merge_heatmaps"](found[-1])
        return found

    def _add_level(self, name, features, depth):
        """The units of one depth; small maps have plain ones."""
        down = self.unit if depth >= 3 else _Residual
        up = self.unit if depth >= 2 else _Residual
        self.add_module(f"{name}_up_1", up(features, features))
        self.add_module(f"{name}_low1_1", down(features, features))
        if depth == 1:
            self.add_module(f"{name}_low2_1", down(features, features))
        self.add_module(f"{name}_low3_1", down(features, features, project=True))

    def _hourglass(self, x, depth, stack):
        up, low1, low2, low3 = (
            getattr(self, f"{stack}_n{depth}_{place}_1", None)
            for place in ("up", "low1", "low2", "low3")
        )
        y = low1(functional.max_pool2d(x, 2))
        y = low2(y) if low2 else self._hourglass(y, depth - 1, stack)
        return up(x) + functional.interpolate(low3(y), scale_factor=2, mode="nearest")


class _Skipping(nn.Module):
    def _add_skip(self, before, channels, project):
        self.projects = project or before != channels
        if self.projects:
            self.skip_bn = nn.BatchNorm2d(before)
            self.skip_conv = nn.Conv2d(before, channels, 1)

    def _skip(self, x):
        return self.skip_conv(_normed(self.skip_bn, x)) if self.projects else x


class _Residual(_Skipping):
    """The plain unit."""

    def __init__(self, before, channels, *, preact=True, project=False):
        super().__init__()
        half = channels // 2
        self.bn1 = nn.BatchNorm2d(before) if preact else None
        self.conv1 = nn.Conv2d(before, half, 1)
        self.bn2 = nn.BatchNorm2d(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(half)
        self.conv3 = nn.Conv2d(half, channels, 1)
        self._add_skip(before, channels, project)

    def forward(self, x):
        y = self.conv1(_normed(self.bn1, x))
        y = self.conv3(_normed(self.bn3, self.conv2(_normed(self.bn2, y))))
        return y + self._skip(x)


class _Pyramid(_Skipping):
    """The pyramid residual module."""

    def __init__(self, before, channels, *, preact=True, project=False):
        super().__init__()
        half, thin = channels // 2, channels // BASE_WIDTH
        self.main_bn1 = nn.BatchNorm2d(before) if preact else None
        self.pyr_bn1 = nn.BatchNorm2d(before) if preact else None
        self.main_conv1 = nn.Conv2d(before, half, 1)
        self.main_bn2 = nn.BatchNorm2d(half)
        self.main_conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.pyr_conv1 = nn.Conv2d(before, thin, 1)
        self.pyr_bn2 = nn.BatchNorm2d(thin)
        for level in range(1, CARDINALITY + 1):
            self.add_module(f"pyr_scale{level}", nn.Conv2d(thin, thin, 3, padding=1))
        self.pyr_bn3 = nn.BatchNorm2d(thin)
        self.pyr_conv2 = nn.Conv2d(thin, half, 1)
        self.join_bn = nn.BatchNorm2d(half)
        self.join_conv = nn.Conv2d(half, channels, 1)
        self._add_skip(before, channels, project)

    def forward(self, x):
        y = self.main_conv2(_normed(self.main_bn2, self.main_conv1(_normed(self.main_bn1, x))))
        thin = _normed(self.pyr_bn2, self.pyr_conv1(_normed(self.pyr_bn1, x)))
        y = y + self.pyr_conv2(_normed(self.pyr_bn3, self._levels(thin)))
        return self.join_conv(_normed(self.join_bn, y)) + self._skip(x)

    def _levels(self, thin):
        total, size = 0, thin.shape[2:]
        samples = thin.new_full((*thin.shape[:2], 2), 0.5)
        for level in range(1, CARDINALITY + 1):
            rate = math.pow(math.pow(2.0, 1.0 / CARDINALITY), level)
            small = [int(side * (1.0 / rate)) for side in size]
            y = functional.fractional_max_pool2d(thin, 2, small, _random_samples=samples)
            y = getattr(self, f"pyr_scale{level}")(y)
            total = total + functional.interpolate(y, size, mode="bilinear", align_corners=True)
        return total


def loss(found, targets):
    """The mean squared error of each stack, added up."""
    return sum(functional.mse_loss(maps.float(), targets) for maps in found)


def optimizer(network, *, rate=2.5e-4):
    """The recipe's."""
    return torch.optim.RMSprop(network.parameters(), rate, alpha=0.99, eps=1e-8)


def _normed(norm, x):
    """Norm and ReLU; None leaves x alone."""
    return functional.relu(norm(x), inplace=True) if norm else x
