"""The vocabulary of the Feature Pyramid Transformer and what it means for our layers."""

import dataclasses
from typing import Any

from lfp_tf.layers.fpt.grounding import GroundingTransformer
from lfp_tf.layers.fpt.local_grounding import LocalGrounding, LocalGroundingStem
from lfp_tf.layers.fpt.rendering import RenderingTransformer
from lfp_tf.layers.fpt.self_transformer import SelfTransformer
from lfp_tf.options import (
    TRANSFORMER_PYRAMIDS,
    Grounding,
    SelfAttention,
    TransformerPyramid,
)
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number


def is_size_list(value: Any) -> bool:
    """Whether a value is a list of [height, width]."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(is_count(side) for side in pair)
        for pair in value
    )


def is_odd(value: Any) -> bool:
    """Whether a value is an odd number above 0."""
    return is_count(value) and value % 2 == 1


def is_four(value: Any) -> bool:
    """Whether a value is a list of four whole numbers above 0."""
    return isinstance(value, list) and len(value) == 4 and all(map(is_count, value))


_TEMPERATURES = ("sqrt_dk", "none")
_SOURCES = ("key_mean", "query_mean")
SELF = {
    "layer": ("self",),
    "variant": ("released", "paper"),
    "n_head": is_count,
    "n_mix": is_count,
    "d_model": is_count,
    "d_k": is_count,
    "d_v": is_count,
    "kq_transform": ("conv", "ffn", "dffn"),
    "pool_keys": is_flag,
    "concat": is_flag,
    "shared_kq": is_flag,
    "training": is_flag,
    "mixture_source": _SOURCES,
    "similarity": ("dot",),
    "temperature": _TEMPERATURES,
    "attention_dropout": (0.0,),
}
_GROUNDING = {"layer": ("grounding",), "in_channels": is_count}
_RELEASED = _GROUNDING | {"inter_channels": is_count, "bn_layer": is_flag, "training": is_flag}
_LOCAL = _GROUNDING | {
    "out_channels": is_count,
    "kernel_size": is_odd,
    "padding": is_count,
    "groups": is_count,
    "bias": (False,),
}
GROUNDING = {
    "released": _RELEASED
    | {"variant": ("released",), "mode": ("dot", "embedded", "gaussian", "concatenate")},
    "paper": _RELEASED
    | {
        "variant": ("paper",),
        "mode": ("eud",),
        "n_mix": is_count,
        "mixture_source": ("key_mean",),
        "temperature": ("none",),
        "local": is_flag,
        "square_size": is_odd,
    },
    "local_released": _LOCAL | {"variant": ("local_released",)},
    "local_released_stem": _LOCAL | {"variant": ("local_released_stem",), "m": is_count},
}
RENDERING = {
    "layer": ("rendering",),
    "variant": ("released", "paper"),
    "channels_high": is_count,
    "channels_low": is_count,
    "stride": (1, 2, 4, 8),
    "training": is_flag,
    "upsample": is_flag,
}
ATTENTION = {
    "similarity": ("dot", "euclidean"),
    "n_mix": is_count,
    "mixture_source": _SOURCES,
    "temperature": is_number,
    "form": ("softmax", "mean"),
}
DROPBLOCK = {"drop_prob": is_number, "block_size": is_count, "training": (True,)}
BLOCK = {
    "preset": tuple(TRANSFORMER_PYRAMIDS),
    "feature_dim": is_count,
    "with_norm": ("none", "group_norm", "batch_norm"),
    "inputs": ("C2..C5", "P2..P5 (after the laterals)"),
    "training": is_flag,
}
_BLOCK_FURTHER = {
    "in_channels": is_four,
    "st": {
        "n_mix": is_count,
        "pool_keys": is_flag,
        "shared_kq": is_flag,
        "mixture_source": _SOURCES,
        "temperature": _TEMPERATURES,
        "attention_dropout": (0.0,),
    },
    "gt": {
        "mode": ("dot", "eud"),
        "n_mix": is_count,
        "local": is_flag,
        "square_size": is_odd,
        "temperature": ("none",),
        "mixture_source": ("key_mean",),
    },
    "rt": {"variant": ("released", "paper"), "stride": ("2^distance",)},
    "mask_padding": (True,),
    "valid_image_sizes": is_size_list,
    "level_rule": ("ceil(size / 2^level)",),
}
# What a case calls our options.
_SELF_OPTIONS = {
    "n_head": "heads",
    "n_mix": "mixtures",
    "d_k": "key_channels",
    "d_v": "value_channels",
    "kq_transform": "transform",
    "attention_dropout": "dropout",
    "pool_keys": "pool_keys",
    "concat": "concat",
    "shared_kq": "shared_kq",
    "mixture_source": "mixture_source",
    "temperature": "temperature",
}
_GROUNDING_OPTIONS = {
    "mode": "mode",
    "n_mix": "mixtures",
    "inter_channels": "channels",
    "bn_layer": "batch_norm",
    "local": "local",
    "square_size": "square_size",
}


def check_all(config: dict, always: dict, further: dict | None = None) -> None:
    """Refuses unknown words and values, and a word that must be there and is not.

    Args:
        config: of a case.
        always: {word: rule} of words that every case has.
        further: of words that a case may have.
    """
    check(config, always | (further or {}))
    for word in always:
        if word not in config:
            raise UnknownWord(f'config lacks the word "{word}".')


def self_transformer(config: dict, name: str = "st_p2") -> SelfTransformer:
    """The layer of a case of `layer_self`."""
    check_all(config, SELF, {"valid_sizes": is_size_list})
    return SelfTransformer(_options(SelfAttention(), config, _SELF_OPTIONS), name=name)


def grounding(config: dict) -> tuple[Any, dict[str, str]]:
    """The layer of a case of `layer_grounding`, and {our argument: the case's word} of sizes."""
    variant = config.get("variant")
    if variant not in GROUNDING:
        raise UnknownWord(f"config.variant has the unknown value {variant!r}.")
    further = {"valid_low": is_size_list, "valid_high": is_size_list} if variant == "paper" else {}
    check_all(config, GROUNDING[variant], further)
    if variant in ("released", "paper"):
        options = _options(Grounding(), config, _GROUNDING_OPTIONS)
        sizes = {"fine_sizes": "valid_low", "coarse_sizes": "valid_high"}
        return GroundingTransformer(options, name="gt_p2_p3"), sizes
    if config["padding"] != config["kernel_size"] // 2:
        raise UnknownWord("config.padding does not keep the size of the map.")
    channels, size = config["out_channels"], config["kernel_size"]
    if variant == "local_released":
        return LocalGrounding(channels, size=size, name="local"), {}
    groups = {"mixtures": config["m"], "groups": config["groups"]}
    return LocalGroundingStem(channels, size=size, **groups, name="local"), {}


def rendering(config: dict) -> RenderingTransformer:
    """The layer of a case of `layer_rendering`."""
    further = {
        "valid_high": is_size_list,
        "valid_low": is_size_list,
        "bn_low": ("moving (single value, repair R6)",),
    }
    check_all(config, RENDERING, further)
    return RenderingTransformer(config["variant"], stride=config["stride"], name="rt_p3_p2")


def block_options(config: dict) -> TransformerPyramid:
    """The options of a case of `fpt_block`, what it does not say by its preset."""
    check_all(config, BLOCK, _BLOCK_FURTHER)
    if (config["inputs"] == "C2..C5") != ("in_channels" in config):
        raise UnknownWord("config.in_channels does not fit config.inputs.")
    if ("mask_padding" in config) != ("valid_image_sizes" in config):
        raise UnknownWord("config.mask_padding does not fit config.valid_image_sizes.")
    preset = preset_options(config["preset"], config["with_norm"])
    words = config.get("gt", {})
    if words.get("mode", preset.grounding.mode) == "dot" and set(words) - {"mode"}:
        raise UnknownWord(f"config.gt has words that mode dot does not have: {sorted(words)}.")
    # A case without the word has no attention dropout, whatever the preset.
    attention = dataclasses.replace(preset.attention, dropout=0.0)
    return dataclasses.replace(
        preset,
        attention=_options(attention, config.get("st", {}), _SELF_OPTIONS),
        grounding=_options(preset.grounding, config.get("gt", {}), _GROUNDING_OPTIONS),
        rendering=config.get("rt", {}).get("variant", preset.rendering),
    )


def preset_options(preset: str, normalization: str) -> TransformerPyramid:
    """The options of a preset, without DropBlock."""
    options = TRANSFORMER_PYRAMIDS[preset]
    return dataclasses.replace(options, normalization=normalization, dropblock_rate=0.0)


def _options(default, config, names):
    values = {ours: config[word] for word, ours in names.items() if word in config}
    return dataclasses.replace(default, **values)
