"""The fields of a classification experiment's `task`."""

import dataclasses

from lfp_tf.data.classification.steps import check_steps
from lfp_tf.fields import Fields, field
from lfp_tf.tasks.classification.networks import LFPClassifier
from lfp_tf.training.fields import CroppedData, CroppedTaskConfig, Losses, Network, check_square


@dataclasses.dataclass
class ClassificationAugmentation(Fields):
    """See `data.classification.augmentations`."""

    enabled: bool = True  # false: the middle of the image, as in evaluation
    areas: list[float] = field(lambda: [0.08, 1.0])
    aspect_ratios: list[float] = field(lambda: [0.75, 1.333])
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    lighting: float = 0.1
    flip_probability: float = 0.5
    steps: list[dict | str] = field(list)  # the user's own list, in place of all of the above


@dataclasses.dataclass
class ClassificationData(CroppedData):
    """Images of one class each."""

    crop: list[int] = field(lambda: [224, 224])
    augmentation: ClassificationAugmentation = field(ClassificationAugmentation)


@dataclasses.dataclass
class ClassificationLosses(Losses):
    """Cross-entropy over the images."""

    weight_decay_covers: str = "kernels"


@dataclasses.dataclass
class ClassificationEvaluation(Fields):
    """The middle of every image, once."""

    shortest: int = 0  # pixels of the shorter side before the crop; 0: 256 / 224 of the crop


@dataclasses.dataclass
class Config(CroppedTaskConfig):
    """A class an image."""

    METRIC = "accuracy"

    model: Network = field(LFPClassifier)
    train_data: ClassificationData = field(ClassificationData)
    validation_data: ClassificationData = field(
        lambda: ClassificationData(split="val", is_training=False)
    )
    losses: ClassificationLosses = field(ClassificationLosses)
    evaluation: ClassificationEvaluation = field(ClassificationEvaluation)

    def check(self) -> None:
        """Crops are squares."""
        super().check()
        check_square(self.train_data.crop)
        check_steps(self.train_data.augmentation.steps)
