"""The classification task: its loss and scores by hand, what `freeze` holds, a training that learns."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny
from small_classifier import NAMES, class_records
from small_fields import fields_of

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, preflight
from lfp_tf.tasks.classification.task import Task
from lfp_tf.training import groups

CHANGES = {
    "task": {
        "model": {"blocks": [1, 1, 1, 1], "width": 0.125},
        "train_data": {"crop": [65, 65], "global_batch_size": 4},
        "validation_data": {"global_batch_size": 4},
    }
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder, _ = class_records(tmp_path_factory.mktemp("classes"))
    return folder


def task_of(records, **task):
    params = fields_of("lfp_classifier", CHANGES, {"task": {"dataset": "imagenet"} | task})
    config.validate(params)
    preflight.fill_in(params, data_dir=records)
    return Task(params)


def test_the_loss_is_the_mean_over_images_and_fillers_count_nowhere(records):
    task = task_of(records)
    logits = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    piece = {"labels": tf.constant([2, 0, -1, 5])}
    outputs = {"logits": tf.constant(logits)}
    shifted = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = -(shifted[0, 2] + shifted[1, 0] + shifted[3, 5])
    np.testing.assert_allclose(task.sums(piece, outputs)["logits"], expected, rtol=1e-6)
    assert float(task.counts(piece, outputs)["logits"]) == 3.0


def test_validation_scores_every_image_once(records):
    task = task_of(records)
    model, metrics = task.build_model(), task.build_metrics(training=False)
    batches = task.build_inputs(task.task_config.validation_data)
    right, losses = [], []
    for batch in batches:
        losses.append(float(task.validation_step(batch, model, metrics)["loss"]))
        guesses = np.argmax(model(task.preprocessed(batch["images"]))["logits"], -1)
        right += [g == t for g, t in zip(guesses, batch["labels"].numpy(), strict=True) if t >= 0]
    assert len(right) == 11 and np.isfinite(losses).all()
    assert [metric.name for metric in metrics] == ["accuracy", "top5_accuracy"]
    np.testing.assert_allclose(float(metrics[0].result()), np.mean(right), rtol=1e-6)


def test_freeze_holds_what_it_names_and_nothing_else(records):
    task = task_of(records, freeze=[r"^stem", r"^stage1_"])
    model = task.build_model()
    trained, names = task.trained_variables(model), variables_by_name(model)
    frozen = {name for name in names if name.startswith(("stem", "stage1_"))}
    assert frozen and not frozen & set(trained)
    assert {n for n in names if "moving" not in n} - frozen == set(trained)
    before = {name: names[name].numpy() for name in names}
    model(tf.random.normal([2, 65, 65, 3], seed=0), training=True)
    moved = {name for name in names if not np.array_equal(before[name], names[name])}
    # Running values of what is trained move, those of what is frozen do not.
    assert moved and not moved & frozen


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("^nothing", "which no variable matches"), ("(", "must hold regular expressions")],
)
def test_a_pattern_that_freezes_nothing_is_refused(records, pattern, words):
    with pytest.raises(LfpError, match=words):
        task_of(records, freeze=[pattern]).build_model()


def test_weight_decay_covers_kernels_alone(records):
    task = task_of(records)
    variables = {
        name: tf.ones([1]) for name in ("fc/kernel", "fc/bias", "stem_bn/gamma", "stem_conv/kernel")
    }
    gradients = groups.decayed([tf.zeros([1])] * 4, variables, task.task_config)
    np.testing.assert_allclose([float(g[0]) for g in gradients], [1e-4, 0, 0, 1e-4], rtol=1e-6)


def test_crops_are_squares():
    params = fields_of("lfp_classifier", {"task": {"train_data": {"crop": [65, 97]}}})
    with pytest.raises(LfpError, match="crops are squares"):
        config.validate(params)


def test_train_py_learns_six_images_by_heart_and_scores_them(records, tmp_path):
    values = {
        "task.model.blocks": "[1,1,1,1]",
        "task.model.width": 0.125,
        "task.train_data.crop": "[65,65]",
        "task.train_data.global_batch_size": 6,
        "task.train_data.augmentation.enabled": "false",
        "task.validation_data.global_batch_size": 6,
        "task.validation_data.split": "train",
        "trainer.train_steps": 40,
        "trainer.validation_interval": 40,
        "trainer.checkpoint_interval": 40,
        "trainer.summary_interval": 20,
        "trainer.steps_per_loop": 20,
    }
    text = ",".join(f"{key}={value}" for key, value in values.items())
    done = tiny.command(
        "train", "--experiment=lfp_resnet50_small", f"--data_dir={records}",
        f"--model_dir={tmp_path / 'run'}", f"--params_override={text}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["scores"]["top1_accuracy"] == 1.0, metrics["scores"]
    assert all(name in done.stdout for name in NAMES)
    assert "top-1 100.00" in done.stderr
    assert "trained on train" in done.stderr


def test_a_classifier_has_no_protocol_of_segmentation():
    from small_classifier import small_classifier

    import lfp_tf

    with pytest.raises(LfpError, match="is for classification and labels no pixels"):
        lfp_tf.segment(small_classifier(), np.zeros((65, 65, 3), np.uint8))
