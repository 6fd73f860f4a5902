"""Recipes start on several replicas: their batches can be shared out."""

import re

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments, preflight

NAMES = sorted(experiments.paths())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("replicas", [1, 2, 4, 8])
def test_validation_batches_of_recipes_can_be_shared_out(name, replicas):
    params = config.of_experiment(name)
    # Training batches are published numbers; whoever needs another says so.
    params.task.train_data.global_batch_size = 8 * params.trainer.accumulation_steps
    preflight.share_out(params, replicas)
    assert params.task.validation_data.global_batch_size % replicas == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_starts_on_the_gpus_that_its_header_names(name):
    header = experiments.paths()[name].read_text(encoding="utf-8").split("\nbase:")[0]
    counts = [int(count) for count in re.findall(r"\b(\d+) GPUs?\b", header)]
    for replicas in counts:
        preflight.share_out(config.of_experiment(name), replicas)


def test_a_validation_batch_of_0_is_one_image_for_each_replica():
    params = config.of_experiment("pspnet101_cityscapes")
    assert params.task.validation_data.global_batch_size == 0
    preflight.share_out(params, 8)
    assert params.task.validation_data.global_batch_size == 8


def test_batches_that_do_not_go_with_the_replicas_are_refused():
    params = config.of_experiment("pspnet101_cityscapes")
    with pytest.raises(LfpError, match="is 16, but 3 replicas x 1 accumulation steps need"):
        preflight.share_out(params, 3)
    params.task.validation_data.global_batch_size = 3
    with pytest.raises(LfpError, match="validation_data.global_batch_size is 3, but must be"):
        preflight.share_out(params, 2)
    params.task.validation_data.global_batch_size = -1
    with pytest.raises(LfpError, match="must be 0 or more"):
        config.validate(params)
