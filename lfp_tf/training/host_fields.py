"""The host's fields of optimizers, rates, trainer and runtime as plain dataclasses; no TensorFlow.

Names, types and defaults are those of `official.core.config_definitions` and
`official.modeling.optimization`, of which a test reminds; what differs is said where it stands.
"""

import dataclasses
from typing import ClassVar

from lfp_tf.fields import Fields, OneOf, field


@dataclasses.dataclass
class Optimizer(Fields):
    """What all optimizers have."""

    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None


@dataclasses.dataclass
class SGD(Optimizer):
    """SGD with momentum in Caffe's form: v = m v - rate g; w += v."""

    name: str = "SGD"
    decay: float = 0.0
    nesterov: bool = False
    momentum: float = 0.0


@dataclasses.dataclass
class Caffe2SGD(Optimizer):
    """`SGD` whose v is multiplied by new / old rate where the rate jumps (Detectron). Ours."""

    name: str = "Caffe2SGD"
    momentum: float = 0.9


@dataclasses.dataclass
class TorchSGD(Optimizer):
    """SGD with momentum in PyTorch's form: v = m v + g; w -= rate v. Ours."""

    name: str = "TorchSGD"
    momentum: float = 0.9
    nesterov: bool = False  # w -= rate (g + m v), as tensorpack's ResNets are trained


@dataclasses.dataclass
class TorchRMSprop(Optimizer):
    """RMSprop in Torch's form, epsilon outside the root (the pose networks). Ours."""

    name: str = "TorchRMSprop"
    rho: float = 0.99
    epsilon: float = 1e-8


@dataclasses.dataclass
class Adam(Optimizer):
    """Adam."""

    name: str = "Adam"
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-07
    amsgrad: bool = False


@dataclasses.dataclass
class AdamW(Optimizer):
    """Adam with decoupled weight decay."""

    name: str = "AdamWeightDecay"
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-07
    amsgrad: bool = False
    weight_decay_rate: float = 0.0
    include_in_weight_decay: list[str] | None = None
    exclude_from_weight_decay: list[str] | None = None
    gradient_clip_norm: float = 1.0


@dataclasses.dataclass
class OptimizerChoice(OneOf):
    """The optimizers that can scale single variables' rates; the host has more."""

    sgd: SGD = field(SGD)
    caffe2_sgd: Caffe2SGD = field(Caffe2SGD)
    adam: Adam = field(Adam)
    adamw: AdamW = field(AdamW)
    torch_sgd: TorchSGD = field(TorchSGD)
    torch_rmsprop: TorchRMSprop = field(TorchRMSprop)


@dataclasses.dataclass
class ConstantRate(Fields):
    """One rate."""

    name: str = "Constant"
    learning_rate: float = 0.1


@dataclasses.dataclass
class StepwiseRate(Fields):
    """Rates that hold up to boundaries."""

    name: str = "PiecewiseConstantDecay"
    boundaries: list[int] | None = None
    values: list[float] | None = None
    offset: int = 0


@dataclasses.dataclass
class ExponentialRate(Fields):
    """A rate that falls by a factor every so many steps."""

    name: str = "ExponentialDecay"
    initial_learning_rate: float | None = None
    decay_steps: int | None = None
    decay_rate: float | None = None
    staircase: bool | None = None
    offset: int = 0


@dataclasses.dataclass
class PolynomialRate(Fields):
    """A rate that falls by a power of the share of steps left; `decay_steps` 0 is the last step."""

    name: str = "PolynomialDecay"
    initial_learning_rate: float | None = None
    decay_steps: int | None = None
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    offset: int = 0


@dataclasses.dataclass
class CosineRate(Fields):
    """A rate that falls as a half cosine."""

    name: str = "CosineDecay"
    initial_learning_rate: float | None = None
    decay_steps: int | None = None
    alpha: float = 0.0
    offset: int = 0


@dataclasses.dataclass
class PowerRate(Fields):
    """A rate times a power of the step."""

    name: str = "DirectPowerDecay"
    initial_learning_rate: float | None = None
    power: float = -0.5


@dataclasses.dataclass
class PowerLinearRate(Fields):
    """A rate times a power of the step, at the end to 0 in a line."""

    name: str = "PowerAndLinearDecay"
    initial_learning_rate: float | None = None
    total_decay_steps: int | None = None
    power: float = -0.5
    linear_decay_fraction: float = 0.1
    offset: int = 0


