"""A tiny detector for tests: Mask R-CNN an eighth as wide on drawn records of 33x41 images."""

import tiny

OVERRIDES = {
    "task.model.width": 0.125,
    "task.model.pyramid_dim": 16,
    "task.model.box_dim": 24,
    "task.model.mask_dim": 8,
    "task.model.mask_convolutions": 1,
    "task.train_data.short_sides": "[64]",
    "task.train_data.max_size": 96,
    "task.train_data.global_batch_size": 4,
    "task.validation_data.global_batch_size": 0,
    "task.proposals.pre_nms": 60,
    "task.proposals.post_nms": 40,
    "task.sampling.anchors": 32,
    "task.sampling.rois": 16,
    "task.evaluation.short_side": 64,
    "task.evaluation.max_size": 96,
    "task.evaluation.pre_nms": 60,
    "task.evaluation.post_nms": 40,
    "task.evaluation.limit": 10,
    "trainer.train_steps": 4,
    "trainer.validation_interval": 4,
    "trainer.checkpoint_interval": 2,
    "trainer.summary_interval": 2,
    "trainer.preview_images": 1,
}


def train_arguments(records, folder, *extra, **changes):
    """The words of a tiny training, for `tiny.run`."""
    values = OVERRIDES | {key.replace("__", "."): value for key, value in changes.items()}
    text = ",".join(f"{key}={value}" for key, value in values.items())
    return [
        tiny.ROOT / "train.py", "--experiment=maskrcnn_small_scenes", f"--data_dir={records}",
        f"--model_dir={folder}", f"--params_override={text}", *extra,
    ]  # fmt: skip


def train(records, folder, *extra, **changes):
    """Trains in this process; the result is as of `tiny.run`."""
    return tiny.command("train", *train_arguments(records, folder, *extra, **changes)[1:])
