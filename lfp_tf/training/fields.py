"""The fields that experiments of every task have: network, records, losses, what is trained."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from lfp_tf.errors import LfpError
from lfp_tf.fields import Fields, field
from lfp_tf.options import PREPROCESSINGS, Norm, Options, Transformer, of_flat
from lfp_tf.training.host_fields import Runtime, Trainer

# Fields of a network that its builder does not take.
_NOT_ARGUMENTS = ("network", "preprocess")


@dataclasses.dataclass
class Network(Fields):
    """What every network has; the other fields are arguments of its builder in `models`."""

    # Our names of the variables that are no backbone's, as a regular expression.
    HEADS: ClassVar[str] = r"$^"
    # {what `task.trainable` may say besides: regular expression of our names that are trained}.
    TRAINABLE: ClassVar[dict[str, str]] = {}

    network: str = ""  # the experiment's own; another one is another experiment
    classes: int = 0  # 0: as many as the data set has
    width: float = 1.0  # multiplies all widths
    preprocess: str = "torch"  # torch, imagenet_bgr, caffe, kitti, mobilenet, deeplab, pose, none
    bn_decay: float | None = None  # share of the old running value; null: the network's own
    bn_eps: float | None = None  # null: the network's own
    bn_unbiased: bool = True  # running variances are those of n - 1 values
    bn_synchronized: bool = True  # statistics over all replicas
    bn_frozen: bool = False  # running values in training too

    def trained(self, trainable: str) -> str:
        """Gives the regular expression of our names that are trained.

        Args:
            trainable: as of `task.trainable`.
        """
        return {"all": "", "heads": self.HEADS, **self.TRAINABLE}[trainable]

    def groups(self) -> tuple[type[Options], ...]:
        """The `options` that its builder takes as values and YAML as fields, by their classes."""
        return (Norm,)

    def arguments(self) -> dict[str, Any]:
        """Gives the arguments of the network's builder."""
        values = self.as_dict()
        for name in _NOT_ARGUMENTS:
            values.pop(name)
        return values

    @classmethod
    def of_arguments(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Inverts `arguments`: the fields, but network and preprocessing, that give the values."""
        return dict(values)

    def outputs(self) -> tuple[str, ...]:
        """Lists the network's outputs that have a loss."""
        return ("logits",)

    def choices(self) -> dict[str, tuple]:
        """Gives {field: its values}."""
        values = {"network": (type(self)().network,), "preprocess": tuple(PREPROCESSINGS)}
        for kind in self.groups():
            names = kind.flat_names()
            values |= {names[name]: choices for name, choices in kind.CHOICES.items()}
        own = {f.name for f in dataclasses.fields(self)}
        return {name: choices for name, choices in values.items() if name in own}

    def check(self) -> None:
        """Raises LfpError where fields do not go together."""
        for kind in self.groups():
            try:
                of_flat(kind, self.as_dict())
            except ValueError as error:
                raise LfpError(f"task.model.{error}") from None

    def millions(self) -> float:
        """Estimates the parameters in millions at full width, for the room of checkpoints."""
        return 0.0


@dataclasses.dataclass
class Data(Fields):
    """Records and how they are batched."""

    folder: str = ""  # of the records; empty: data/DATASET
    split: str = "train"
    # Images per update, over all replicas and pieces; in validation 0: one for each replica.
    global_batch_size: int = 16
    is_training: bool = True
    seed: int = 0  # of order and augmentation


@dataclasses.dataclass
class CroppedData(Data):
    """Records of images that are trained in crops of one size."""

    crop: list[int] = field(lambda: [473, 473])  # height, width in pixels


@dataclasses.dataclass
class Losses(Fields):
    """What is minimized, and weight decay."""

    normalization: str = "global"  # mean over what counts in: global, replica, piece
    weight_decay: float = 1e-4
    weight_decay_covers: str = "all"  # all, kernels_and_classifier_bias, kernels


@dataclasses.dataclass
class TaskConfig(Fields):
    """Everything a training needs but the optimizer; what all tasks have."""

    # What the best checkpoint is chosen by, unless the trainer says otherwise.
    METRIC: ClassVar[str] = ""
    # Fields of a run that hold for whoever uses its network, besides `dataset` and `model`.
    KEPT: ClassVar[tuple[str, ...]] = ()

    dataset: str = ""  # its classes, and its folder of records under data/
    model: Network = field(Network)
    train_data: Data = field(Data)
    validation_data: Data = field(Data)
    losses: Losses = field(Losses)
    evaluation: Fields = field(Fields)
    init_checkpoint: str = ""  # any file that `lfp-tf convert` reads, or a shipped network's name
    init_exclude: list[str] = field(list)  # regular expressions of our names, left as drawn
    trainable: str = "all"  # all, heads
    freeze: list[str] = field(list)  # regular expressions of our names, left as they start
    train_gamma_beta: bool = True  # whether batch norm's gamma and beta are trained
    bias_lr_multiplier: float = 1.0  # of biases outside of the heads
    head_lr_multiplier: float = 1.0
    head_bias_lr_multiplier: float = 1.0
    head_norm_lr_multiplier: float = 1.0
    # The host's; nothing here reads them.
    name: str | None = None
    differential_privacy_config: None = None
    allow_image_summary: bool = False

    def image_size(self) -> tuple[int, ...] | None:
        """Gives (height, width) of every training image; None where they differ."""

    def usual_size(self) -> tuple[int, ...] | None:
        """Gives the (height, width) that costs are told for; None where a user must say it."""
        return self.image_size()

    def evaluated(self) -> dict[str, Any]:
        """Gives what a built network tells of how it is scored, as plain values."""
        return self.evaluation.as_dict()

    def take_classes(self, names: list[str], start: Callable[[], list[str]]) -> bool:
        """Takes the classes of records; false where the network is of others.

        Args:
            names: of the records' classes.
            start: gives the names of the classes of the run that `init_checkpoint` is, or none.
        """
        if self.model.classes not in (0, len(names)):
            return False
        self.model.classes = len(names)
        return True

    def choices(self) -> dict[str, tuple]:
        """Gives {field: its values}."""
        return {
            "losses.normalization": ("global", "replica", "piece"),
            "losses.weight_decay_covers": ("all", "kernels_and_classifier_bias", "kernels"),
            "trainable": ("all", "heads"),
        }

    def check(self) -> None:
        """Raises LfpError where fields do not go together."""

    def warnings(self, *, replicas: int, pieces: int) -> list[str]:
        """Gives sentences on what will train, but perhaps not as meant.

        Args:
            replicas: number of them.
            pieces: number of pieces in which a batch is trained.
        """
        return []


@dataclasses.dataclass
class CroppedTaskConfig(TaskConfig):
    """A task that trains on crops of one size."""

    train_data: CroppedData = field(CroppedData)
    validation_data: CroppedData = field(CroppedData)

    def image_size(self) -> tuple[int, ...]:
        """Gives the training crop (height, width)."""
        return tuple(self.train_data.crop)

    def check(self) -> None:
        """Refuses a crop that is no height and width."""
        check_size(self.train_data.crop, "task.train_data.crop")


@dataclasses.dataclass
class Experiment(Fields):
    """One experiment in full."""

    task: TaskConfig = field(TaskConfig)
    trainer: Trainer = field(Trainer)
    runtime: Runtime = field(Runtime)


def check_mixtures(transformer: Transformer, channels: int, name: str) -> None:
    """Refuses mixtures that do not divide a block's channels; `name` is the field of these."""
    options = transformer.pyramid()
    if options is None:
        return
    parts = {"st_mixtures": (options.attention.mixtures, channels)}
    if options.grounding.mode == "eud":
        parts["gt_mixtures"] = (options.grounding.mixtures, channels // 2)
    for field_name, (count, width) in parts.items():
        if width % count:
            raise LfpError(
                f"task.model.{field_name} is {count}, which does not divide {width} channels; "
                f"change it or task.model.{name}."
            )


def check_size(size: Sequence[int], path: str) -> None:
    """Refuses a size that is no height and width; `path` is the field's name."""
    if len(size) != 2 or min(size) < 1:
        raise LfpError(f"{path} must be [height, width] in pixels, not {size}.")


def check_square(size: Sequence[int]) -> None:
    """Refuses a training crop (height, width) that is no square."""
    if size[0] != size[1]:
        raise LfpError(f"task.train_data.crop is {size}, but this network's crops are squares.")
