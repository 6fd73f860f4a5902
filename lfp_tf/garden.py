"""Our experiments and tasks in the Model Garden's own registries: `import lfp_tf.garden`.

Afterwards the host's code works on them: `exp_factory.get_exp_config("pspnet101_cityscapes")`,
`task_factory.get_task(params.task, logging_dir=folder)` and `train_lib.run_experiment`. The host's
loop neither stops at a signal nor draws images; `train.py` has the loop that does.
"""

import dataclasses

from official.core import config_definitions as cfg
from official.core import exp_factory, task_factory
from official.modeling import hyperparams

from lfp_tf.recipes import config, experiments, overrides, preflight
from lfp_tf.recipes.networks import task_class
from lfp_tf.tasks import catalog
from lfp_tf.training.checkpoints import find_newest
from lfp_tf.training.host_fields import Optimization

# Fields of our trainer that the host's loop has no use for; the first moves to the task.
_PIECES = "accumulation_steps"
_NOT_THE_HOSTS = (_PIECES, "average_loss", "seed", "preview_images", "early_stopping")


@dataclasses.dataclass
class TaskConfig(cfg.TaskConfig):
    """The `task` of any of our experiments, in the host's form: our fields under our names."""

    accumulation_steps: int = 1  # pieces of a batch, which are trained one after the other


def host_config(name: str) -> cfg.ExperimentConfig:
    """Makes the host's `ExperimentConfig` of an experiment.

    Args:
        name: of the experiment.

    Raises:
        LfpError: no such experiment.
    """
    params = config.of_experiment(name)
    task = TaskConfig(accumulation_steps=params.trainer.accumulation_steps)
    for key, value in params.task.as_dict().items():
        # Our groups alone, so that the host refuses fields that would do nothing.
        setattr(task, key, hyperparams.Config(value) if isinstance(value, dict) else value)
    trainer, runtime = cfg.TrainerConfig(), cfg.RuntimeConfig()
    values = params.trainer.as_dict()
    for key in _NOT_THE_HOSTS:
        del values[key]
    rate = values["optimizer_config"]["learning_rate"].get("polynomial")
    if rate and not rate["decay_steps"]:
        rate["decay_steps"] = params.trainer.train_steps
    trainer.override(values, is_strict=False)
    runtime.override(params.runtime.as_dict(), is_strict=False)
    return cfg.ExperimentConfig(task=task, trainer=trainer, runtime=runtime)


def _task(task_config, logging_dir=None, **_):
    """Makes the host's task of a `TaskConfig`, whose records must be there.

    Raises:
        LfpError: a field or its records are not as they must be.
    """
    fields = task_config.as_dict()
    params = config.of_network(fields["model"]["network"])
    params.trainer.accumulation_steps = fields.pop(_PIECES)
    overrides.apply(params, {"task": fields})
    params.task.check()
    preflight.fill_in(params)
    task = task_class(catalog.of(params.task.model.network))
    step = find_newest(logging_dir).step if logging_dir else 0
    return _for_the_host(task(params, start_step=step))


def _for_the_host(task):
    """Lets a task take the host's forms of its data and optimizer fields."""
    build_inputs, create_optimizer = task.build_inputs, task.create_optimizer

    def inputs(params, input_context=None):
        own = task.task_config
        data = own.train_data if params.is_training else own.validation_data
        return build_inputs(data, input_context)

    def optimizer(optimizer_config, runtime_config=None, dp_config=None):
        fields = Optimization()
        overrides.apply(fields, optimizer_config.as_dict())
        return create_optimizer(fields)

    task.build_inputs, task.create_optimizer = inputs, optimizer
    return task


task_factory.register_task_cls(TaskConfig)(_task)
for _name in experiments.paths():
    exp_factory.register_config_factory(_name)(lambda name=_name: host_config(name))
