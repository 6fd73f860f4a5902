"""The fields of an experiment: dataclasses of the host's config system, with a check a rule."""

import dataclasses

from official.core import config_definitions as cfg
from official.modeling import optimization
from official.modeling.optimization.configs import optimization_config, optimizer_config

from lfp_tf.errors import LfpError
from lfp_tf.recipes import overrides
from lfp_tf.tasks.catalog import kind_of
from lfp_tf.tasks.classification.config import ClassificationTask
from lfp_tf.tasks.pose.config import PoseTask
from lfp_tf.tasks.segmentation.config import SegmentationTask
from lfp_tf.tasks.segmentation.networks import NETWORKS
from lfp_tf.training.network_fields import field
from lfp_tf.training.task_fields import Task


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

    torch_sgd: TorchSGDConfig = field(TorchSGDConfig)
    torch_rmsprop: TorchRMSpropConfig = field(TorchRMSpropConfig)


@dataclasses.dataclass
class OptimizationConfig(optimization.OptimizationConfig):
    """Optimizer, learning rate and warm-up, as in the host.

    A `polynomial` rate whose `decay_steps` is 0 reaches its end with the last step.
    """

    optimizer: OptimizerConfig = field(OptimizerConfig)
    renew_every: int = 1  # steps that a rate holds (DeepLab 4.4: 10)


@dataclasses.dataclass
class Trainer(cfg.TrainerConfig):
    """The host's trainer fields and gradient accumulation."""

    optimizer_config: OptimizationConfig = field(OptimizationConfig)
    steps_per_loop: int = 1
    summary_interval: int = 100
    accumulation_steps: int = 1  # pieces a batch is trained in, one after the other
    average_loss: int = 20  # loops whose mean loss is logged beside each one's own
    seed: int = 0  # of new weights and dropout
    best_checkpoint_eval_metric: str = SegmentationTask.METRIC
    preview_pictures: int = 4  # validation pictures shown in TensorBoard


@dataclasses.dataclass
class Runtime(cfg.RuntimeConfig):
    """The host's runtime fields; `num_gpus` is found, not given."""


@dataclasses.dataclass
class ExperimentConfig(cfg.ExperimentConfig):
    """One experiment in full."""

    task: Task = field(SegmentationTask)
    trainer: Trainer = field(Trainer)
    runtime: Runtime = field(Runtime)


TASKS = {
    "segmentation": SegmentationTask,
    "classification": ClassificationTask,
    "pose": PoseTask,
}
CHOICES = {
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
    """An `ExperimentConfig` of defaults for that network and its kind of task.

    Raises:
        LfpError: no such network.
    """
    if network not in NETWORKS:
        raise LfpError(
            f"task.model.network is {network!r}, but must be one of {', '.join(NETWORKS)}."
        )
    params = ExperimentConfig()
    params.task = TASKS[kind_of(network)]()
    params.task.model = NETWORKS[network]()
    params.trainer.best_checkpoint_eval_metric = params.task.METRIC
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
    task, trainer = params.task, params.trainer
    own = {f"task.{path}": values for path, values in task.choices().items()}
    model = {f"task.model.{name}": values for name, values in task.model.choices().items()}
    for path, choices in (CHOICES | own | model).items():
        value = value_at(params, path)
        if value not in choices:
            raise LfpError(f"{path} is {value!r}, but must be one of {_words(choices)}.")
    for path in POSITIVE:
        if value_at(params, path) < 1:
            raise LfpError(f"{path} is {value_at(params, path)}, but must be at least 1.")
    if trainer.summary_interval % trainer.steps_per_loop:
        raise LfpError(
            f"trainer.summary_interval ({trainer.summary_interval}) must be a multiple of "
            f"trainer.steps_per_loop ({trainer.steps_per_loop})."
        )
    task.model.check()
    task.check()


def value_at(params, path):
    """The value of a dotted field."""
    for name in path.split("."):
        params = getattr(params, name)
    return params


def _words(choices):
    return ", ".join("null" if choice is None else str(choice) for choice in choices)
