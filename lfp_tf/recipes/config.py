"""From a recipe's nested dictionaries to checked fields; no TensorFlow here."""

from collections.abc import Iterable
from typing import Any

from lfp_tf.errors import LfpError
from lfp_tf.fields import value_at
from lfp_tf.recipes import experiments, overrides
from lfp_tf.recipes.experiments import USUAL_NETWORK
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec
from lfp_tf.training.fields import Experiment

_CHOICES = {
    "runtime.mixed_precision_dtype": (None, "float32", "bfloat16"),
    "runtime.distribution_strategy": ("mirrored", "multi_worker_mirrored", "tpu", "one_device"),
    "trainer.best_checkpoint_metric_comp": ("higher", "lower"),
}
# Fields whose `type` names one of their groups, and those where none may be named.
_ONE_OF = ("trainer.optimizer_config.optimizer", "trainer.optimizer_config.learning_rate")
_ONE_OR_NONE = ("trainer.optimizer_config.warmup",)
_POSITIVE = (
    "task.train_data.global_batch_size",
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


def of_network(network: str) -> Experiment:
    """Makes the `Experiment` of defaults for a network and its task.

    Raises:
        LfpError: no such network.
    """
    return of_task(catalog.of(network), network)


def of_task(task: TaskSpec, network: str) -> Experiment:
    """Makes the `Experiment` of defaults for a network of a task that is known already."""
    fields = catalog.part(task, "config").Config()
    fields.model = catalog.part(task, "networks").NETWORKS[network]()
    params = Experiment(task=fields)
    params.trainer.best_checkpoint_eval_metric = fields.METRIC
    return params


def of_recipe(recipe: dict[str, Any], *, changes: Iterable[dict[str, Any]] = ()) -> Experiment:
    """Makes the `Experiment` of a recipe, with names, types and values checked.

    Args:
        recipe: nested dictionaries, as `Experiment.config` of `recipes.experiments`.
        changes: further nested dictionaries, the later over the earlier.

    Raises:
        LfpError: the first field that is misspelt, of another type, or breaks a rule.
    """
    params = of_network(recipe["task"].get("model", {}).get("network", USUAL_NETWORK))
    overrides.apply(params, recipe)
    for change in changes:
        overrides.apply(params, change)
    validate(params)
    return params


def of_experiment(
    name: str, *, preset: str | None = None, changes: dict[str, Any] | None = None
) -> Experiment:
    """Makes the checked `Experiment` of a name.

    Args:
        name: of the experiment.
        preset: lineage whose options replace the recipe's own.
        changes: nested dictionaries of further fields.

    Raises:
        LfpError: no such experiment, preset or field, or values that do not go together.
    """
    recipe = experiments.read(name, preset=preset).config
    return of_recipe(recipe, changes=[changes] if changes else [])


def validate(params: Experiment) -> None:
    """Checks values and how they go together.

    Raises:
        LfpError: the first rule that is broken, by field.
    """
    task, trainer = params.task, params.trainer
    own = {f"task.{path}": values for path, values in task.choices().items()}
    model = {f"task.model.{name}": values for name, values in task.model.choices().items()}
    for path in _ONE_OF:
        if value_at(params, path).type is None:
            raise LfpError(f"{path}.type is missing.")
    one_of = {f"{path}.type": value_at(params, path).names() for path in _ONE_OF}
    one_of |= {f"{path}.type": [None, *value_at(params, path).names()] for path in _ONE_OR_NONE}
    for path, choices in (_CHOICES | one_of | own | model).items():
        value = value_at(params, path)
        if value not in choices:
            raise LfpError(f"{path} is {value!r}, but must be one of {_words(choices)}.")
    for path in _POSITIVE:
        if value_at(params, path) < 1:
            raise LfpError(f"{path} is {value_at(params, path)}, but must be at least 1.")
    if task.validation_data.global_batch_size < 0:
        raise LfpError("task.validation_data.global_batch_size must be 0 or more.")
    if trainer.summary_interval % trainer.steps_per_loop:
        raise LfpError(
            f"trainer.summary_interval ({trainer.summary_interval}) must be a multiple of "
            f"trainer.steps_per_loop ({trainer.steps_per_loop})."
        )
    task.model.check()
    task.check()


def _words(choices):
    return ", ".join("null" if choice is None else str(choice) for choice in choices)
