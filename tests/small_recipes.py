"""Recipes made small: narrow networks, small crops, records of their own classes or joints."""

import copy
import pathlib
import shutil
import tempfile

import numpy as np
from small_classifier import class_records
from small_objects import object_records
from small_people import drawn_people

from lfp_tf.data.example import encode_example
from lfp_tf.data.records import Description, Encoded, Sample, Shards, write_dataset, write_records
from lfp_tf.images.decode import encode_png
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.recipes import config, experiments, networks, preflight
from lfp_tf.recipes.shipped import shipped_names
from lfp_tf.tasks import catalog
from lfp_tf.tasks.detection.networks import usual_classes
from lfp_tf.training import devices
from lfp_tf.training.run import Run

SIZE = (49, 65)
TRAINER = {
    "train_steps": 2, "validation_interval": 2, "checkpoint_interval": 2,
    "summary_interval": 1, "steps_per_loop": 1,
}  # fmt: skip
SMALL_DETECTOR = {
    "model": {
        "width": 0.125, "pyramid_dim": 16, "anchor_size": 8.0, "canonical_scale": 32.0,
        "box_dim": 16, "mask_dim": 8, "mask_convolutions": 2, "depth": 18,
        "norm_groups": 4, "box_conv_dim": 16,
    },
    "train_data": {"global_batch_size": 2, "short_sides": [32], "max_size": 64},
    "validation_data": {"global_batch_size": 0},
    "proposals": {"pre_nms": 40, "post_nms": 20},
    "sampling": {"anchors": 16, "rois": 8},
    "evaluation": {
        "short_side": 32, "max_size": 64, "pre_nms": 40, "post_nms": 20, "limit": 10,
    },
}  # fmt: skip

SMALL_C4 = {"width": 0.125, "mask_dim": 8, "anchor_sizes": [8.0, 16.0], "blocks": [1, 1, 1, 1]}


def encode(sample):
    """A noisy image with blocks of all classes."""
    seed, classes = int(sample.name.split("-")[1]), int(sample.name.split("-")[2])
    rng = np.random.RandomState(seed)
    labels = np.kron(rng.randint(0, classes, (7, 9)), np.ones((8, 8), int))[: SIZE[0], : SIZE[1]]
    image = rng.randint(0, 256, (*SIZE, 3)).astype(np.uint8)
    labels = labels.astype(np.uint8)
    features = {
        "image/encoded": encode_png(image),
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


def records(folder, dataset, splits, *, classes=0):
    """Three images a split with the data set's classes, or so many of the user's own."""
    table = numbered_table(classes or 3) if dataset == "folder" else class_table(dataset)
    facts = {}
    for split in splits:
        samples = [Sample(f"{i}.png", None, f"{split}-{i}-{len(table)}") for i in range(3)]
        shards = Shards(pathlib.Path(folder), split, 1)
        facts[split] = write_records(samples, shards, encode=encode, digest="fixed")
    description = Description(dataset, ("segmentation",), table.names, table.colors)
    write_dataset(folder, description, facts)


def small(name, folder):
    """The recipe's fields, narrow, on records under `folder`."""
    experiment = experiments.read(name)
    params = config.of_recipe(experiment.config, changes=[changes(experiment)])
    records_of(experiment, folder)
    preflight.fill_in(params, data_dir=folder)
    return params


def changes(experiment):
    """What makes a recipe small: a narrow network, a small crop, two steps of two."""
    return {"task": _small_task(experiment), "trainer": TRAINER}


def _small_task(experiment):
    task = config.of_recipe(experiment.config).task
    if experiment.task is catalog.DETECTION:
        # A network that starts from one that ships is as large as that.
        if task.init_checkpoint in shipped_names():
            return copy.deepcopy(SMALL_DETECTOR) | {"model": {}}
        # A pyramid ResNet is no shallower than 50; blocks make it so.
        has_levels = "pyramid_dim" in task.model.as_dict()
        wanted = SMALL_DETECTOR["model"] if has_levels else SMALL_C4
        # As many classes as the records have.
        model = wanted | {"classes": 0}
        return copy.deepcopy(SMALL_DETECTOR | {"model": model}) | _class_vectors(task)
    model, crop = _small_model(task)
    train = {"global_batch_size": 2, "crop": crop}
    fields = {"model": model, "train_data": train, "validation_data": {"global_batch_size": 1}}
    if getattr(task.train_data, "warp", None):
        train["warp"] = [49, 49]
        fields["evaluation"] = {"warp": [49, 49]}
    return fields


def _class_vectors(task):
    """A table for masks that are predicted from one, as a user would bring."""
    if task.embeddings or task.model.transfer_input not in ("glove", "random"):
        return {}
    names, _ = usual_classes(task)
    path = pathlib.Path(tempfile.mkdtemp()) / "table.npy"
    np.save(path, np.random.RandomState(0).rand(len(names), task.model.embedding_dim))
    return {"embeddings": str(path)}


def _small_model(task):
    """(fields of a small form of a task's network, its crop)."""
    model = task.model
    if model.network == "hourglass":
        return {"features": 16, "base_width": 4, "cardinality": 2}, [64, 64]
    # A network that ships is as wide as its weights, and so is one that starts from it.
    ships = task.init_checkpoint in shipped_names()
    small = {} if ships else {"width": 0.125}
    if model.network == "lfp_classifier":
        return small | {"blocks": [1, 1, 1, 3]}, [65, 65]
    if model.network == "fpt_segmentation":
        small |= {"pyramid_dim": 16, "head_channels": 16, "aux_channels": 8}
    if model.network != "pspnet":
        small["blocks"] = [1, 1, 1, 3]
    elif model.pooling == "window":
        small |= {"depth": 50, "pool_windows": [6, 3, 2, 1]}
    elif model.backbone == "resnet" and model.stem == "deep":
        small["depth"] = 18
    return small, [41, 41]


def records_of(experiment, folder, *, more=()):
    """Writes records that the experiment can read, and further splits of segmentation."""
    if experiment.task is not catalog.SEGMENTATION:
        with tempfile.TemporaryDirectory() as place:
            shutil.copytree(_other_records(experiment, pathlib.Path(place)), folder)
        return
    task = config.of_recipe(experiment.config).task
    splits = {task.train_data.split, task.validation_data.split, *more}
    records(folder, experiment.dataset, sorted(splits), classes=task.model.classes)


def _other_records(experiment, place):
    """The folder of records of classes, people or objects that are made at a place."""
    if experiment.task is catalog.CLASSIFICATION:
        return class_records(place, count=6)[0]
    if experiment.task is catalog.DETECTION:
        data = config.of_recipe(experiment.config).task
        splits = {data.train_data.split, data.validation_data.split}
        return object_records(place, experiment.dataset, sorted(splits))
    people = {"names": JOINTS[experiment.dataset], "dataset": experiment.dataset}
    return drawn_people(place, val=2, head_size=20.0, **people)[0]


def run_of(params, folder, mode):
    """The `Run` of small fields on the devices at hand."""
    task = networks.task_class(catalog.of(params.task.model.network))
    strategy = devices.make_strategy(params.runtime)
    return Run(params, task=task, folder=folder, strategy=strategy, mode=mode)
