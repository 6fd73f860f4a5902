"""The vocabulary of Learning Feature Pyramids and what it means for our networks and layers."""

from collections.abc import Sequence
from typing import Any

import tf_keras

from lfp_tf.backbones.pyramid_resnet import Stage, pyramid_stages
from lfp_tf.layers.pyramid_block import PyramidBlock
from lfp_tf.layers.pyramid_residual import PyramidResidual, Residual
from lfp_tf.models.catalog import build_network
from lfp_tf.models.lfp import dense_head, linear_head
from lfp_tf.options import Norm, PyramidResNet
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number, is_numbers
from lfp_tf.recipes.config import of_experiment

POOLING = ("given samples", "fixed 0.5")
_INFORMATION = {"image_range": ("0..255 BGR",)}
LAYER = {
    "layer": ("pyramid_bottleneck", "prm", "residual"),
    "variant": ("classifier", "voc", "detector", "A", "B", "C", "D"),
    "width": is_count,
    "stride": (1, 2),
    "dilation": is_count,
    "scales": is_numbers,
    "in": is_count,
    "out": is_count,
    "type": ("preact", "no_preact"),
    "use_conv": is_flag,
    "resolution": is_count,
    "base_width": is_count,
    "cardinality": is_count,
    "fractional_pooling": POOLING,
    "batch_norm": ("running", "batch"),
}
NETWORK = _INFORMATION | {
    "network": (
        "pyramid_resnet",
        "plain_resnet",
        "pyramid_voc",
        "pyramid_c4",
        "hourglass_prm",
    ),
    "blocks": is_numbers,
    "depth": (50, 101, 152, None),
    "classes": is_count,
    "head": ("aspp", "conv102"),
    "multi_scale": is_flag,
    "output_stride": (8,),
    "feature_stride": (16,),
    "preprocess": ("imagenet_bgr",),
    "batch_norm": ("running", "batch"),
    "stacks": is_count,
    "features": is_count,
    "residuals": is_count,
    "base_width": is_count,
    "cardinality": is_count,
    "input_size": is_count,
    "variant": ("A", "B", "C", "D"),
    "image": ("already mean-subtracted RGB",),
    "fractional_pooling": POOLING,
}
# A tiny network's own sizes, as kept in the checkpoint cases.
SIZES = {"stem": is_count, "widths": is_numbers, "strides": is_numbers, "dilations": is_numbers}
TRAINING = {
    "weight_decay": is_number,
    "stage": ("joint", "head"),
    "ignore": ("label > 20",),
    "gradient_norms_of": (
        "trainable variables (not running_*) in manifest order",
        "trainable variables (not EMA) in manifest order",
        "trainable variables of the stage in manifest order",
    ),
}
# In which network or layer a word means something; elsewhere it is an error.
_WORDS_OF = {
    "pyramid_bottleneck": {"variant", "width", "stride", "dilation", "scales"},
    "prm": {"variant", "in", "out", "type", "use_conv", "resolution", "base_width", "cardinality",
            "fractional_pooling", "batch_norm"},
    "residual": {"in", "out", "type", "use_conv"},
    "pyramid_resnet": {"preprocess"},
    "plain_resnet": {"preprocess"},
    "pyramid_voc": {"head", "multi_scale", "output_stride", "preprocess", "dilations"},
    "pyramid_c4": {"feature_stride", "preprocess"},
    "hourglass_prm": {"stacks", "features", "residuals", "base_width", "cardinality", "input_size",
                      "variant", "image", "fractional_pooling"},
}  # fmt: skip
_RESNETS = ("pyramid_resnet", "plain_resnet", "pyramid_voc", "pyramid_c4")
_COMMON = {"network", "classes", "batch_norm"}
_COMMON_OF_RESNETS = {"blocks", "depth", "image_range", "stem", "widths", "strides"}
_VARIANTS = {"pyramid_bottleneck": ("classifier", "voc", "detector"), "prm": ("A", "B", "C", "D")}


