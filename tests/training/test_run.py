"""A run in its process: what it trains, what it goes on from, what it refuses."""

import numpy as np
import pytest
import tensorflow as tf
from small_recipes import run_of, small

from lfp_tf.errors import LfpError
from lfp_tf.recipes.networks import start_arrays
from lfp_tf.tasks.segmentation.task import Task
from lfp_tf.training.devices import make_strategy
from lfp_tf.training.host_fields import Runtime
from lfp_tf.training.summaries import Summaries


def test_only_the_heads_are_trained(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    params.task.trainable = "heads"
    run = run_of(params, tmp_path / "run", "train")
    names = run.task.trained_variables(run.trainer.model)
    assert names and all(name.startswith(("pyramid", "cls_", "aux_")) for name in names)
    before = run.trainer.model.get_layer("stage4_block2_conv1").kernel.numpy()
    running = run.trainer.model.get_layer("stem_bn1").moving_mean.numpy()
    run.execute()
    np.testing.assert_array_equal(run.trainer.model.get_layer("stage4_block2_conv1").kernel, before)
    np.testing.assert_array_equal(run.trainer.model.get_layer("stem_bn1").moving_mean, running)


def test_a_run_of_another_network_is_refused(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    run_of(params, tmp_path / "run", "train").execute()
    params.task.model.width = 0.25
    with pytest.raises(LfpError, match="does not fit this experiment's network or is damaged"):
        run_of(params, tmp_path / "run", "train")


def test_an_unknown_metric_for_the_best_checkpoint_is_named(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    params.trainer.best_checkpoint_eval_metric = "mean_dice"
    run = run_of(params, tmp_path / "run", "train_and_eval")
    with pytest.raises(LfpError, match="is mean_dice, but the evaluation gives mean_iou"):
        run.execute()


def test_a_run_is_a_start_for_another_with_other_classes(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    run = run_of(params, tmp_path / "run", "train")
    run.execute()
    params.task.init_checkpoint, params.task.model.classes = str(tmp_path / "run"), 5
    task = Task(params, read_start=start_arrays)
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
    trained = run_of(params, tmp_path / "run", "train_and_post_eval")
    expected = trained.execute()["mean_iou"]
    for mode in ("eval", "continuous_eval"):
        run = run_of(params, tmp_path / "run", mode)
        assert run.execute()["mean_iou"] == expected


def test_there_must_be_something_to_evaluate(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    with pytest.raises(LfpError, match="holds no checkpoint to evaluate; train first"):
        run_of(params, tmp_path / "run", "eval")


def test_a_second_training_in_the_folder_is_refused(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    first = run_of(params, tmp_path / "run", "train")
    with pytest.raises(
        LfpError, match="Another training is writing to .*run; give another --model"
    ):
        run_of(params, tmp_path / "run", "train")
    first.execute()
    run_of(params, tmp_path / "run", "eval").execute()


def test_scores_that_get_no_better_end_the_training(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    params.trainer.train_steps, params.trainer.validation_interval = 9, 1
    params.trainer.early_stopping, params.task.trainable = 2, "heads"
    params.task.head_lr_multiplier = params.task.head_bias_lr_multiplier = 0.0
    params.task.head_norm_lr_multiplier = 0.0
    params.task.model.bn_frozen = True
    run = run_of(params, tmp_path / "run", "train_and_eval")
    run.execute()
    # The first score is the best; two more are none better.
    assert run.step == 3 and run.checkpoints.newest().step == 3
    again = run_of(params, tmp_path / "run", "train_and_eval")
    again.execute()
    assert again.step == 3
    with pytest.raises(LfpError, match="early_stopping needs scores; use --mode=train_and_eval"):
        run_of(params, tmp_path / "other", "train")


def test_the_validation_loss_is_over_all_pixels_whatever_the_batches(tmp_path):
    params = small("pspnet_folder", tmp_path / "records")
    run_of(params, tmp_path / "run", "train").execute()
    losses = []
    for batch in (1, 2, 3):
        params.task.validation_data.global_batch_size = batch
        losses.append(run_of(params, tmp_path / "run", "eval").execute()["validation_loss"])
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def test_events_of_later_steps_are_dropped_where_a_run_resumes(tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path / "train"))
    with writer.as_default():
        for step in range(1, 6):
            tf.summary.scalar("loss", 1.0, step=step)
    writer.close()
    Summaries(tmp_path, None, None).forget_after(3)
    (path,) = (tmp_path / "train").iterdir()
    events = [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]
    assert [event.step for event in events if event.HasField("summary")] == [1, 2, 3]


def test_gpus_that_are_not_there_are_refused():
    with pytest.raises(LfpError, match="runtime.num_gpus is 64, but TensorFlow sees . GPUs here"):
        make_strategy(Runtime(num_gpus=64))
