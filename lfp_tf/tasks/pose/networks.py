"""The pose networks of experiments: their fields, choices, rules and joints."""

import dataclasses
from typing import Any

from lfp_tf.errors import LfpError
from lfp_tf.images.palette import numbered_table
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.options import PYRAMID_INITIALIZERS, Norm, Options, PyramidModule
from lfp_tf.training.fields import Network


@dataclasses.dataclass
class Hourglass(Network):
    """Fields of `models.hourglass.hourglass`."""

    HEADS = r"^stack\d+_(out|merge_heatmaps)"

    network: str = "hourglass"
    preprocess: str = "pose"
    stacks: int = 2  # published: 1, 2, 8
    features: int = 256
    residuals: int = 1  # units at each place
    pyramid: bool = True  # false is the hourglass of plain units
    variant: str = "B"  # A, B, C, D
    base_width: int = 9
    cardinality: int = 4  # scales of a module
    shared_weights: bool = False
    fractional_pooling: str = "training"  # training, random, fixed
    initializer: str = "branch_aware"  # branch_aware (the paper's), torch_default
    bn_decay: float | None = 0.9
    bn_eps: float | None = 1e-5

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, PyramidModule)

    def arguments(self) -> dict[str, Any]:
        """Everything but the width: `features` says it here."""
        values = super().arguments()
        del values["width"]
        return values

    def outputs(self) -> tuple[str, ...]:
        """The heat maps of every stack."""
        return tuple(f"heatmaps_{stack}" for stack in range(1, self.stacks + 1))

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"initializer": PYRAMID_INITIALIZERS}

    def check(self) -> None:
        """Counts are at least 1."""
        super().check()
        for name in ("stacks", "residuals", "features", "base_width", "cardinality"):
            if getattr(self, name) < 1:
                raise LfpError(f"task.model.{name} must be at least 1, not {getattr(self, name)}.")
        if self.width != 1.0:
            raise LfpError("task.model.width is not an hourglass' field; give features.")

    def millions(self) -> float:
        """See `Network`."""
        return 4 * self.stacks * (self.features / 256) ** 2


NETWORKS = {"hourglass": Hourglass}


def usual_classes(config: Any) -> tuple[list, list]:
    """(names, no colours) of the joints of an experiment's data set.

    Args:
        config: `Config` of this task.

    Raises:
        LfpError: neither a known data set nor a number of joints.
    """
    joints, count = JOINTS.get(config.dataset, ()), config.model.classes
    if joints and count in (0, len(joints)):
        return list(joints), []
    if not count:
        raise LfpError(
            f"The joints of {config.dataset} are unknown; give a run's folder, or "
            "task.model.classes."
        )
    return list(numbered_table(count).names), []