def check_words(config: dict, known: dict, *, further: Sequence = ()) -> None:
    """Refuses unknown words and values, and words that the case's network or layer has not.

    Args:
        config: of the case.
        known: {word: rule} of its kind.
        further: words of the kind that go with any network or layer.
    """
    check(config, known)
    thing = config.get("layer") or config.get("network")
    if thing is None:
        raise UnknownWord("config has neither a layer nor a network.")
    allowed = _WORDS_OF[thing] | set(further)
    allowed |= {"layer"} if "layer" in config else _COMMON
    allowed |= _COMMON_OF_RESNETS if thing in _RESNETS else set()
    for word in config:
        if word not in allowed:
            raise UnknownWord(f'config has the word "{word}", which {thing} does not have.')
    variant = config.get("variant")
    if thing in _VARIANTS and variant not in _VARIANTS[thing]:
        raise UnknownWord(f"config.variant has the value {variant!r}, which {thing} does not have.")


def build_layer(config: dict, name: str) -> tf_keras.layers.Layer:
    """The layer of a case, batch norm trained where `batch_norm` is `batch`."""
    if config["layer"] == "pyramid_bottleneck":
        is_detector = config["variant"] == "detector"
        return PyramidBlock(
            config["width"],
            stride=config["stride"],
            dilation=config["dilation"],
            scales=config["scales"],
            use_bias=config["variant"] == "voc",
            padding="floor" if is_detector else "same",
            size_precision="float32" if is_detector else "float64",
            name=name,
        )
    options = {
        "preact": config["type"] == "preact",
        "project": config["use_conv"],
        "name": name,
    }
    if config["layer"] == "residual":
        return Residual(config["out"], **options)
    return PyramidResidual(
        config["out"],
        variant=config["variant"],
        base_width=config["base_width"],
        cardinality=config["cardinality"],
        fractional_pooling="fixed",
        **options,
    )


def network_options(config: dict) -> tuple[str, dict]:
    """(network, options of its builder) of a case's words; not for `pyramid_c4`."""
    if config["network"] == "hourglass_prm":
        words = ("classes", "stacks", "features", "residuals", "base_width", "cardinality")
        options = {word: config[word] for word in words}
        return "hourglass", options | {
            "variant": config["variant"],
            "fractional_pooling": "fixed",
            "bn_frozen": config.get("batch_norm") == "running",
        }
    options = {"classes": config["classes"], "blocks": config.get("blocks", ())}
    options |= {"depth": config["depth"]} if config.get("depth") else {}
    if config["network"] == "pyramid_voc":
        scales = (0.75, 0.5) if config.get("multi_scale") else ()
        return "lfp_segmentation", options | {"head": config["head"], "scales": scales}
    return "lfp_classifier", options | {
        "pyramid": config["network"] == "pyramid_resnet",
        "bn_frozen": config.get("batch_norm") == "running",
    }


def build(config: dict, input_shape: tuple = (None, None, 3)) -> tf_keras.Model:
    """The network of a case, weights as drawn."""
    if config["network"] == "pyramid_c4":
        options = detector_recipe().task.model.arguments()
        # Background is no class of ours.
        options |= {"classes": config["classes"] - 1, "blocks": config.get("blocks", [])}
        options |= {"depth": config["depth"]} if config.get("depth") else {}
        return build_network("rcnn_c4", input_shape=input_shape, **options)
    if "stem" in config:
        return _tiny(config)
    network, options = network_options(config)
    return build_network(network, input_shape=input_shape, **options)


def detector_recipe() -> Any:
    """The checked `Experiment` of the detector."""
    return of_experiment("lfp_maskrcnn_resnet50_c4_coco")


def _tiny(config):
    """A network of the case's own widths and strides."""
    images = tf_keras.Input((None, None, 3), name="images")
    is_voc = config["network"] == "pyramid_voc"
    dilations = config.get("dilations", [1] * len(config["widths"]))
    stages = [
        Stage(width, stride, (dilation,) * count, has_bias=is_voc and dilation > 1)
        for width, stride, dilation, count in zip(
            config["widths"], config["strides"], dilations, config["blocks"], strict=True
        )
    ]
    options = PyramidResNet(pyramid=config["network"] != "plain_resnet")
    maps = pyramid_stages(images, config["stem"], stages, options, Norm(frozen=True))
    last = maps[f"stage{len(config['widths'])}"]
    if is_voc:
        logits = dense_head(last, config["classes"], head=config["head"])
    else:
        logits = linear_head(last, config["classes"])
    return tf_keras.Model(images, {"logits": logits})