@dataclasses.dataclass
class PowerOffsetRate(Fields):
    """A rate times a power of the step, from a step on."""

    name: str = "PowerDecayWithOffset"
    initial_learning_rate: float | None = None
    power: float = -0.5
    offset: int = 0
    pre_offset_learning_rate: float = 1.0e6


@dataclasses.dataclass
class StepCosineRate(Fields):
    """Half cosines between boundaries."""

    name: str = "StepCosineDecayWithOffset"
    boundaries: list[int] | None = None
    values: list[float] | None = None
    offset: int = 0


@dataclasses.dataclass
class RateChoice(OneOf):
    """The learning rates."""

    constant: ConstantRate = field(ConstantRate)
    stepwise: StepwiseRate = field(StepwiseRate)
    exponential: ExponentialRate = field(ExponentialRate)
    polynomial: PolynomialRate = field(PolynomialRate)
    cosine: CosineRate = field(CosineRate)
    power: PowerRate = field(PowerRate)
    power_linear: PowerLinearRate = field(PowerLinearRate)
    power_with_offset: PowerOffsetRate = field(PowerOffsetRate)
    step_cosine_with_offset: StepCosineRate = field(StepCosineRate)


@dataclasses.dataclass
class LinearWarmup(Fields):
    """A line from a rate to the schedule's."""

    name: str = "linear"
    warmup_learning_rate: float = 0
    warmup_steps: int | None = None


@dataclasses.dataclass
class PolynomialWarmup(Fields):
    """A power of the step up to the schedule's rate."""

    name: str = "polynomial"
    power: float = 1
    warmup_steps: int | None = None


@dataclasses.dataclass
class WarmupChoice(OneOf):
    """How a rate begins; none is the schedule's own beginning."""

    linear: LinearWarmup = field(LinearWarmup)
    polynomial: PolynomialWarmup = field(PolynomialWarmup)


@dataclasses.dataclass
class Optimization(Fields):
    """Optimizer, learning rate and warm-up."""

    optimizer: OptimizerChoice = field(OptimizerChoice)
    ema: None = None  # the host's moving average of weights is not used here
    learning_rate: RateChoice = field(RateChoice)
    warmup: WarmupChoice = field(WarmupChoice)
    renew_every: int = 1  # ours: steps that a rate holds (DeepLab v2: 10)


@dataclasses.dataclass
class Trainer(Fields):
    """The host's trainer fields; our own come last."""

    RENAMED: ClassVar[dict[str, str]] = {"preview_pictures": "preview_images"}

    optimizer_config: Optimization = field(Optimization)
    train_tf_while_loop: bool = True
    train_tf_function: bool = True
    eval_tf_function: bool = True
    eval_tf_while_loop: bool = False
    allow_tpu_summary: bool = False
    steps_per_loop: int = 1  # the host's: 1000
    summary_interval: int = 100  # the host's: 1000
    checkpoint_interval: int = 1000
    max_to_keep: int = 5
    continuous_eval_timeout: int = 60 * 60
    train_steps: int = 0
    validation_steps: int = -1
    validation_interval: int = 1000
    best_checkpoint_export_subdir: str = ""
    best_checkpoint_eval_metric: str = ""  # empty: the task's own
    best_checkpoint_metric_comp: str = "higher"
    loss_upper_bound: float = 1e6
    recovery_begin_steps: int = 0
    recovery_max_trials: int = 0
    validation_summary_subdir: str = "validation"
    preemption_on_demand_checkpoint: bool = True
    accumulation_steps: int = 1  # pieces of a batch, which are trained one after the other
    average_loss: int = 20  # loops whose mean loss is logged beside each one's own
    seed: int = 0  # of new weights and dropout
    preview_images: int = 4  # validation images shown in TensorBoard
    early_stopping: int = 0  # evaluations without a better score that end the training; 0: none


@dataclasses.dataclass
class Runtime(Fields):
    """The host's runtime fields; `num_gpus` comes from the machine, not from the user."""

    distribution_strategy: str = "mirrored"
    enable_xla: bool = False
    gpu_thread_mode: str | None = None
    dataset_num_private_threads: int | None = None
    per_gpu_thread_count: int = 0
    tpu: str | None = None
    num_gpus: int = 0
    worker_hosts: str | None = None
    task_index: int = -1
    all_reduce_alg: str | None = None
    num_packs: int = 1
    mixed_precision_dtype: str | None = None
    loss_scale: str | float | None = None
    run_eagerly: bool = False
    batchnorm_spatial_persistent: bool = False
    tpu_enable_xla_dynamic_padder: bool | None = None
    num_cores_per_replica: int = 1
    default_shard_dim: int = -1
    use_tpu_mp_strategy: bool = False
