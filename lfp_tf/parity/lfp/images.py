"""Cases of images without a network of LFP's: ImageNet's crops, VOC's augmentation and test.

The cases' images are BGR, as OpenCV reads them; ours are RGB.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.classification.augmentations import area_sides, centre, color_step
from lfp_tf.data.segmentation.augmentations import (
    Canvas,
    Place,
    Sized,
    recipe,
    render,
    upper_left_offset,
)
from lfp_tf.ops.preprocessing import preprocess, preprocessing
from lfp_tf.ops.resize_cubic import resize_cubic
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number, is_numbers
from lfp_tf.tasks.segmentation.lfp_protocol import Windows, lfp_scores

_FACTOR = {"value": is_number}
_STEPS = {
    "area_crop": {
        "area": is_number,
        "aspect": is_number,
        "swap": is_flag,
        "value": is_numbers,
        "size": is_count,
    },
    "brightness": _FACTOR,
    "contrast": _FACTOR,
    "saturation": _FACTOR,
    "lighting": {"value": is_numbers},
    "flip": {"value": (True,)},
}
IMAGENET_AUGMENTATION = {"steps": lambda steps: isinstance(steps, list)}
IMAGENET_EVAL_CROP = {"shortest": is_count, "crop": is_count, "order": ("BGR",)}
VOC_AUGMENTATION = {"crop": is_count, "scale": is_number, "flip": is_flag, "u": is_number}
VOC_TEST_TILING = {
    "crop": is_count,
    "stride": is_count,
    "scales": is_numbers,
    "flip": is_flag,
    "second_softmax": is_flag,
    "crf": (False,),
    "interpolation": ("cv2 INTER_CUBIC on uint8 pictures and on float scores",),
}
_PADDING, _IGNORED = (128.0, 128.0, 128.0), 127  # 128 + 255 in uint8
_STUB_STRIDE = 8
_PREPROCESS = "torch"  # ImageNet's mean and deviation; the cases' order is BGR


def imagenet_augmentation(case: Case) -> dict[str, Any]:
    """`imagenet_augmentation`: steps in the order given, each with its drawn numbers."""
    check(case.config, IMAGENET_AUGMENTATION)
    image, outputs = tf.constant(case.inputs()["image"][..., ::-1]), {}
    for number, step in enumerate(case.config["steps"]):
        name = step.get("op")
        if name not in _STEPS:
            raise UnknownWord(f"config.steps.op has the unknown value {name!r}.")
        check(step, _STEPS[name] | {"op": (name,)}, where="config.steps")
        image = _step(image, name, step)
        outputs[f"step_{number}"] = image.numpy()[..., ::-1]
    return outputs


def imagenet_eval_crop(case: Case) -> dict[str, Any]:
    """`imagenet_eval_crop`: the middle of the image, and what the network is given."""
    check(case.config, IMAGENET_EVAL_CROP)
    image = tf.constant(case.inputs()["image"][..., ::-1])
    crop = centre(image, shortest=case.config["shortest"], size=case.config["crop"])
    return {
        "crop": crop.numpy()[..., ::-1],
        "network_input": preprocess(crop, _PREPROCESS).numpy()[..., ::-1],
    }


def voc_augmentation(case: Case) -> dict[str, Any]:
    """`voc_augmentation`: one image with the choices made."""
    check(case.config, VOC_AUGMENTATION)
    config, inputs = case.config, case.inputs()
    image, labels = tf.constant(inputs["image"][..., ::-1]), tf.constant(inputs["label"])
    canvas = Canvas((config["crop"],) * 2, mean=(0.0, 0.0, 0.0), ignore_label=_IGNORED)
    augmentation = recipe("lfp_original")
    _, scale, _, crop = augmentation.steps
    factor = tf.constant(config["scale"], tf.float64)
    grid = scale.grid(tf.shape(labels), tf.stack([factor, factor]))
    before, margin = crop.padded(grid.scaled, canvas.crop, grid.size)
    offset = upper_left_offset(tf.constant(config["u"], tf.float64), margin)
    flip = Sized(grid.scaled, tf.constant(config["flip"]))
    choices = [None, grid, flip, Place(grid.scaled, offset, before)]
    image, labels = render(image, labels, choices, augmentation=augmentation, canvas=canvas)
    return {"image": image.numpy()[..., ::-1], "label": labels.numpy()}


def voc_test_tiling(case: Case) -> dict[str, Any]:
    """`voc_test_tiling`: the test procedure with a stub of one 1x1 convolution."""
    check(case.config, VOC_TEST_TILING)
    config, weights = case.config, case.weights()

    def network(images):
        thinned = images[:, ::_STUB_STRIDE, ::_STUB_STRIDE, ::-1]
        return tf.nn.conv2d(thinned, weights["stub/W"], 1, "VALID") + weights["stub/b"]

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.float32)])
    def scores(image):
        return lfp_scores(
            network,
            image,
            prepare=lambda image: preprocess(image, _PREPROCESS),
            mean=preprocessing(_PREPROCESS).mean,
            windows=Windows(
                (config["crop"],) * 2,
                (config["stride"],) * 2,
                batch=4,
                second_softmax=config["second_softmax"],
            ),
            scales=config["scales"],
            is_flipped=config["flip"],
            classes=weights["stub/b"].size,
        )

    outputs = scores(case.inputs()["image"][..., ::-1]).numpy()
    return {"scores": outputs, "labels": np.argmax(outputs, axis=-1)}


def _step(image, name, step):
    if name == "flip":
        return image[:, ::-1]
    if name == "area_crop":
        return _area_crop(image, step)
    value = step["value"]
    # The cases count the principal components from the last, as their BGR tables do.
    value = value[::-1] if name == "lighting" else value
    return color_step(image, name, tf.constant(value, tf.float64))


def _area_crop(image, step):
    pixels = tf.constant(float(image.shape[0] * image.shape[1]), tf.float64)
    areas, ratios = step["area"] * pixels, tf.constant(step["aspect"], tf.float64)
    is_exchanged = tf.constant([step["swap"]])
    sides = area_sides(areas[None], ratios[None], is_exchanged)
    (height, width), (top, left) = sides[0].numpy(), step["value"]
    window = image[None, top : top + height, left : left + width]
    return resize_cubic(window, (step["size"],) * 2, rounded=True)[0]
