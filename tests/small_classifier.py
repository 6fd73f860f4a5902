"""A pyramid classifier an eighth as wide with one block a stage, and records of six classes."""

import numpy as np
import tensorflow as tf
from PIL import Image

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.data.census import take_census
from lfp_tf.data.classification.augmentations import centre
from lfp_tf.data.datasets import imagenet
from lfp_tf.data.prepare import write_plan
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.recipes.recipe import Recipe

NAMES = ["ant", "bee", "cat", "dog", "eel", "fox"]
CROP = 65


def small_classifier(*, names=NAMES, seed=0):
    """The network with norms that have seen something, and its recipe."""
    options = {"classes": len(names), "blocks": (1, 1, 1, 1), "width": 0.125}
    model = build_network("lfp_classifier", **options)
    rng = np.random.default_rng(seed)
    for key, variable in variables_by_name(model).items():
        leaf = key.rsplit("/", 1)[1]
        if leaf in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif leaf in ("beta", "moving_mean", "bias"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
        else:
            deviation = np.prod(variable.shape[:-1]) ** -0.5
            variable.assign(rng.normal(0, deviation, variable.shape))
    _spread(model)
    model.recipe = Recipe(
        experiment="lfp_resnet50_imagenet",
        task="classification",
        network="lfp_classifier",
        options=options,
        preprocess="imagenet_bgr",
        crop=(CROP, CROP),
        classes=list(names),
        colors=[],
        evaluation={"shortest": 0},
        dataset="imagenet",
    )
    return model


def _spread(model):
    """Turns the classifier so that images differ in their best classes."""
    shown = [centre(random_image(number), shortest=CROP, size=CROP) for number in range(12)]
    logits = model(preprocess(tf.stack(shown), "imagenet_bgr"), training=False)["logits"].numpy()
    kernel, bias = model.get_layer("fc").weights
    factor = 1.5 / logits.std(axis=0)
    kernel.assign(kernel * factor)
    bias.assign((bias - logits.mean(axis=0)) * factor)


def random_image(number):
    """Blobs of a size and colours of their own, uint8 [h, w, 3]."""
    rng = np.random.default_rng(number)
    height, width = rng.integers(50, 110, 2)
    coarse = rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), np.uint8)
    return coarse.repeat(16, 0).repeat(16, 1)[:height, :width]


def class_records(folder, *, count=11):
    """Records whose `val` has `count` images; image n of class n mod 6 is `random_image(n)`.

    Returns:
        (the folder of the records, list of the numbers of the images in their order).
    """
    numbers = sorted(range(count), key=lambda number: (number % len(NAMES), f"{number:02}"))
    for split, shown in (("train", range(len(NAMES))), ("val", numbers)):
        for number in shown:
            place = folder / "images" / split / NAMES[number % len(NAMES)]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random_image(number)).save(place / f"{number:02}.png")
    plan = imagenet.plan(folder / "images")
    write_plan(plan, take_census(plan), folder / "records")
    return folder / "records", numbers
