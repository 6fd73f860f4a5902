"""The classifiers of experiments: their fields, choices, rules and classes."""

import dataclasses
from typing import Any

from lfp_tf.fields import field
from lfp_tf.images.palette import numbered_table
from lfp_tf.options import RESNET_MILLIONS, Norm, Options, PyramidResNet
from lfp_tf.training.fields import Network

_IMAGENET_CLASSES = 1000


@dataclasses.dataclass
class LFPClassifier(Network):
    """Fields of `models.lfp.lfp_classifier`."""

    HEADS = r"^fc/"

    network: str = "lfp_classifier"
    preprocess: str = "imagenet_bgr"
    depth: int = 50  # 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    pyramid: bool = True  # false is the plain twin
    bn_decay: float | None = 0.9
    bn_eps: float | None = 1.001e-5
    bn_synchronized: bool = False  # the original's statistics are each GPU's own

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, PyramidResNet)

    def millions(self) -> float:
        """See `Network`."""
        return RESNET_MILLIONS[self.depth]


NETWORKS = {"lfp_classifier": LFPClassifier}


def usual_classes(config: Any) -> tuple[list, list]:
    """(names, no colours) of the classes of an experiment's data set: numbers.

    Args:
        config: `Config` of this task.
    """
    return list(numbered_table(config.model.classes or _IMAGENET_CLASSES).names), []
