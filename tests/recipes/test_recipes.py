"""Every recipe trains for two steps, narrow and at a small crop, on records of its own classes."""

import json
import math

import numpy as np
import pytest

from lfp_tf.data.example import encode_example
from lfp_tf.data.records import Encoded, Sample, write_dataset, write_records
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import encode_png
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.recipes import config, experiments, networks, overrides, preflight
from lfp_tf.tasks.segmentation.task import SegmentationTask
from lfp_tf.training import devices
from lfp_tf.training import run as runs

QUICK = (
    "pspnet101_kitti",
    "pspnet_mobilenetv2_camvid",
    "pspnet50_voc",
    "pspnet_folder",
    "deeplabv2_resnet101_cocostuff10k",
)
ALL = sorted(experiments.paths())
SIZE = (49, 65)


def encode(sample):
    """A noisy picture with blocks of all classes."""
    seed, classes = int(sample.name.split("-")[1]), int(sample.name.split("-")[2])
    rng = np.random.RandomState(seed)
    labels = np.kron(rng.randint(0, classes, (7, 9)), np.ones((8, 8), int))[: SIZE[0], : SIZE[1]]
    picture = rng.randint(0, 256, (*SIZE, 3)).astype(np.uint8)
    labels = labels.astype(np.uint8)
    features = {
        "image/encoded": encode_png(picture),
        "image/format": b"png",
        "image/filename": sample.name.encode(),
        "image/height": SIZE[0],
        "image/width": SIZE[1],
        "image/segmentation/class/encoded": encode_png(labels),
        "image/segmentation/class/format": b"png",
    }
    pixels = {
        int(value): int(n) for value, n in zip(*np.unique(labels, return_counts=True), strict=True)
    }
    return Encoded(encode_example(features), *SIZE, pixels)


def records(folder, dataset, splits):
    table = numbered_table(3) if dataset == "folder" else class_table(dataset)
    facts = {}
    for split in splits:
        samples = [Sample(f"{i}.png", None, f"{split}-{i}-{len(table)}") for i in range(3)]
        facts[split] = write_records(
            samples, folder, split, encode=encode, digest="fixed", num_shards=1
        )
    write_dataset(
        folder, name=dataset, classes=list(table.names), colors=table.colors, splits=facts
    )


def small(name, folder, **changes):
    """The recipe's params, narrow, on records under `folder`."""
    experiment = experiments.read(name)
    params = config.of_recipe(experiment.config)
    overrides.apply(
        params,
        {
            "task": {
                "model": {"width": 0.125} | _small_model(params.task.model),
                "train_data": {"global_batch_size": 2, "crop": [41, 41]},
                "validation_data": {"global_batch_size": 1},
            },
            "trainer": {
                "train_steps": 2, "validation_interval": 2, "checkpoint_interval": 2,
                "summary_interval": 1, "steps_per_loop": 1,
            },
        }
        | changes,
    )  # fmt: skip
    if params.task.train_data.warp:
        params.task.train_data.warp = params.task.evaluation.warp = [49, 49]
    config.validate(params)
    splits = {params.task.train_data.split, params.task.validation_data.split}
    records(folder, experiment.dataset, sorted(splits))
    preflight.fill_in(params, data_dir=folder)
    return params


def _small_model(model):
    if model.network != "pspnet":
        return {"blocks": [1, 1, 1, 3]}
    if model.pooling == "window":
        return {"depth": 50, "pool_windows": [6, 3, 2, 1]}
    return {"depth": 18} if model.backbone == "resnet" and model.stem == "deep" else {}


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ALL]
)
def test_two_steps(name, tmp_path):
    params = small(name, tmp_path / "records")
    devices.set_precision(params.runtime)
    strategy = devices.make_strategy(params.runtime)
    run = runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train_and_eval")
    logs = run.execute()
    assert run.step == 2 and 0.0 <= logs["mean_iou"] <= 1.0
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines if '"loss"' in line]
    assert len(losses) == 2 and all(math.isfinite(loss) for loss in losses)
    # What was trained is what another process loads.
    model, _ = networks.load(name, tmp_path / "run")
    assert [tuple(w.shape) for w in model.weights] == [
        tuple(w.shape) for w in run.trainer.model.weights
    ]
    for one, other in zip(model.weights, run.trainer.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_the_heads_are_trained(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    params.task.trainable = "heads"
    strategy = devices.make_strategy(params.runtime)
    run = runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train")
    names = run.task.trained_variables(run.trainer.model)
    assert names and all(name.startswith(("pyramid", "cls_", "aux_")) for name in names)
    before = run.trainer.model.get_layer("stage4_block2_conv1").kernel.numpy()
    running = run.trainer.model.get_layer("stem_bn1").moving_mean.numpy()
    run.execute()
    np.testing.assert_array_equal(run.trainer.model.get_layer("stage4_block2_conv1").kernel, before)
    np.testing.assert_array_equal(run.trainer.model.get_layer("stem_bn1").moving_mean, running)


def test_records_of_another_data_set_are_refused(tmp_path):
    records(tmp_path / "records", "camvid", ["train", "val"])
    params = config.of_recipe(experiments.read("pspnet50_voc").config)
    with pytest.raises(LfpError, match="records of camvid, but this experiment is for voc"):
        preflight.fill_in(params, data_dir=tmp_path / "records")
    params.task.dataset, params.task.model.classes = "camvid", 21
    with pytest.raises(LfpError, match="holds records of camvid with 11 classes, but .* is 21"):
        preflight.fill_in(params, data_dir=tmp_path / "records")


def test_a_run_of_another_network_is_refused(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    strategy = devices.make_strategy(params.runtime)
    runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train").execute()
    params.task.model.width = 0.25
    with pytest.raises(LfpError, match="does not fit this experiment's network or is damaged"):
        runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train")


def test_an_unknown_metric_for_the_best_checkpoint_is_named(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    params.trainer.best_checkpoint_eval_metric = "mean_dice"
    strategy = devices.make_strategy(params.runtime)
    run = runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train_and_eval")
    with pytest.raises(LfpError, match="is mean_dice, but the evaluation gives mean_iou"):
        run.execute()


def test_a_run_is_a_start_for_another_with_other_classes(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    strategy = devices.make_strategy(params.runtime)
    run = runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="train")
    run.execute()
    task = SegmentationTask(params.replace(task={"init_checkpoint": str(tmp_path / "run")}))
    task.task_config.model.classes = 5
    model = task.build_model()
    drawn = model.get_layer("cls_logits").kernel.numpy()
    task.initialize(model)
    np.testing.assert_array_equal(
        model.get_layer("stage3_block1_conv2").kernel,
        run.trainer.model.get_layer("stage3_block1_conv2").kernel,
    )
    np.testing.assert_array_equal(model.get_layer("cls_logits").kernel, drawn)
    assert set(task.report.mismatched) == {
        f"{head}_logits/{leaf}" for head in ("cls", "aux") for leaf in ("kernel", "bias")
    }


def test_a_finished_run_is_evaluated_again_and_watched(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    strategy = devices.make_strategy(params.runtime)
    trained = runs.Run(
        params, folder=tmp_path / "run", strategy=strategy, mode="train_and_post_eval"
    )
    expected = trained.execute()["mean_iou"]
    for mode in ("eval", "continuous_eval"):
        run = runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode=mode)
        assert run.execute()["mean_iou"] == expected


def test_there_must_be_something_to_evaluate(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    strategy = devices.make_strategy(params.runtime)
    with pytest.raises(LfpError, match="holds no checkpoint to evaluate; train first"):
        runs.Run(params, folder=tmp_path / "run", strategy=strategy, mode="eval")
