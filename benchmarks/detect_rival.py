"""The TensorFlow program of the detection benchmark: our Mask R-CNN, its operators, or the host's.

Spec: mode (`inference`, `training`, `roi_align forward`, `roi_align and gradient`, `nms`); for
networks: network (`ours`, `host`), size, records (drawn scenes), spread, and for the host square.
"""

import numpy as np
import tensorflow as tf

from benchmarks import drawn
from benchmarks.rivals import serve, timed

EXPERIMENT = "maskrcnn_resnet50_coco"


def make(spec):
    """The facts and commands of `serve`."""
    if spec["mode"] == "nms":
        facts, call = {}, _nms(spec)
    elif spec["mode"].startswith("roi_align"):
        facts, call = {}, _roi_align(spec)
    elif spec["network"] == "host":
        facts, call = _host(spec)
    else:
        facts, call = _ours(spec)
    call()
    return facts, {"measure": lambda calls=1: timed(call, calls=calls)}


def _ours(spec):
    from lfp_tf.checkpoints.variables import variables_by_name
    from lfp_tf.options import Shares
    from lfp_tf.recipes import config, experiments
    from lfp_tf.recipes.networks import task_class

    training = spec["mode"] == "training"
    side, longest = min(spec["size"]), max(spec["size"])
    data = {"folder": spec["records"], "global_batch_size": 1, "flip": False}
    data |= {"short_sides": [side], "max_size": longest}
    changes = {
        "task": {
            "dataset": "scenes",
            "model": {"profile": "garden", "preprocess": "torch", "classes": 80},
            "train_data": data,
        }
    }
    params = config.of_experiment(EXPERIMENT, changes=changes)
    task = task_class(experiments.read(EXPERIMENT).task)(params)
    model = task.build_model()
    variables = variables_by_name(model)
    height, width = spec["size"]
    images = tf.constant(drawn.images(1, spec["size"]))
    padding = [[0, 0], [0, -height % model.STRIDE], [0, -width % model.STRIDE], [0, 0]]
    inputs = {
        "images": tf.pad(images, padding),
        "info": tf.constant([[height, width, 1.0, height, width]], tf.float32),
    }
    _spread(model, inputs, variables["box_classes/kernel"], spec["spread"])
    if not training:
        call = tf.function(lambda: model(inputs, training=False))
        found = call()
        facts = {"detections": int(found["counts"][0])}
        return facts, lambda: call()["masks"].numpy()
    optimizer = task.create_optimizer(params.trainer.optimizer_config)
    batch = next(iter(task.training_batches(task.task_config.train_data, 0, Shares(1))))
    step = tf.function(lambda: task.train_step(batch, model, optimizer)[task.loss])
    return {"objects": int(batch["boxes"].shape[1])}, lambda: step().numpy()


def _spread(model, inputs, kernel, spread):
    outputs = model.trunk(inputs["images"], training=False)
    proposals = model.proposals(outputs, inputs["info"], count=1000)
    boxes = tf.reshape(proposals.boxes, [-1, 4])
    features = model.box_features(outputs, boxes, tf.zeros([len(boxes)], tf.int32))
    logits = model.box_outputs(features)["class_logits"]
    kernel.assign(kernel * spread / float(np.std(logits)))


def _host(spec):
    from official.core import exp_factory
    from official.vision import registry_imports  # noqa: F401
    from official.vision.tasks.maskrcnn import MaskRCNNTask

    side = spec["square"]
    params = exp_factory.get_exp_config("maskrcnn_resnetfpn_coco")
    model = {
        "num_classes": 81,
        "input_size": [side, side, 3],
        "detection_head": {"num_convs": 0, "num_fcs": 2},
        "norm_activation": {"use_sync_bn": False},
    }
    data = {"input_path": f"{spec['records']}/train-*", "global_batch_size": 1}
    data |= {"dtype": "float32", "shuffle_buffer_size": 2}
    params.override(
        {"task": {"model": model, "train_data": data, "annotation_file": "", "init_checkpoint": ""}}
    )
    task = MaskRCNNTask(params.task)
    model = task.build_model()
    images, labels = next(iter(task.build_inputs(params.task.train_data)))
    if spec["mode"] == "training":
        optimizer = task.create_optimizer(params.trainer.optimizer_config)
        step = tf.function(lambda: task.train_step((images, labels), model, optimizer)["loss"])
        return {}, lambda: step().numpy()
    arguments = {
        "image_shape": labels["image_info"][:, 1, :],
        "anchor_boxes": labels["anchor_boxes"],
        "training": False,
    }
    call = tf.function(lambda: model(images, **arguments))
    facts = {"detections": int(call()["num_detections"][0])}
    return facts, lambda: call()["detection_masks"].numpy()


def _roi_align(spec):
    from lfp_tf.ops.detection.roi_align import roi_align

    maps = tf.constant(drawn.maps((1, *spec["map"], spec["channels"])))
    boxes = tf.constant(drawn.boxes(spec["boxes"], *(4 * side for side in spec["map"])))
    images = tf.zeros([spec["boxes"]], tf.int32)

    def pooled(maps):
        return roi_align(maps, boxes, images, size=spec["size"], scale=0.25)

    @tf.function
    def forward():
        return pooled(maps)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(maps)
            found = pooled(maps)
        return tape.gradient(found, maps)

    call = gradient if spec["mode"].endswith("gradient") else forward
    return lambda: call().numpy()


def _nms(spec):
    from lfp_tf.ops.detection.nms import nms

    boxes = tf.constant(drawn.boxes(spec["boxes"], 800, 1216))
    scores = tf.constant(drawn.scores(spec["boxes"]))
    call = tf.function(lambda: nms(boxes, scores, limit=spec["boxes"], threshold=0.7).indices)
    return lambda: call().numpy()


if __name__ == "__main__":
    serve(make)
