"""The host's own registries and its own training loop work on our experiments."""

import json

import pytest
import tiny

from lfp_tf.errors import LfpError
from lfp_tf.recipes import experiments


@pytest.fixture(scope="module")
def host():
    from official.core import exp_factory

    import lfp_tf.garden  # noqa: F401

    return exp_factory


@pytest.mark.parametrize("name", sorted(experiments.paths()))
def test_the_host_knows_every_experiment(host, name):
    params = host.get_exp_config(name)
    recipe = experiments.read(name).config
    assert params.trainer.train_steps == recipe["trainer"]["train_steps"]
    assert params.task.dataset == recipe["task"]["dataset"]
    rates = params.trainer.optimizer_config.learning_rate
    assert rates.type != "polynomial" or rates.polynomial.decay_steps > 0


def tiny_config(host, folder):
    params = host.get_exp_config("pspnet18_scenes")
    data = {"folder": str(folder), "crop": [33, 41], "global_batch_size": 4}
    params.override(
        {
            "task": {
                "model": {"width": 0.125},
                "train_data": data,
                "validation_data": {"folder": str(folder), "global_batch_size": 0},
            },
            "trainer": {
                "train_steps": 2,
                "steps_per_loop": 1,
                "summary_interval": 1,
                "checkpoint_interval": 2,
                "validation_interval": 2,
            },
            "runtime": {"mixed_precision_dtype": "float32"},
        }
    )
    return params


def test_the_hosts_own_loop_trains_and_scores(host, tmp_path):
    import tensorflow as tf
    from official.core import task_factory, train_lib

    records = tiny.make_records(tmp_path / "records")
    params, run = tiny_config(host, records), tmp_path / "run"
    _, logs = train_lib.run_experiment(
        distribution_strategy=tf.distribute.get_strategy(),
        task=task_factory.get_task(params.task, logging_dir=str(run)),
        mode="train_and_eval",
        params=params,
        model_dir=str(run),
        run_post_eval=True,
    )
    assert 0 <= logs["mean_iou"] <= 1
    assert tf.train.latest_checkpoint(str(run)).endswith("-2")


def test_the_hosts_own_loop_trains_and_scores_a_detector(host, tmp_path):
    import tensorflow as tf
    from official.core import task_factory, train_lib
    from small_recipes import SMALL_DETECTOR, TRAINER

    folder, run = str(tiny.make_records(tmp_path / "records")), tmp_path / "run"
    params = host.get_exp_config("maskrcnn_small_scenes")
    params.override({"task": SMALL_DETECTOR, "trainer": TRAINER})
    data = {"train_data": {"folder": folder}, "validation_data": {"folder": folder}}
    data["validation_data"]["global_batch_size"] = 1
    params.override({"task": data, "runtime": {"mixed_precision_dtype": "float32"}})
    _, logs = train_lib.run_experiment(
        distribution_strategy=tf.distribute.get_strategy(),
        task=task_factory.get_task(params.task, logging_dir=str(run)),
        mode="train_and_eval",
        params=params,
        model_dir=str(run),
        run_post_eval=True,
    )
    assert 0 <= logs["box_ap"] <= 1 and 0 <= logs["mask_ap"] <= 1
    assert tf.train.latest_checkpoint(str(run)).endswith("-2")


def test_the_hosts_loop_takes_the_steps_of_ours(host, tmp_path):
    import tensorflow as tf
    import tf_keras
    from official.core import task_factory, train_utils

    records = tiny.make_records(tmp_path / "records")
    done = tiny.train(
        records, tmp_path / "ours", "--mode=train", trainer__train_steps=2, trainer__seed=0
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "ours" / "history.jsonl").read_text().splitlines()
    params = tiny_config(host, records)
    tf_keras.utils.set_random_seed(0)
    task = task_factory.get_task(params.task, logging_dir=str(tmp_path / "host"))
    trainer = train_utils.create_trainer(params, task, train=True, evaluate=False)
    for line in lines:
        logs = trainer.train(tf.constant(1))
        assert float(logs["training_loss"]) == pytest.approx(json.loads(line)["loss"], rel=1e-6)


def test_a_field_that_nobody_has_is_refused(host):
    params = host.get_exp_config("pspnet18_scenes")
    with pytest.raises(KeyError):
        params.override({"task": {"train_data": {"input_path": "x"}}})


def test_missing_records_are_named(host, tmp_path):
    from official.core import task_factory

    params = host.get_exp_config("pspnet18_scenes")
    params.override({"task": {"train_data": {"folder": str(tmp_path / "none")}}})
    with pytest.raises(LfpError, match="none"):
        task_factory.get_task(params.task)


@pytest.mark.parametrize("name", ["fpt_maskrcnn_resnet50_coco", "fpt_seg_ppm_resnet101_voc"])
def test_the_host_builds_a_feature_pyramid_transformer(host, name, tmp_path):
    import small_recipes
    from official.core import task_factory

    from lfp_tf.checkpoints.variables import variables_by_name

    experiment = experiments.read(name)
    small_recipes.records_of(experiment, tmp_path / "records")
    params = host.get_exp_config(name)
    params.override(small_recipes.changes(experiment))
    folder = {"folder": str(tmp_path / "records")}
    params.override({"task": {"train_data": folder, "validation_data": folder}})
    model = task_factory.get_task(params.task).build_model()
    layers = {variable.split("/")[0] for variable in variables_by_name(model)}
    assert {"st_p2", "gt_p2_p3", "rt_p5_p2", "fpt_p2"} <= layers
