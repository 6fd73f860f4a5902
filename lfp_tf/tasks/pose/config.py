"""The fields of a pose experiment's `task`."""

import dataclasses

from lfp_tf.data.pose.steps import check_steps
from lfp_tf.errors import LfpError
from lfp_tf.fields import Fields, field
from lfp_tf.tasks.pose.networks import Hourglass
from lfp_tf.training.fields import CroppedData, CroppedTaskConfig, Losses, Network, check_square


@dataclasses.dataclass
class PoseAugmentation(Fields):
    """See `data.pose.augmentations`."""

    enabled: bool = True
    scale_deviation: float = 0.25
    rotation_deviation: float = 30.0
    no_rotation_probability: float = 0.6
    color: float = 0.2
    flip_probability: float = 0.5
    steps: list[dict | str] = field(list)  # the user's own list, in place of all of the above


@dataclasses.dataclass
class PoseData(CroppedData):
    """People with joints."""

    crop: list[int] = field(lambda: [256, 256])
    augmentation: PoseAugmentation = field(PoseAugmentation)


@dataclasses.dataclass
class PoseLosses(Losses):
    """Mean squared error of each stack's heat maps; their sum."""

    weight_decay: float = 0.0
    weight_decay_covers: str = "kernels"
    legacy_border: bool = False  # targets as the original draws them at the border


@dataclasses.dataclass
class PoseEvaluation(Fields):
    """How `lfp-tf evaluate` scores people by default."""

    score: str = "pckh"  # pckh (MPII), pck (LSP, of the torso)
    flip: bool = True  # averaged with the mirror image
    scales: list[float] = field(lambda: [1.0])  # of the person's size; the paper's 0.8 to 1.3


@dataclasses.dataclass
class Config(CroppedTaskConfig):
    """The joints of a person."""

    METRIC = "map_accuracy"

    model: Network = field(Hourglass)
    train_data: PoseData = field(PoseData)
    validation_data: PoseData = field(lambda: PoseData(split="val", is_training=False))
    losses: PoseLosses = field(PoseLosses)
    evaluation: PoseEvaluation = field(PoseEvaluation)

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"evaluation.score": ("pckh", "pck")}

    def check(self) -> None:
        """Crops are squares that the hourglass can halve."""
        super().check()
        check_square(self.train_data.crop)
        check_steps(self.train_data.augmentation.steps)
        if self.train_data.crop[0] % 64:
            raise LfpError(
                f"task.train_data.crop is {self.train_data.crop}, but an hourglass needs multiples "
                "of 64."
            )
        scales = self.evaluation.scales
        if not scales or min(scales) <= 0:
            raise LfpError(f"task.evaluation.scales must be numbers above 0, not {scales}.")
