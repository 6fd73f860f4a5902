"""The pose task: loss and PCK by hand, what is refused, a training that learns one person."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny
from PIL import Image
from small_fields import fields_of

from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.ops.heatmaps import peaks
from lfp_tf.recipes import config, preflight
from lfp_tf.tasks.pose.metrics import MPII_COUNTED, map_accuracy
from lfp_tf.tasks.pose.task import Task
from lfp_tf.tasks.pose.training_metrics import MapAccuracy

SMALL = {
    "task": {
        "dataset": "lsp",
        "model": {"stacks": 2, "features": 16, "base_width": 4, "cardinality": 2},
        "train_data": {"crop": [64, 64], "global_batch_size": 3},
        "validation_data": {"global_batch_size": 2},
    }
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    root = tmp_path_factory.mktemp("people")
    (root / "in" / "images").mkdir(parents=True)
    entries, rng = [], np.random.RandomState(0)
    for number in range(3):
        points = rng.uniform(8, 56, (14, 2))
        image = np.full((64, 64, 3), 40 * number, np.uint8)
        for joint, (x, y) in enumerate(points.round().astype(int)):
            image[y - 2 : y + 3, x - 2 : x + 3] = (255 - 15 * joint, 15 * joint, 128)
        Image.fromarray(image).save(root / "in" / "images" / f"{number}.png")
        entries.append(
            {"file_name": f"{number}.png", "joints": points.tolist(), "visible": [1] * 14}
        )
    content = {"joint_names": list(JOINTS["lsp"]), "train": entries, "val": entries}
    (root / "in" / "annotations.json").write_text(json.dumps(content))
    done = tiny.command(
        "data", "lsp", "--source", root / "in", "--out", root / "out", "--workers", "1"
    )
    assert done.returncode == 0, done.stderr
    return root / "out"


def task_of(records, **task):
    params = fields_of("hourglass", SMALL, {"task": task})
    config.validate(params)
    preflight.fill_in(params, data_dir=records)
    return Task(params)


def test_the_loss_is_the_mean_square_of_every_stack_and_fillers_count_nowhere(records):
    task, rng = task_of(records), np.random.default_rng(0)
    targets, one, two = (rng.normal(size=(2, 4, 4, 14)).astype(np.float32) for _ in range(3))
    outputs = {"heatmaps_1": tf.constant(one), "heatmaps_2": tf.constant(two)}
    piece = {"heatmaps": tf.constant(targets)}
    sums, counts = task.sums(piece, outputs), task.counts(piece, outputs)
    for name, maps in (("heatmaps_1", one), ("heatmaps_2", two)):
        expected = np.mean(np.square(maps - targets))
        np.testing.assert_allclose(float(sums[name] / counts[name]), expected, rtol=1e-6)
    piece["counted"] = tf.constant([1.0, 0.0])
    sums, counts = task.sums(piece, outputs), task.counts(piece, outputs)
    expected = np.mean(np.square(one[0] - targets[0]))
    np.testing.assert_allclose(
        float(sums["heatmaps_1"] / counts["heatmaps_1"]), expected, rtol=1e-6
    )


@pytest.mark.parametrize("counted", [range(16), MPII_COUNTED])
def test_the_metric_is_the_score_of_all_batches_together(counted):
    rng = np.random.default_rng(1)
    targets = rng.normal(size=(6, 16, 16, 16)).astype(np.float32)
    targets[:, 0, 0, 3] = 99.0  # Nobody has joint 3.
    found = np.where(rng.random((6, 1, 1, 16)) < 0.5, targets, rng.normal(size=targets.shape))
    metric = MapAccuracy(joints=16, counted=counted)
    for part in (slice(0, 2), slice(2, 6)):
        metric.update_state(tf.constant(targets[part]), tf.constant(found[part], tf.float32))
    places = [peaks(tf.constant(maps, tf.float32)).numpy()[..., :2] for maps in (found, targets)]
    expected = map_accuracy(*places, resolution=16, counted=list(counted))["accuracy"]
    assert 0.2 < expected < 0.9
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0.0


def test_validation_takes_every_person_once(records):
    task = task_of(records)
    model, metrics = task.build_model(), task.build_metrics(training=False)
    counted = []
    for batch in task.build_inputs(task.task_config.validation_data):
        counted += batch["counted"].numpy().tolist()
        assert np.isfinite(float(task.validation_step(batch, model, metrics)["loss"]))
    assert counted == [1.0, 1.0, 1.0, 0.0]
    assert int(tf.reduce_max(metrics[0].valid)) <= 3


def test_images_of_tensorboard_show_the_crop_twice(records):
    task = task_of(records)
    model = task.build_model()
    shown = list(task.panels(lambda images: model(images, training=False), 2))
    assert [panel.shape for panel in shown] == [(64, 128, 3)] * 2
    assert all(panel.dtype == np.uint8 for panel in shown)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_data": {"crop": [96, 96]}}, "multiples of 64"),
        ({"train_data": {"crop": [64, 128]}}, "squares"),
        ({"evaluation": {"scales": []}}, "scales"),
        ({"evaluation": {"score": "oks"}}, "must be one of pckh, pck"),
        ({"model": {"stacks": 0}}, "task.model.stacks must be at least 1"),
        ({"model": {"width": 0.5}}, "give features"),
    ],
)
def test_fields_that_cannot_be_are_refused(changes, words):
    params = fields_of("hourglass", {"task": changes})
    with pytest.raises(LfpError, match=words):
        config.validate(params)


def test_records_of_another_kind_are_refused(records):
    params = config.of_network("pspnet")
    params.task.dataset = "lsp"
    with pytest.raises(LfpError, match="for pose, but this is segmentation"):
        preflight.fill_in(params, data_dir=records)


def test_train_py_learns_three_people_and_scores_them(records, tmp_path):
    values = {
        "task.model.features": 16,
        "task.model.base_width": 4,
        "task.model.cardinality": 2,
        "task.train_data.crop": "[64,64]",
        "task.train_data.global_batch_size": 3,
        "task.train_data.augmentation.enabled": "false",
        "task.validation_data.global_batch_size": 3,
        "trainer.train_steps": 60,
        "trainer.validation_interval": 60,
        "trainer.checkpoint_interval": 60,
        "trainer.summary_interval": 20,
        "trainer.steps_per_loop": 20,
        "trainer.optimizer_config.learning_rate.stepwise.boundaries": "[50]",
        "trainer.optimizer_config.learning_rate.stepwise.values": "[0.003,0.0003]",
    }
    text = ",".join(f"{key}={value}" for key, value in values.items())
    done = tiny.command(
        "train", "--experiment=lfp_hourglass_small", f"--data_dir={records}",
        f"--model_dir={tmp_path / 'run'}", f"--params_override={text}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    losses = [entry["loss"] for entry in map(json.loads, lines) if "learning_rate" in entry]
    assert losses[-1] < 0.5 * losses[0], losses
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["scores"]["people"] == 3
    assert (tmp_path / "run" / "report.html").exists()
    assert "left_elbow" in done.stdout
