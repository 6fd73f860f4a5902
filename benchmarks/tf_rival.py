"""The TensorFlow program of the network benchmarks: our networks, or the host's DeepLab v3.

Spec: network (`ours`: PSPNet; `deeplab`: our DeepLab v2; `classifier`, `hourglass`: LFP's; `host`),
mode (`inference`, `training`), dtype, depth, width, classes, batch, size; for `deeplab` scales and
pieces, for LFP's pyramid, for `hourglass` stacks and features in place of depth and width. oneDNN
is switched by the environment of the process. The training step is the task's own: all losses,
weight decay, the recipe's optimizer.
"""

import time

_BEGIN = time.perf_counter()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

_TENSORFLOW = time.perf_counter()

from benchmarks import drawn  # noqa: E402
from benchmarks.rivals import serve, timed  # noqa: E402

# Operations that only resize maps: they are no arithmetic of the network's own.
_RESIZING = dict.fromkeys(("classifier", "hourglass"), ("BatchMatMulV2",))
# Fields of the model that a spec may set.
_FIELDS = ("depth", "width", "classes", "pyramid", "stacks", "features")


def make(spec):
    """The facts and commands of `serve`."""
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": spec["dtype"] == "bfloat16"}
    )
    families = {"ours": _pspnet, "deeplab": _deeplab, "host": _host}
    families |= {"classifier": _classifier, "hourglass": _hourglass}
    family = families[spec["network"]]
    started = time.perf_counter()
    task, model, optimizer, importing = family(spec)
    built = time.perf_counter()
    images = tf.constant(drawn.images(spec["batch"], spec["size"]))
    labels = tf.constant(drawn.targets(spec))
    forward = tf.function(lambda images: _logits(model(images, training=False)))
    concrete = forward.get_concrete_function(images)
    if spec["mode"] == "inference":
        arguments = (images,)
    else:
        arguments = _batch(spec, images, labels)
        update = tf.function(lambda *batch: _step(spec, task, model, optimizer, batch))
        concrete_step = update.get_concrete_function(*arguments)
    run = concrete if spec["mode"] == "inference" else concrete_step
    traced = time.perf_counter()
    first = run(*arguments).numpy()
    called = time.perf_counter()
    # Late: it loads the networks, whose time to import is measured.
    from lfp_tf.recipes.cost import multiply_adds

    facts = {
        "seconds": {
            "import": _TENSORFLOW - _BEGIN + importing,
            "build": built - started - importing,
            "trace": traced - built,
            "first call": called - traced,
        },
        "multiply_adds": multiply_adds(concrete, without=_RESIZING.get(spec["network"], ())),
        "parameters": int(sum(np.prod(v.shape) for v in model.trainable_variables)),
        "versions": {"tensorflow": tf.__version__},
    }

    def measure(calls=1):
        return timed(lambda: run(*arguments).numpy(), calls=calls)

    def save(path):
        np.save(path, first)
        return {}

    return facts, {"measure": measure, "outputs": save}


def _pspnet(spec):
    model = {"dropout": spec.get("dropout", 0.1)}
    return _ours(spec, "pspnet50_cityscapes", model, drawn.weight_of_ours)


def _deeplab(spec):
    model, pieces = {"scales": spec["scales"]}, spec.get("pieces", 1)
    experiment = "deeplabv2_resnet101_voc"
    return _ours(spec, experiment, model, drawn.weight_of_our_deeplab, pieces=pieces)


def _classifier(spec):
    return _ours(spec, "lfp_resnet50_imagenet", {}, drawn.weight_of_our_lfp)


def _hourglass(spec):
    # PyTorch's network does not draw either.
    model = {"fractional_pooling": "fixed"}
    return _ours(spec, "lfp_hourglass_mpii", model, drawn.weight_of_our_lfp)


def _ours(spec, experiment, model, weight, pieces=1):
    begin = time.perf_counter()
    from lfp_tf.checkpoints.variables import assign, variables_by_name
    from lfp_tf.recipes import config, experiments
    from lfp_tf.recipes.networks import task_class

    task_of = task_class(experiments.read(experiment).task)
    importing = time.perf_counter() - begin
    model |= {name: spec[name] for name in _FIELDS if name in spec} | {"preprocess": "none"}
    data = {"global_batch_size": spec["batch"], "crop": list(spec["size"])}
    changes = {"task": {"model": model, "train_data": data}}
    changes |= {"trainer": {"accumulation_steps": pieces}}
    params = config.of_experiment(experiment, changes=changes)
    task = task_of(params)
    network = task.build_model()
    variables = variables_by_name(network)
    assign(variables, {n: weight(n, v.shape) for n, v in variables.items()})
    return task, network, task.create_optimizer(params.trainer.optimizer_config), importing


def _host(spec):
    begin = time.perf_counter()
    from official.vision import registry_imports  # noqa: F401

    importing = time.perf_counter() - begin
    params, task = host_task(spec)
    model = task.build_model()
    return task, model, task.create_optimizer(params.trainer.optimizer_config), importing


def host_task(spec):
    """(config, task) of `seg_deeplabv3` at output stride 8 with ReLU, cheaper than its swish."""
    from official.core import exp_factory
    from official.vision import registry_imports  # noqa: F401
    from official.vision.tasks.semantic_segmentation import SemanticSegmentationTask

    params = exp_factory.get_exp_config("seg_deeplabv3_pascal")
    network = {
        "num_classes": spec["classes"],
        "input_size": [*spec["size"], 3],
        "backbone": {"dilated_resnet": {"model_id": spec["depth"], "output_stride": 8}},
        "decoder": {"aspp": {"level": 3}},
        "head": {"level": 3},
        "norm_activation": {"activation": "relu"},
    }
    params.override({"task": {"model": network}})
    return params, SemanticSegmentationTask(params.task)


def _logits(outputs):
    if not isinstance(outputs, dict):
        return outputs
    return outputs.get("logits", list(outputs.values())[-1])


def _batch(spec, images, labels):
    if spec["network"] != "host":
        keys = tf.stack([tf.zeros([spec["batch"]], tf.int32), tf.range(spec["batch"])], axis=1)
        return images, labels, keys
    labels = labels[..., None]
    return images, labels, labels != drawn.IGNORE_LABEL


def _step(spec, task, model, optimizer, batch):
    """The loss of one update by the task's own step."""
    if spec["network"] != "host":
        labels = "heatmaps" if spec["network"] == "hourglass" else "labels"
        inputs = dict(zip(("images", labels, "keys"), batch, strict=True))
    else:
        inputs = (batch[0], {"masks": batch[1], "valid_masks": batch[2]})
    return task.train_step(inputs, model, optimizer)[task.loss]


if __name__ == "__main__":
    serve(make)
