"""LFP's pyramid ResNet classifier in PyTorch, the rival, with our names and torch's leaves.

Written from the description: stride in the 3x3, TensorFlow's padding (the smaller half before), and
TF1's bilinear resizing, which PyTorch does not have: `interpolate` is made to do it by a further
row and column, and matrices do it as ours do.
"""

import functools

import torch
from torch import nn
from torch.nn import functional

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
SCALES = (0.75, 0.875, 1.16, 1.33)
EPSILON = 1.001e-5
_THINNING = 8


class LFPClassifier(nn.Module):
    """Images [B, 3, H, W] to logits [B, classes].

    Args:
        depth: 50 or 101.
        classes: channels out.
        width: multiplies all widths.
        pyramid: whether blocks have pyramids; without is the plain twin.
        resize: `interpolate` or `matrices`.
    """

    def __init__(self, *, depth, classes, width=1.0, pyramid=True, resize="interpolate"):
        super().__init__()
        channels = round(64 * width)
        self.stem_conv1 = nn.Conv2d(3, channels, 7, 2, bias=False)
        self.stem_bn1 = nn.BatchNorm2d(channels, EPSILON)
        self.blocks = []
        for stage, count in enumerate(BLOCKS[depth]):
            planes = round(64 * 2**stage * width)
            for number in range(count):
                stride = 2 if stage and number == 0 else 1
                block = _Block(channels, planes, stride, pyramid=pyramid, resize=resize)
                self.blocks.append(f"stage{stage + 1}_block{number + 1}")
                self.add_module(self.blocks[-1], block)
                channels = 4 * planes
        self.fc = nn.Linear(channels, classes)

    def forward(self, images):
        """Logits."""
        x = _unit(self.stem_conv1, self.stem_bn1, images)
        # Zeros never win behind a ReLU; padding is before where a side is odd, behind otherwise.
        x = functional.max_pool2d(x, 3, 2, [side % 2 for side in x.shape[2:]], ceil_mode=True)
        for name in self.blocks:
            x = getattr(self, name)(x)
        return self.fc(x.mean((2, 3)))


class _Block(nn.Module):
    """The bottleneck, with or without its pyramid."""

    def __init__(self, channels, width, stride, *, pyramid, resize="interpolate"):
        super().__init__()
        self.resize = {"interpolate": _interpolated, "matrices": _multiplied}[resize]
        self.scales = SCALES if pyramid else ()
        thin = max(1, width // _THINNING)
        self._add("conv1", "bn1", channels, width)
        self._add("conv2", "bn2", width, width, 3, stride)
        self._add("conv3", "bn3", width, 4 * width)
        if pyramid:
            self._add("reduce", "reduce_bn", channels, thin)
            for number in range(1, len(SCALES) + 1):
                self._add(f"scale{number}", f"scale{number}_bn", thin, thin, 3, stride)
            self._add("merge", "merge_bn", thin * len(SCALES), 4 * width)
        self.projects = channels != 4 * width
        if self.projects:
            self._add("projection", "projection_bn", channels, 4 * width, 1, stride)

    def forward(self, x):
        y = _unit(self.conv1, self.bn1, x)
        y = _unit(self.conv2, self.bn2, y)
        y = _unit(self.conv3, self.bn3, y, relu=False)
        if self.scales:
            y = y + self._pyramid(x, y.shape[2:])
        if self.projects:
            x = _unit(self.projection, self.projection_bn, x, relu=False)
        return functional.relu(y + x, inplace=True)

    def _pyramid(self, x, size):
        thin, branches = _unit(self.reduce, self.reduce_bn, x), []
        for number, scale in enumerate(self.scales, start=1):
            branch = self.resize(thin, [int(side * scale) for side in x.shape[2:]])
            convolution, norm = (getattr(self, f"scale{number}{end}") for end in ("", "_bn"))
            branches.append(self.resize(_unit(convolution, norm, branch), size))
        return _unit(self.merge, self.merge_bn, torch.cat(branches, 1), relu=False)

    def _add(self, name, norm, channels, out, kernel=1, stride=1):
        self.add_module(name, nn.Conv2d(channels, out, kernel, stride, bias=False))
        self.add_module(norm, nn.BatchNorm2d(out, EPSILON))


def loss(logits, labels):
    """Cross-entropy, the mean over the images."""
    return functional.cross_entropy(logits.float(), labels)


def optimizer(network, *, rate=0.1, momentum=0.9, decay=1e-4):
    """The recipe's: Nesterov's momentum, decay of the kernels alone."""
    kernels = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim == 1]
    groups = [{"params": kernels}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, rate, momentum, weight_decay=decay, nesterov=True)


def _unit(convolution, norm, x, *, relu=True):
    """Convolution with TensorFlow's `SAME` padding, norm and ReLU."""
    kernel, stride = convolution.kernel_size[0], convolution.stride[0]
    totals = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:]]
    before = [total // 2 for total in totals]
    if any(total % 2 for total in totals):
        (top, left), (down, across) = before, totals
        x, before = functional.pad(x, (left, across - left, top, down - top)), 0
    y = norm(functional.conv2d(x, convolution.weight, None, stride, before))
    return functional.relu(y, inplace=True) if relu else y


def _interpolated(x, size):
    """TF1's bilinear: n + 1 pixels to m + 1 with corners aligned stand at i n / m, as it does."""
    height, width = size
    if tuple(size) == tuple(x.shape[2:]):
        return x
    x = functional.pad(x, (0, 1, 0, 1), mode="replicate")
    x = functional.interpolate(x, (height + 1, width + 1), mode="bilinear", align_corners=True)
    return x[:, :, :height, :width]


def _multiplied(x, size):
    """The same by two matrix products over the channels-last memory."""
    if tuple(size) == tuple(x.shape[2:]):
        return x
    batch, channels, height, width = x.shape
    rows, columns = _matrix(height, size[0], x.device), _matrix(width, size[1], x.device)
    y = torch.matmul(rows, x.permute(0, 2, 3, 1).reshape(batch, height, width * channels))
    y = torch.matmul(columns, y.view(batch, size[0], width, channels))
    return y.permute(0, 3, 1, 2)


@functools.cache
def _matrix(length, count, device):
    """[count, length] weights; output i takes its value at i length / count."""
    positions = torch.arange(count, dtype=torch.float32, device=device)
    positions = (positions * (torch.tensor(float(length)) / count)).clamp(max=length - 1)
    pixels = torch.arange(length, dtype=torch.float32, device=device)
    return (1 - (positions[:, None] - pixels).abs()).clamp(min=0)
