"""A PSPNet-18 an eighth as wide whose batch norms are not as drawn, for tests of serving."""

import numpy as np
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.recipes.networks import build

CHANGES = {"task": {"model": {"width": 0.125, "depth": 18}, "train_data": {"crop": [33, 41]}}}


def small_network(name="pspnet18_scenes", *, preset=None, seed=0, changes=None):
    tf_keras.utils.set_random_seed(seed)
    return stirred(build(name, preset=preset, changes=changes or CHANGES), seed)


def stirred(model, seed=0):
    """The model with norms of random values; kernels stay as drawn."""
    rng = np.random.default_rng(seed)
    for key, variable in variables_by_name(model).items():
        leaf = key.rsplit("/", 1)[1]
        if leaf in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif leaf in ("beta", "moving_mean", "bias"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


def random_images(*sizes, seed=0):
    """Random images uint8 [h, w, 3] of soft blobs, so that classes form areas."""
    rng = np.random.default_rng(seed)
    for height, width in sizes:
        coarse = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8)
        yield coarse.repeat(8, 0).repeat(8, 1)[:height, :width]


def save_npz(model, path):
    """Writes all variables but the auxiliary head's under our names; kernels as float16."""
    arrays = {}
    for name, variable in variables_by_name(model).items():
        if not name.startswith("aux_"):
            array = variable.numpy()
            arrays[name] = array.astype(np.float16) if array.ndim == 4 else array
    with open(path, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def small_checkpoint(folder, **more):
    """The network as `lfp-tf convert` writes one: a folder that every command takes."""
    from lfp_tf.cli.convert import write_folder

    model = small_network(**more)
    write_folder(folder, model)
    return model
