"""Learning rates of Learning Feature Pyramids as published, by epoch or step (section 4)."""

from collections.abc import Sequence

# Finished epochs and the rate from there on at 256 images an update.
_IMAGENET = ((100, 1e-5), (90, 1e-4), (60, 1e-3), (30, 1e-2), (0, 1e-1))
_WARM_UP = 5
_STAGE_EPOCHS = 20
# PASCAL VOC: rates of 20 epochs each, by what is trained on what.
STAGES = {
    "coco_plain_head": (2.5e-3, 1.25e-3, 5e-4, 2.5e-4, 1e-4, 5e-5, 5e-6),
    "coco_plain_joint": (2.5e-4, 1.25e-4, 5e-5, 2.5e-5, 1e-5, 5e-6, 5e-7),
    "coco_aspp_head": (5e-4, 2.5e-4, 1.25e-4, 5e-5, 2.5e-5, 1.25e-5, 5e-6),
    "voc_head": (2.5e-4, 1.25e-4, 5e-5, 2.5e-5, 1e-5, 5e-6, 2.5e-6),
    "voc_joint": (1.25e-4, 5e-5, 2.5e-5, 1.25e-5, 5e-6, 2.5e-6, 1.25e-6),
}
_COCO = ((320000, 1e-4), (240000, 1e-3), (0, 1e-2))
_COCO_WARM_UP = 1000
_COCO_GPUS = 8


def imagenet_rate(epoch: int, *, batch: int = 256, original: bool = False) -> float:
    """ImageNet: 0.1 with drops by ten after 30, 60, 90 and 100 epochs, times batch / 256.

    Above 256 images the rate climbs from 0.1 over the first five epochs.

    Args:
        epoch: finished epochs.
        batch: images an update, over all replicas.
        original: below 256 images, whether the first 30 epochs keep 0.1, as the code did.
    """
    rate = _last(_IMAGENET, epoch)
    full = 0.1 * batch / 256
    if batch > 256 and epoch < _WARM_UP:
        return 0.1 + (full - 0.1) * epoch / _WARM_UP
    if original and batch < 256 and rate == 0.1:
        return rate
    return rate * batch / 256


def stage_rate(epoch: int, *, stage: str) -> float:
    """PASCAL VOC and its pretraining on COCO: a table of seven rates.

    Args:
        epoch: finished epochs; from 120 on the last rate holds.
        stage: key of `STAGES`.
    """
    rates = STAGES[stage]
    return rates[min(int(epoch) // _STAGE_EPOCHS, len(rates) - 1)]


def coco_rate(step: float, *, gpus: int = 8) -> float:
    """COCO detection: from a third of 0.01 to 0.01 in 1000 steps, drops at 240k and 320k.

    Args:
        step: updates before this one.
        gpus: 1, 2, 4 or 8; with fewer than eight, 8 / gpus times as many steps (their gradients
            are averaged).
    """
    step = step * gpus / _COCO_GPUS
    if step < _COCO_WARM_UP:
        return 0.01 / 3 + (0.01 - 0.01 / 3) * step / _COCO_WARM_UP
    return _last(_COCO, step)


def pose_rate(
    epoch: int, *, first: float = 0.00025, drops: Sequence = (150, 170, 200), factor: float = 0.1
) -> float:
    """Pose: `first`, times `factor` from each of the epochs `drops` on, counted from 1."""
    return first * factor ** sum(epoch >= drop for drop in drops)


def _last(table, position):
    """The rate of the first entry (from the end) that `position` has reached."""
    return next(rate for begin, rate in table if position >= begin)
