"""Small people for tests: records of drawn persons, an hourglass, and networks that are known."""

import numpy as np
import tensorflow as tf
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.pose.records import Person, pose_plan
from lfp_tf.data.prepare import write_plan
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.recipes.recipe import Recipe

NAMES = JOINTS["lsp"]
CROP = 64
EVALUATION = {"flip": True, "scales": [1.0], "score": "pck"}
CHANGES = {
    "task": {
        # Without pyramids it is traced in a tenth of the time.
        "model": {"stacks": 1, "features": 16, "pyramid": False},
        "train_data": {"crop": [CROP, CROP]},
    }
}


def recipe(names=NAMES, *, preprocess="none", evaluation=EVALUATION, **options):
    return Recipe(
        experiment="small_pose",
        task="pose",
        network="hourglass",
        options=options,
        preprocess=preprocess,
        crop=(CROP, CROP),
        classes=list(names),
        colors=[],
        evaluation=evaluation,
        dataset="lsp",
    )


class KnownNetwork:
    """Heat maps by a function of the preprocessed crops, in the form of a network of stacks."""

    def __init__(self, maps, names=NAMES, **more):
        self.maps, self.recipe, self.variables = maps, recipe(names, **more), []

    def __call__(self, images, training):
        assert training is False
        # The tenth stack counts, whatever the order of the names.
        maps = self.maps(images)
        return {"heatmaps_10": maps, "heatmaps_2": maps - 1.0, "heatmaps_9": -maps}


def same_maps(seed=0, joints=14):
    """(function of crops to the same drawn maps for all, the maps float32 [16, 16, J])."""
    maps = np.random.default_rng(seed).uniform(0, 1, (CROP // 4, CROP // 4, joints))
    maps = maps.astype(np.float32)
    return lambda images: tf.tile(maps[None], [tf.shape(images)[0], 1, 1, 1]), maps


def mixed_maps(seed=0):
    """A function of crops to heat maps that show the crop, each in other colours."""
    colors = np.random.default_rng(seed).normal(0, 1, (3, len(NAMES))).astype(np.float32)
    return lambda images: tf.nn.avg_pool2d(images, 4, 4, "VALID") @ colors


def small_hourglass(seed=0):
    """An hourglass of one stack of 16 channels with weights as drawn."""
    import tf_keras

    from lfp_tf.models.catalog import build_network

    tf_keras.utils.set_random_seed(seed)
    options = CHANGES["task"]["model"] | {"classes": len(NAMES)}
    model = build_network("hourglass", **options)
    model.recipe = recipe(preprocess="pose", **options)
    return model


def drawn_people(root, *, train=3, val=4, head_size=0.0, seed=0, names=NAMES, dataset="lsp"):
    """Records of persons in images of several sizes; some joints are not annotated.

    Returns:
        (the folder of the records, {split: list of `Person`}).
    """
    rng = np.random.default_rng(seed)
    splits = {}
    for split, count in (("train", train), ("val", val)):
        splits[split] = [_person(root, rng, split, n, head_size, names) for n in range(count)]
    plan = pose_plan(dataset, names, splits)
    folder = root / "records"
    write_plan(plan, take_census(plan), folder)
    return folder, splits


def _person(root, rng, split, number, head_size, names):
    width, height = int(rng.integers(50, 90)), int(rng.integers(70, 110))
    path = root / f"{split}{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    joints = [
        (float(rng.uniform(5, width - 5)), float(rng.uniform(5, height - 5)), 1) for _ in names
    ]
    joints[number % 4] = (0.0, 0.0, 0)
    return Person(
        image=str(path),
        image_name=path.name,
        number=number % 2,
        joints=tuple(joints),
        # Nowhere near whole pixels, which fall on either side.
        center=(width / 2 + 1.3, height / 2 - 2.2),
        scale=(height + 0.7) / 200,
        head_size=head_size,
        where=path.name,
    )
