"""From an experiment's fields to what the training pipeline does with an image."""

import dataclasses

from lfp_tf.data.segmentation.transforms import Augmentation
from lfp_tf.data.segmentation.transforms_deeplab import DeepLabAugmentation
from lfp_tf.data.segmentation.transforms_lfp import LfpAugmentation


def augmentation(config):
    """The pipeline's `Augmentation` of an experiment's fields."""
    if config.recipe == "none":
        return Augmentation.none()
    if config.recipe.startswith("deeplab"):
        return _deeplab_augmentation(config)
    if config.recipe.startswith("lfp"):
        return _lfp_augmentation(config)
    values = {
        "scales": (config.scale_min, config.scale_max),
        "rotations": (-config.rotate_degrees, config.rotate_degrees),
        "rotation_probability": config.rotate_probability,
        "blur_probability": config.blur_probability,
        "flip_probability": config.flip_probability,
    }
    if config.recipe == "tf1":
        values |= {"rotation_probability": 0.0, "blur_probability": 0.0, "is_legacy": True}
    return Augmentation(**values)


def _lfp_augmentation(config):
    is_original = config.recipe == "lfp_original"
    return dataclasses.replace(
        LfpAugmentation.original() if is_original else LfpAugmentation(),
        scales=(config.scale_min, config.scale_max),
        flip_probability=config.flip_probability,
    )


def _deeplab_augmentation(config):
    is_seed = config.recipe == "deeplab_seed"
    return DeepLabAugmentation(
        scale_choices=() if is_seed else tuple(config.scale_choices),
        scales=(config.scale_min, config.scale_max),
        base_size=config.base_size or None,
        flip_probability=config.flip_probability,
        is_seed=is_seed,
    )


def label_warp(config):
    """How labels are squashed with their images: by the loss' own nearest rule."""
    rule = config.losses.label_size
    return {"label_resize": rule} if rule in ("pil_nearest", "opencv_nearest") else {}
