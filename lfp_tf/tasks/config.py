"""The fields of an experiment: dataclasses of the host's config system, with a check a rule."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling import hyperparams, optimization
from official.modeling.optimization.configs import optimization_config, optimizer_config

from lfp_tf.errors import LfpError


def _field(factory):
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class PSPNet(hyperparams.Config):
    """The network: arguments of `models.pspnet.pspnet`, and what it expects of its input."""

    classes: int = 0  # 0: as many as the data set has
    backbone: str = "resnet"  # resnet, mobilenet_v2
    depth: int = 50  # 18, 34, 50, 101, 152
    stem: str = "deep"  # D1: deep, plain
    stride_in: str = "3x3"  # D2: 3x3, 1x1
    padding: str = "symmetric"  # D3: symmetric, same
    pool_rounding: str = "floor"  # D25: floor, ceil
    use_ppm: bool = True  # the pyramid
    bins: list[int] = _field(lambda: [1, 2, 3, 6])
    pooling: str = "adaptive"  # D4: adaptive, window
    pool_windows: list[int] = _field(list)  # with `window`: cells a window, one a bin
    concat: str = "ascending"  # D5: ascending, descending
    zoom_factor: int = 8  # D14: 8, 4, 2, 1
    aux_head: bool = True  # D11
    dropout: float = 0.1  # D10
    dropout_kind: str = "channel"  # D10: channel, element
    bn_decay: float | None = None  # D7: share of the old running value; null: the backbone's own
    bn_eps: float | None = None  # D7
    bn_unbiased: bool = True  # D7
    bn_synchronized: bool = True  # D24: statistics over all replicas
    bn_frozen: bool = False  # D24: running values in training too
    width: float = 1.0  # multiplies all widths
    preprocess: str = "torch"  # D9: torch, caffe, kitti, mobilenet, none

    def arguments(self):
        """The arguments of `pspnet`."""
        values = self.as_dict()
        values.pop("preprocess")
        return values


@dataclasses.dataclass
class Augmentation(hyperparams.Config):
    """What a training picture goes through before the crop (semseg tool/train.py)."""

    recipe: str = "semseg"  # semseg, tf1, none (centre crop)
    scale_min: float = 0.5
    scale_max: float = 2.0
    rotate_degrees: float = 10.0  # uniform in +- this
    rotate_probability: float = 0.5
    blur_probability: float = 0.5
    flip_probability: float = 0.5


@dataclasses.dataclass
class Data(hyperparams.Config):
    """Records and how they are batched."""

    folder: str = ""  # of the records; empty: data/DATASET
    split: str = "train"
    global_batch_size: int = 16  # pictures an update, over all replicas and pieces
    is_training: bool = True
    crop: list[int] = _field(lambda: [473, 473])  # training: height, width in pixels
    seed: int = 0  # of order and augmentation
    augmentation: Augmentation = _field(Augmentation)


@dataclasses.dataclass
class Losses(hyperparams.Config):
    """Cross-entropy of both heads, and weight decay."""

    ignore_label: int = 255
    aux_weight: float = 0.4
    normalization: str = "global"  # mean over the valid pixels of: global, replica, piece
    label_size: str = "full"  # D15: full (subsampled with zoom_factor), map (TF1's nearest rule)
    weight_decay: float = 1e-4
    weight_decay_covers: str = "all"  # D16: all, kernels_and_classifier_bias, kernels


@dataclasses.dataclass
class Evaluation(hyperparams.Config):
    """How `lfp-tf evaluate` scores by default; training scores whole pictures in one pass."""

    protocol: str = "whole"  # whole, semseg, matlab, tf1_whole
    flip: str = "none"  # D17: none, softmax, logit_sum
    scales: list[float] = _field(lambda: [1.0])
    base_size: int = 0  # semseg, matlab: long side in pixels at scale 1
    crop: list[int] = _field(list)  # semseg, matlab: window; empty: the training crop
    min_size: list[int] = _field(list)  # tf1_whole: padded to at least this
    mean_iou: str = "all"  # D21: all, present


@dataclasses.dataclass
class SegmentationTask(cfg.TaskConfig):
    """Everything a training of a segmentation network needs but the optimizer."""

    dataset: str = ""  # its class table, and its folder of records under data/
    model: PSPNet = _field(PSPNet)
    train_data: Data = _field(Data)
    validation_data: Data = _field(lambda: Data(split="val", is_training=False))
    losses: Losses = _field(Losses)
    evaluation: Evaluation = _field(Evaluation)
    init_checkpoint: str = ""  # any file that `lfp-tf convert` reads
    init_exclude: list[str] = _field(list)  # regular expressions of our names, left as drawn
    trainable: str = "all"  # all, heads
    train_gamma_beta: bool = True  # D24: whether batch norm's gamma and beta are trained
    head_lr_multiplier: float = 10.0  # D12: pyramid, cls and aux
    head_bias_lr_multiplier: float = 10.0  # D12: the classifiers' biases
    head_norm_lr_multiplier: float = 10.0  # gamma and beta of the heads; 1 in the TF1 port


@dataclasses.dataclass
class TorchSGDConfig(optimizer_config.BaseOptimizerConfig):
    """SGD with momentum in PyTorch's form: v = m v + g; w -= rate v."""

    name: str = "TorchSGD"
    momentum: float = 0.9


