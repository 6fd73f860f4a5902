"""From a recipe to checked fields: defaults of the task, changes in order, a sentence a rule."""

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments, overrides
from lfp_tf.tasks import catalog


@pytest.mark.parametrize("name", sorted(experiments.paths()))
def test_every_recipe_holds_its_own_rules(name):
    experiment = experiments.read(name)
    params = config.of_recipe(experiment.config)
    assert params.task.model.network in experiment.task.networks
    assert params.trainer.best_checkpoint_eval_metric
    # What `params.yaml` says is read back to the same fields.
    again = config.of_network(params.task.model.network)
    overrides.apply(again, params.as_dict())
    config.validate(again)
    assert again.as_dict() == params.as_dict()


@pytest.mark.parametrize("task", catalog.TASKS, ids=lambda task: task.name)
def test_a_networks_fields_are_its_tasks(task):
    metrics = {"segmentation": "mean_iou", "classification": "accuracy", "pose": "map_accuracy"}
    metrics["detection"] = "box_ap"
    for network in task.networks:
        params = config.of_network(network)
        assert params.task.model.network == network
        assert type(params.task).__module__ == f"lfp_tf.tasks.{task.name}.config"
        assert params.trainer.best_checkpoint_eval_metric == metrics[task.name]
        assert not params.task.validation_data.is_training
        assert params.task.validation_data.split == "val"


def test_a_network_of_nobody_is_refused():
    with pytest.raises(LfpError, match="network is 'vgg', but must be one of pspnet, deeplabv2, d"):
        config.of_network("vgg")


def test_later_changes_win_and_rules_are_checked_at_the_end():
    recipe = experiments.read("pspnet18_scenes").config
    wrong = {"trainer": {"summary_interval": 5}}
    right = {"trainer": {"steps_per_loop": 5, "train_steps": 9}}
    params = config.of_recipe(recipe, changes=[wrong, right, {"trainer": {"train_steps": 7}}])
    assert (params.trainer.steps_per_loop, params.trainer.train_steps) == (5, 7)


def test_a_preset_is_under_the_users_changes():
    params = config.of_experiment("pspnet50_voc", preset="caffe")
    assert params.task.model.pooling == "window" and params.task.model.bn_decay == 0.95
    changes = {"task": {"model": {"bn_decay": 0.5}}}
    params = config.of_experiment("pspnet50_voc", preset="caffe", changes=changes)
    assert params.task.model.pooling == "window" and params.task.model.bn_decay == 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("trainer.train_steps=0", "trainer.train_steps is 0, but must be at least 1."),
        ("trainer.steps_per_loop=0", "trainer.steps_per_loop is 0, but must be at least 1."),
        ("trainer.accumulation_steps=0", "trainer.accumulation_steps is 0, but must be at least 1."),
        ("task.train_data.global_batch_size=0", "task.train_data.global_batch_size is 0, but must"),
        ("task.validation_data.global_batch_size=-1", "validation_data.global_batch_size must be 0"),
        ("trainer.optimizer_config.renew_every=0", "renew_every is 0, but must be at least 1."),
        ("trainer.summary_interval=5,trainer.steps_per_loop=2", "summary_interval (5) must be a multiple of trainer.steps_per_loop (2)."),
        ("trainer.best_checkpoint_metric_comp=best", "is 'best', but must be one of higher, lower."),
        ("runtime.mixed_precision_dtype=float16", "is 'float16', but must be one of null, float32, bfloat16."),
        ("runtime.distribution_strategy=horovod", "is 'horovod', but must be one of mirrored, multi_worker_mirrored, tpu, one_device."),
        ("trainer.optimizer_config.optimizer.type=null", "trainer.optimizer_config.optimizer.type is missing."),
        ("trainer.optimizer_config.learning_rate.type=null", "trainer.optimizer_config.learning_rate.type is missing."),
        ("trainer.optimizer_config.learning_rate.type=poly", "learning_rate.type is 'poly', but must be one of constant, stepwise, exponential, polynomial,"),
        ("trainer.optimizer_config.warmup.type=slow", "warmup.type is 'slow', but must be one of null, linear, polynomial."),
        ("task.model.network=deeplabv2", "task.model.network is 'deeplabv2', but must be one of pspnet."),
        ("task.model.preprocess=vgg", "task.model.preprocess is 'vgg', but must be one of torch, "),
        ("task.losses.normalization=batch", "is 'batch', but must be one of global, replica, piece."),
        ("task.trainable=backbone", "task.trainable is 'backbone', but must be one of all, heads."),
    ],
)  # fmt: skip
def test_every_rule_has_its_sentence(changes, message):
    recipe = experiments.read("pspnet18_scenes").config
    with pytest.raises(LfpError) as caught:
        config.of_recipe(recipe, changes=[overrides.parse(changes)])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        *("adafactor", "adafactor_keras", "adagrad", "adam_experimental", "adamw_experimental"),
        *("lamb", "lars", "rmsprop", "sgd_experimental", "slide"),
    ],
)
def test_optimizers_that_cannot_scale_single_rates_are_refused_by_name(name):
    change = {"trainer": {"optimizer_config": {"optimizer": {"type": name}}}}
    with pytest.raises(LfpError) as caught:
        config.of_recipe(experiments.read("pspnet18_scenes").config, changes=[change])
    assert str(caught.value) == (
        f"trainer.optimizer_config.optimizer.type is {name!r}, but must be one of sgd, "
        "caffe2_sgd, adam, adamw, torch_sgd, torch_rmsprop."
    )
