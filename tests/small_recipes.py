"""Recipes made small: narrow networks, small crops, records of their own classes or joints."""

import pathlib

import numpy as np
from small_classifier import class_records
from small_people import drawn_people

from lfp_tf.data.example import encode_example
from lfp_tf.data.records import Description, Encoded, Sample, Shards, write_dataset, write_records
from lfp_tf.images.decode import encode_png
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.recipes import config, experiments, networks, overrides, preflight
from lfp_tf.tasks import catalog
from lfp_tf.training import devices
from lfp_tf.training.run import Run

SIZE = (49, 65)


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
    params = config.of_recipe(experiment.config)
    model, crop = _small_model(params.task.model)
    overrides.apply(
        params,
        {
            "task": {
                "model": model,
                "train_data": {"global_batch_size": 2, "crop": crop},
                "validation_data": {"global_batch_size": 1},
            },
            "trainer": {
                "train_steps": 2, "validation_interval": 2, "checkpoint_interval": 2,
                "summary_interval": 1, "steps_per_loop": 1,
            },
        },
    )  # fmt: skip
    if getattr(params.task.train_data, "warp", None):
        params.task.train_data.warp = params.task.evaluation.warp = [49, 49]
    config.validate(params)
    preflight.fill_in(params, data_dir=_records_of(experiment, params, folder))
    return params


def _small_model(model):
    """(fields of a small form of the network, its crop)."""
    if model.network == "hourglass":
        return {"features": 16, "base_width": 4, "cardinality": 2}, [64, 64]
    small = {"width": 0.125}
    if model.network == "lfp_classifier":
        return small | {"blocks": [1, 1, 1, 1]}, [65, 65]
    if model.network != "pspnet":
        small["blocks"] = [1, 1, 1, 3]
    elif model.pooling == "window":
        small |= {"depth": 50, "pool_windows": [6, 3, 2, 1]}
    elif model.backbone == "resnet" and model.stem == "deep":
        small["depth"] = 18
    return small, [41, 41]


def _records_of(experiment, params, folder):
    """Writes records that the experiment can read; returns their folder."""
    if experiment.task is catalog.CLASSIFICATION:
        return class_records(folder, count=6)[0]
    if experiment.task is catalog.POSE:
        people = {"names": JOINTS[experiment.dataset], "dataset": experiment.dataset}
        return drawn_people(folder, val=2, head_size=20.0, **people)[0]
    splits = {params.task.train_data.split, params.task.validation_data.split}
    records(folder, experiment.dataset, sorted(splits), classes=params.task.model.classes)
    return folder


def run_of(params, folder, mode):
    """The `Run` of small fields on the devices at hand."""
    task = networks.task_class(catalog.of(params.task.model.network))
    strategy = devices.make_strategy(params.runtime)
    return Run(params, task=task, folder=folder, strategy=strategy, mode=mode)
