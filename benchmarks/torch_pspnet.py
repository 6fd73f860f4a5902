"""PSPNet in PyTorch, the rival, with the names of `hszhao/semseg`'s state_dict.

Written from the paper and from the originals' description: deep stem, stride in the 3x3, dilated
stages 3 and 4, adaptive pooling, corners aligned. Depths 18 and 34 are put together as ours.
"""

import torch
from torch import nn
from torch.nn import functional

BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
AUX_WEIGHT = 0.4
IGNORE_LABEL = 255


class PSPNet(nn.Module):
    """Images [B, 3, H, W] to logits [B, classes, H, W]; in training a pair with the second head.

    Args:
        depth: 18, 50 or 101.
        classes: channels out.
        width: multiplies all widths.
        dropout: share of channels dropped before the classifiers.
    """

    def __init__(self, *, depth, classes, width=1.0, dropout=0.1):
        super().__init__()
        block = _Basic if depth == 18 else _Bottleneck
        planes = [round(64 * 2**stage * width) for stage in range(4)]
        stem = [round(channels * width) for channels in (64, 64, 128)]
        self.layer0 = nn.Sequential(
            *_conv_norm_relu(3, stem[0], 3, stride=2),
            *_conv_norm_relu(stem[0], stem[1], 3),
            *_conv_norm_relu(stem[1], stem[2], 3),
            nn.MaxPool2d(3, 2, 1),
        )
        channels = stem[2]
        for stage, (stride, dilation) in enumerate(((1, 1), (2, 1), (1, 2), (1, 4))):
            layers = []
            for number in range(BLOCKS[depth][stage]):
                step = stride if number == 0 else 1
                layers.append(block(channels, planes[stage], step, dilation, first=number == 0))
                channels = planes[stage] * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        middle = planes[2] * block.expansion
        self.ppm = _Pyramid(channels, bins=(1, 2, 3, 6))
        self.cls = _head(2 * channels, channels // 4, classes, dropout)
        self.aux = _head(middle, middle // 4, classes, dropout)

    def forward(self, images):
        """Logits; with `self.training` also those of the second head."""
        size = images.shape[2:]
        x = self.layer3(self.layer2(self.layer1(self.layer0(images))))
        logits = _resized(self.cls(self.ppm(self.layer4(x))), size)
        return (logits, _resized(self.aux(x), size)) if self.training else logits


def loss(outputs, labels):
    """Cross-entropy of both heads, the second at 0.4, over the labels that are not ignored."""
    main, aux = (
        functional.cross_entropy(logits.float(), labels, ignore_index=IGNORE_LABEL)
        for logits in outputs
    )
    return main + AUX_WEIGHT * aux


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels, planes, stride, dilation, *, first):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = _projection(channels, 4 * planes, stride) if first else None

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = functional.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (self.downsample(x) if self.downsample else x), inplace=True)


class _Basic(nn.Module):
    expansion = 1

    def __init__(self, channels, planes, stride, dilation, *, first):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, planes, 3, stride, dilation, dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        projects = first and (stride != 1 or channels != planes)
        self.downsample = _projection(channels, planes, stride) if projects else None

    def forward(self, x):
        y = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (self.downsample(x) if self.downsample else x), inplace=True)


class _Pyramid(nn.Module):
    def __init__(self, channels, bins):
        super().__init__()
        branch = channels // len(bins)
        self.features = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(number),
                nn.Conv2d(channels, branch, 1, bias=False),
                _AnyCountNorm(branch),
                nn.ReLU(inplace=True),
            )
            for number in bins
        )

    def forward(self, x):
        branches = [_resized(feature(x), x.shape[2:]) for feature in self.features]
        return torch.cat([x, *branches], 1)


class _AnyCountNorm(nn.BatchNorm2d):
    """Batch norm that takes one value a channel, as bin 1 of a batch of one image has."""

    def forward(self, x):
        return torch.batch_norm(
            x,
            self.weight,
            self.bias,
            self.running_mean,
            self.running_var,
            self.training,
            self.momentum,
            self.eps,
            torch.backends.cudnn.enabled,
        )


def _head(channels, between, classes, dropout):
    return nn.Sequential(
        *_conv_norm_relu(channels, between, 3),
        nn.Dropout2d(dropout),
        nn.Conv2d(between, classes, 1),
    )


def _conv_norm_relu(channels, out, kernel, stride=1):
    convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True)


def _projection(channels, out, stride):
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


def _resized(x, size):
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)
