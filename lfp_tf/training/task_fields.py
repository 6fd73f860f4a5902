"""What the `task` of every experiment has: records, network, losses, what is trained."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling import hyperparams

from lfp_tf.errors import LfpError
from lfp_tf.training.network_fields import Network, field


@dataclasses.dataclass
class Data(hyperparams.Config):
    """Records and how they are batched."""

    folder: str = ""  # of the records; empty: data/DATASET
    split: str = "train"
    global_batch_size: int = 16  # pictures an update, over all replicas and pieces
    is_training: bool = True
    crop: list[int] = field(lambda: [473, 473])  # training: height, width in pixels
    seed: int = 0  # of order and augmentation


@dataclasses.dataclass
class Losses(hyperparams.Config):
    """What is minimized, and weight decay."""

    normalization: str = "global"  # mean over what counts in: global, replica, piece
    weight_decay: float = 1e-4
    weight_decay_covers: str = "all"  # D16: all, kernels_and_classifier_bias, kernels


@dataclasses.dataclass
class Task(cfg.TaskConfig):
    """Everything a training needs but the optimizer; what all kinds have."""

    # What the best checkpoint is chosen by, unless the trainer says otherwise.
    METRIC = ""

    dataset: str = ""  # its classes, and its folder of records under data/
    model: Network = field(Network)
    train_data: Data = field(Data)
    validation_data: Data = field(Data)
    losses: Losses = field(Losses)
    evaluation: hyperparams.Config = field(hyperparams.Config)
    init_checkpoint: str = ""  # any file that `lfp-tf convert` reads
    init_exclude: list[str] = field(list)  # regular expressions of our names, left as drawn
    trainable: str = "all"  # all, heads
    freeze: list[str] = field(list)  # regular expressions of our names, left as they start
    train_gamma_beta: bool = True  # D24: whether batch norm's gamma and beta are trained
    head_lr_multiplier: float = 1.0
    head_bias_lr_multiplier: float = 1.0
    head_norm_lr_multiplier: float = 1.0

    def choices(self):
        """{field: its values}."""
        return {
            "losses.normalization": ("global", "replica", "piece"),
            "losses.weight_decay_covers": ("all", "kernels_and_classifier_bias", "kernels"),
            "trainable": ("all", "heads"),
        }

    def check(self):
        """Raises LfpError where fields do not go together."""
        check_size(self.train_data.crop, "task.train_data.crop")


def check_size(size, path):
    """Refuses what is no height and width."""
    if len(size) != 2 or min(size) < 1:
        raise LfpError(f"{path} must be [height, width] in pixels, not {size}.")


def check_square(size):
    """Refuses a training crop that is no square."""
    if size[0] != size[1]:
        raise LfpError(f"task.train_data.crop is {size}, but this network's crops are squares.")