@dataclasses.dataclass
class OptimizerConfig(optimization_config.OptimizerConfig):
    """The host's choices and PyTorch's SGD."""

    torch_sgd: TorchSGDConfig = _field(TorchSGDConfig)


@dataclasses.dataclass
class OptimizationConfig(optimization.OptimizationConfig):
    """Optimizer, learning rate and warm-up, as in the host.

    A `polynomial` rate whose `decay_steps` is 0 reaches its end with the last step.
    """

    optimizer: OptimizerConfig = _field(OptimizerConfig)


@dataclasses.dataclass
class Trainer(cfg.TrainerConfig):
    """The host's trainer fields and gradient accumulation."""

    optimizer_config: OptimizationConfig = _field(OptimizationConfig)
    steps_per_loop: int = 1
    summary_interval: int = 100
    accumulation_steps: int = 1  # pieces a batch is trained in, one after the other
    seed: int = 0  # of new weights and dropout
    best_checkpoint_eval_metric: str = "mean_iou"
    preview_pictures: int = 4  # validation pictures shown in TensorBoard


@dataclasses.dataclass
class Runtime(cfg.RuntimeConfig):
    """The host's runtime fields; `num_gpus` is found, not given."""


@dataclasses.dataclass
class ExperimentConfig(cfg.ExperimentConfig):
    """One experiment in full."""

    task: SegmentationTask = _field(SegmentationTask)
    trainer: Trainer = _field(Trainer)
    runtime: Runtime = _field(Runtime)


CHOICES = {
    "task.model.backbone": ("resnet", "mobilenet_v2"),
    "task.model.depth": (18, 34, 50, 101, 152),
    "task.model.stem": ("deep", "plain"),
    "task.model.stride_in": ("3x3", "1x1"),
    "task.model.padding": ("symmetric", "same"),
    "task.model.pool_rounding": ("floor", "ceil"),
    "task.model.pooling": ("adaptive", "window"),
    "task.model.concat": ("ascending", "descending"),
    "task.model.zoom_factor": (8, 4, 2, 1),
    "task.model.dropout_kind": ("channel", "element"),
    "task.model.preprocess": ("torch", "caffe", "kitti", "mobilenet", "none"),
    "task.train_data.augmentation.recipe": ("semseg", "tf1", "none"),
    "task.losses.normalization": ("global", "replica", "piece"),
    "task.losses.label_size": ("full", "map"),
    "task.losses.weight_decay_covers": ("all", "kernels_and_classifier_bias", "kernels"),
    "task.evaluation.protocol": ("whole", "semseg", "matlab", "tf1_whole"),
    "task.evaluation.flip": ("none", "softmax", "logit_sum"),
    "task.evaluation.mean_iou": ("all", "present"),
    "task.trainable": ("all", "heads"),
    "runtime.mixed_precision_dtype": (None, "float32", "bfloat16"),
    "runtime.distribution_strategy": ("mirrored", "multi_worker_mirrored", "tpu", "one_device"),
}
POSITIVE = (
    "task.train_data.global_batch_size",
    "task.validation_data.global_batch_size",
    "trainer.train_steps",
    "trainer.steps_per_loop",
    "trainer.summary_interval",
    "trainer.checkpoint_interval",
    "trainer.validation_interval",
    "trainer.accumulation_steps",
    "trainer.max_to_keep",
)
_RESNET_ONLY = ("depth", "stem", "stride_in", "padding", "pool_rounding")


def validate(params):
    """Checks values and how they go together.

    Raises:
        LfpError: the first rule that is broken, by field.
    """
    for path, choices in CHOICES.items():
        value = value_at(params, path)
        if value not in choices:
            raise LfpError(f"{path} is {value!r}, but must be one of {_words(choices)}.")
    for path in POSITIVE:
        if value_at(params, path) < 1:
            raise LfpError(f"{path} is {value_at(params, path)}, but must be at least 1.")
    task, trainer = params.task, params.trainer
    if trainer.summary_interval % trainer.steps_per_loop:
        raise LfpError(
            f"trainer.summary_interval ({trainer.summary_interval}) must be a multiple of "
            f"trainer.steps_per_loop ({trainer.steps_per_loop})."
        )
    if len(task.train_data.crop) != 2 or min(task.train_data.crop) < 1:
        raise LfpError("task.train_data.crop must be [height, width] in pixels.")
    if task.losses.label_size == "map" and task.model.zoom_factor != 1:
        raise LfpError("task.losses.label_size=map needs task.model.zoom_factor=1.")
    if task.model.pooling == "window" and len(task.model.pool_windows) != len(task.model.bins):
        raise LfpError("task.model.pool_windows needs one number a bin with pooling=window.")
    if task.model.backbone == "mobilenet_v2":
        _refuse_resnet_options(task.model)
    if task.losses.aux_weight and not task.model.aux_head:
        raise LfpError("task.losses.aux_weight needs task.model.aux_head=true, or set it to 0.")


def value_at(params, path):
    """The value of a dotted field."""
    for name in path.split("."):
        params = getattr(params, name)
    return params


def _refuse_resnet_options(model):
    default = PSPNet()
    for name in _RESNET_ONLY:
        if getattr(model, name) != getattr(default, name):
            raise LfpError(f"task.model.{name} is an option of the ResNet, not of mobilenet_v2.")


def _words(choices):
    return ", ".join("null" if choice is None else str(choice) for choice in choices)
