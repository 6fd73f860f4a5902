"""The fields of an experiment: dataclasses of the host's config system, with a check a rule."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling import hyperparams, optimization
from official.modeling.optimization.configs import optimization_config, optimizer_config

from lfp_tf.errors import LfpError
from lfp_tf.tasks import overrides
from lfp_tf.tasks.network_config import NETWORKS, Network, PSPNet


def _field(factory):
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class Augmentation(hyperparams.Config):
    """What a training picture goes through before the crop (semseg tool/train.py)."""

    # semseg, tf1, deeplab, deeplab_seed, lfp, lfp_original (with its colours), none (centre crop)
    recipe: str = "semseg"
    scale_min: float = 0.5
    scale_max: float = 2.0
    scale_choices: list[float] = _field(list)  # deeplab: one of these
    base_size: int = 0  # deeplab: long side before scaling; 0: its own
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
    warp: list[int] = _field(list)  # height, width that pictures are squashed to; none: their own
    seed: int = 0  # of order and augmentation
    augmentation: Augmentation = _field(Augmentation)


@dataclasses.dataclass
class Losses(hyperparams.Config):
    """Cross-entropy of all logits, and weight decay."""

    ignore_label: int = 255
    aux_weight: float = 0.4
    normalization: str = "global"  # mean over the valid pixels of: global, replica, piece
    # Labels at the size of logits: full (subsampled with zoom_factor), map (TF1's nearest rule),
    # pil_nearest or opencv_nearest (DeepLab 4.3).
    label_size: str = "full"
    weight_decay: float = 1e-4
    weight_decay_covers: str = "all"  # D16: all, kernels_and_classifier_bias, kernels


@dataclasses.dataclass
class Evaluation(hyperparams.Config):
    """How `lfp-tf evaluate` scores by default; training scores whole pictures in one pass."""

    protocol: str = "whole"  # whole, deeplab, semseg, matlab, tf1_whole, lfp
    flip: str = "none"  # D17: none, softmax, logit_sum
    scales: list[float] = _field(lambda: [1.0])
    base_size: int = 0  # semseg, matlab: long side in pixels at scale 1
    crop: list[int] = _field(list)  # semseg, matlab, lfp: window; empty: the training crop
    min_size: list[int] = _field(list)  # tf1_whole: padded to at least this
    logits_resize: str = "align_corners"  # whole, deeplab: align_corners, half_pixel
    warp: list[int] = _field(list)  # deeplab: height, width of picture and truth in scoring
    warp_labels: str = "pil_nearest"  # how that truth is resized: pil_nearest, opencv_nearest
    mean_iou: str = "all"  # D21: all, present, truth


@dataclasses.dataclass
class SegmentationTask(cfg.TaskConfig):
    """Everything a training of a segmentation network needs but the optimizer."""

    dataset: str = ""  # its class table, and its folder of records under data/
    model: Network = _field(PSPNet)
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
    nesterov: bool = False  # w -= rate (g + m v), as tensorpack's ResNets are trained


@dataclasses.dataclass
class TorchRMSpropConfig(optimizer_config.BaseOptimizerConfig):
    """RMSprop in Torch's form, epsilon outside the root (the pose networks)."""

    name: str = "TorchRMSprop"
    rho: float = 0.99
    epsilon: float = 1e-8


@dataclasses.dataclass
class OptimizerConfig(optimization_config.OptimizerConfig):
    """The host's choices and Torch's SGD and RMSprop."""

    torch_sgd: TorchSGDConfig = _field(TorchSGDConfig)
    torch_rmsprop: TorchRMSpropConfig = _field(TorchRMSpropConfig)


@dataclasses.dataclass
class OptimizationConfig(optimization.OptimizationConfig):
    """Optimizer, learning rate and warm-up, as in the host.

    A `polynomial` rate whose `decay_steps` is 0 reaches its end with the last step.
    """

    optimizer: OptimizerConfig = _field(OptimizerConfig)
    renew_every: int = 1  # steps that a rate holds (DeepLab 4.4: 10)


