"""The fields of a classification experiment's `task` (LFP spec 4.1, 5.1)."""

import dataclasses

from official.modeling import hyperparams

from lfp_tf.tasks.segmentation.networks import LFPClassifier
from lfp_tf.training.network_fields import Network, field
from lfp_tf.training.task_fields import Data, Losses, Task, check_square


@dataclasses.dataclass
class ClassificationAugmentation(hyperparams.Config):
    """See `data.classification.transforms.ClassificationAugmentation` (LFP spec 4.1)."""

    enabled: bool = True  # false: the middle of the picture, as in evaluation
    areas: list[float] = field(lambda: [0.08, 1.0])
    aspect_ratios: list[float] = field(lambda: [0.75, 1.333])
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    lighting: float = 0.1
    flip_probability: float = 0.5


@dataclasses.dataclass
class ClassificationData(Data):
    """Pictures of one class each."""

    crop: list[int] = field(lambda: [224, 224])
    augmentation: ClassificationAugmentation = field(ClassificationAugmentation)


@dataclasses.dataclass
class ClassificationLosses(Losses):
    """Cross-entropy over the pictures."""

    weight_decay_covers: str = "kernels"


@dataclasses.dataclass
class ClassificationEvaluation(hyperparams.Config):
    """The middle of every picture, once."""

    shortest: int = 0  # pixels of the shorter side before the crop; 0: 256 / 224 of the crop


@dataclasses.dataclass
class ClassificationTask(Task):
    """A class a picture (LFP spec 4.1, 5.1)."""

    METRIC = "accuracy"

    model: Network = field(LFPClassifier)
    train_data: ClassificationData = field(ClassificationData)
    validation_data: ClassificationData = field(
        lambda: ClassificationData(split="val", is_training=False)
    )
    losses: ClassificationLosses = field(ClassificationLosses)
    evaluation: ClassificationEvaluation = field(ClassificationEvaluation)

    def check(self):
        """Crops are squares."""
        super().check()
        check_square(self.train_data.crop)
