"""DeepLab's recipes trained for some tiny steps, as a user does, and the equalities they keep."""

import json

import numpy as np
import pytest
import tiny

DEEPLAB = {
    "task.dataset": "scenes",
    "task.model.width": 0.0625,
    "task.model.blocks": "[1,1,1,1]",
    "task.train_data.augmentation.scale_choices": "[1.0,1.25]",
    "trainer.train_steps": 4,
    "trainer.validation_interval": 4,
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes")


def words(records, folder, *extra, experiment="deeplabv2_folder", **changes):
    values = DEEPLAB | {key.replace("__", "."): value for key, value in changes.items()}
    changes = {key.replace(".", "__"): value for key, value in values.items()}
    return tiny.train_arguments(records, folder, f"--experiment={experiment}", *extra, **changes)


def train(*given, **changes):
    done = tiny.command("train", *words(*given, **changes)[1:])
    assert done.returncode == 0, done.stderr


def entries(folder):
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def reference(records, tmp_path_factory):
    """One replica, one piece, means over the global batch."""
    folder = tmp_path_factory.mktemp("reference")
    train(records, folder, task__losses__normalization="global")
    return folder


def test_every_scale_has_its_loss_and_they_add_up(reference):
    first = next(entry for entry in entries(reference) if "learning_rate" in entry)
    parts = [first[name] for name in ("main_loss", "loss_1", "loss_0.5", "loss_0.75")]
    assert sum(parts) == pytest.approx(first["loss"], rel=1e-6)
    assert "aux_loss" not in first


@pytest.mark.parametrize(("replicas", "pieces"), [(1, 2), (2, 1)])
def test_replicas_and_pieces_are_the_whole_batch(records, reference, tmp_path, replicas, pieces):
    given = words(
        *(records, tmp_path / "run", f"--cpu_replicas={replicas}"),
        task__losses__normalization="global",
        trainer__accumulation_steps=pieces,
    )
    done = tiny.run(*given) if replicas > 1 else tiny.command("train", *given[1:])
    assert done.returncode == 0, done.stderr
    whole, found = tiny.losses(reference), tiny.losses(tmp_path / "run")
    assert found.keys() == whole.keys()
    for step, loss in whole.items():
        np.testing.assert_allclose(found[step], loss, rtol=1e-6)


@pytest.mark.parametrize(
    "hard", [pytest.param({}, marks=pytest.mark.slow), {"ohem_threshold": 0.1, "ohem_least": 5}]
)
def test_weighted_losses_and_dice_keep_the_law_too(records, tmp_path, hard):
    losses = {}
    for replicas, pieces in ((1, 1), (1, 2), (2, 1)):
        folder = tmp_path / f"{replicas}-{pieces}"
        given = words(
            *(records, folder, "--mode=train", f"--cpu_replicas={replicas}"),
            task__losses__normalization="global",
            task__losses__class_weights="[1,2,0.5,1,3,1,1,1]",
            task__losses__focal_gamma=2.0,
            task__losses__dice_weight=0.5,
            trainer__accumulation_steps=pieces,
            trainer__train_steps=2,
            **{f"task__losses__{name}": value for name, value in hard.items()},
        )
        done = tiny.run(*given) if replicas > 1 else tiny.command("train", *given[1:])
        assert done.returncode == 0, done.stderr
        losses[replicas, pieces] = tiny.losses(folder)
        assert entries(folder)[0]["loss_dice"] > 0
    whole = losses.pop((1, 1))
    for other in losses.values():
        assert other.keys() == whole.keys()
        for step, loss in whole.items():
            np.testing.assert_allclose(other[step], loss, rtol=1e-6)


def test_the_rate_holds_for_ten_steps(records, tmp_path):
    train(
        records,
        tmp_path / "run",
        "--mode=train",
        trainer__train_steps=12,
        trainer__summary_interval=12,
    )
    rates = [entry["learning_rate"] for entry in entries(tmp_path / "run")]
    assert len(set(rates[:10])) == 1
    np.testing.assert_allclose(rates[10], rates[0] * (1 - 10 / 12) ** 0.9, rtol=1e-6)


@pytest.mark.parametrize(
    "experiment",
    [
        pytest.param("deeplabv3_resnet101_voc", marks=pytest.mark.slow),
        "deeplabv3plus_resnet101_voc",
    ],
)
def test_v3_and_v3plus_train(records, tmp_path, experiment):
    train(
        records,
        tmp_path / "run",
        experiment=experiment,
        task__model__blocks="[1,1,1,3]",
        trainer__train_steps=2,
        trainer__validation_interval=2,
    )
    logged = entries(tmp_path / "run")
    assert "mean_iou" in logged[-1] and np.isfinite(logged[-2]["loss"])
    assert (tmp_path / "run" / "metrics.json").exists()


def test_the_first_revisions_preset_trains(records, tmp_path):
    train(records, tmp_path / "run", "--preset=seed", "--mode=train", trainer__train_steps=2)
    text = (tmp_path / "run" / "params.yaml").read_text()
    assert "align_corners" in text and "deeplab_seed" in text and "opencv_nearest" in text


def test_the_network_of_another_experiment_is_refused(records, tmp_path):
    done = tiny.train(
        records, tmp_path / "run", "--experiment=deeplabv2_folder", task__model__network="pspnet"
    )
    assert done.returncode == 2
    assert "task.model.network is 'pspnet', but must be one of deeplabv2" in done.stderr


def test_tensorboard_has_the_groups_rates_the_average_loss_and_the_graph(reference):
    import tensorflow as tf

    scalars, has_graph = {}, False
    for path in (reference / "train").glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            has_graph |= bool(event.graph_def)
            for value in event.summary.value:
                scalars[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert has_graph
    losses = tiny.losses(reference)
    for step in (2, 4):
        rate = scalars["learning_rate", step]
        assert scalars["learning_rate_heads", step] == pytest.approx(10 * rate)
        assert scalars["learning_rate_head_biases", step] == pytest.approx(20 * rate)
        mean = np.mean([losses[one] for one in range(1, step + 1)])
        assert scalars["training_loss_average", step] == pytest.approx(mean, rel=1e-6)