@dataclasses.dataclass
class Trainer(cfg.TrainerConfig):
    """The host's trainer fields and gradient accumulation."""

    optimizer_config: OptimizationConfig = _field(OptimizationConfig)
    steps_per_loop: int = 1
    summary_interval: int = 100
    accumulation_steps: int = 1  # pieces a batch is trained in, one after the other
    average_loss: int = 20  # loops whose mean loss is logged beside each one's own
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
    "task.train_data.augmentation.recipe": (
        *("semseg", "tf1", "deeplab", "deeplab_seed", "lfp", "lfp_original", "none"),
    ),
    "task.losses.normalization": ("global", "replica", "piece"),
    "task.losses.label_size": ("full", "map", "pil_nearest", "opencv_nearest"),
    "task.losses.weight_decay_covers": ("all", "kernels_and_classifier_bias", "kernels"),
    "task.evaluation.protocol": ("whole", "deeplab", "semseg", "matlab", "tf1_whole", "lfp"),
    "task.evaluation.flip": ("none", "softmax", "logit_sum"),
    "task.evaluation.logits_resize": ("align_corners", "half_pixel"),
    "task.evaluation.warp_labels": ("pil_nearest", "opencv_nearest"),
    "task.evaluation.mean_iou": ("all", "present", "truth"),
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
    "trainer.average_loss",
    "trainer.max_to_keep",
    "trainer.optimizer_config.renew_every",
)


def of_network(network):
    """An `ExperimentConfig` of defaults whose `task.model` is that network's.

    Raises:
        LfpError: no such network.
    """
    if network not in NETWORKS:
        raise LfpError(
            f"task.model.network is {network!r}, but must be one of {', '.join(NETWORKS)}."
        )
    params = ExperimentConfig()
    params.task.model = NETWORKS[network]()
    return params


def of_recipe(recipe):
    """The `ExperimentConfig` of a recipe's nested dictionaries, fields and types checked."""
    params = of_network(recipe["task"].get("model", {}).get("network", "pspnet"))
    overrides.apply(params, recipe)
    return params


def validate(params):
    """Checks values and how they go together.

    Raises:
        LfpError: the first rule that is broken, by field.
    """
    model = {f"task.model.{k}": v for k, v in params.task.model.choices().items()}
    for path, choices in (CHOICES | model).items():
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
    for path in ("task.train_data.crop", "task.train_data.warp", "task.evaluation.warp"):
        size, optional = value_at(params, path), path.endswith("warp")
        if not (optional and not size) and (len(size) != 2 or min(size) < 1):
            raise LfpError(f"{path} must be [height, width] in pixels, not {size}.")
    task.model.check()
    _check_labels(task)
    if task.losses.aux_weight and "aux_logits" not in task.model.outputs():
        raise LfpError("task.losses.aux_weight needs task.model.aux_head=true, or set it to 0.")
    if task.train_data.augmentation.recipe == "deeplab" and not (
        task.train_data.augmentation.scale_choices
    ):
        raise LfpError("task.train_data.augmentation.scale_choices is empty with recipe=deeplab.")


def _check_labels(task):
    """Labels stand where the network's logits do."""
    zoom = getattr(task.model, "zoom_factor", None)
    if zoom is None and task.losses.label_size == "full":
        raise LfpError(
            "task.losses.label_size=full is for networks with a zoom_factor; use pil_nearest."
        )
    if task.losses.label_size != "full" and zoom not in (None, 1):
        raise LfpError(
            f"task.losses.label_size={task.losses.label_size} needs task.model.zoom_factor=1."
        )


def value_at(params, path):
    """The value of a dotted field."""
    for name in path.split("."):
        params = getattr(params, name)
    return params


def _words(choices):
    return ", ".join("null" if choice is None else str(choice) for choice in choices)
