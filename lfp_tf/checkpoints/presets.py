"""Presets: what a lineage of files does otherwise than our networks' defaults, as YAML.

The files stand in `experiments/presets`. Each says whose networks it is for (`networks`), what its
files need (`task`, `by_depth`), how the lineage scores (`by_protocol`: fields of `task.evaluation`
by the experiment's own protocol) and how its own trainer trained (`training`).
"""

import copy
import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lfp_tf.errors import LfpError, nearest

# In a checkout a link to the folder of that name beside the package.
FOLDER = pathlib.Path(__file__).parents[1] / "experiments" / "presets"
# What `pool_windows` says where it follows from the map of a training crop.
_OF_THE_CROP = "of_the_crop"
_BINS = (1, 2, 3, 6)


@functools.cache
def preset_names() -> tuple[str, ...]:
    """Lists the names of all presets in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def preset_changes(
    name: str, *, network: str, task: Mapping[str, Any], training: bool = False
) -> dict[str, Any]:
    """Gives the fields that a preset sets over an experiment's own.

    Args:
        name: one of `preset_names`.
        network: what `models.catalog` calls the experiment's network.
        task: the experiment's own fields of `task`; those that it does not set may be missing.
        training: whether the recipe of the lineage's own trainer is added.

    Returns:
        Nested dictionaries {"task": ..., and perhaps "trainer": ...}, the caller's own.

    Raises:
        LfpError: no such preset, or one of another network.
    """
    if name not in preset_names():
        names = preset_names()
        raise LfpError(f'No preset "{name}".{nearest(name, names)} There are {", ".join(names)}.')
    preset = copy.deepcopy(_read(name))
    if network not in preset["networks"]:
        others = [other for other in preset_names() if network in _read(other)["networks"]]
        raise LfpError(
            f"Preset {name} is not for {network}, which has {', '.join(others) or 'no presets'}."
        )
    changes, model = {"task": preset["task"]}, task.get("model", {})
    if "model" in preset["task"]:
        changes["task"]["model"] = preset_options(
            name,
            depth=model.get("depth", 50),
            crop=task.get("train_data", {}).get("crop"),
            bins=model.get("bins", _BINS),
        )
    protocol = task.get("evaluation", {}).get("protocol")
    if scoring := preset.get("by_protocol", {}).get(protocol):
        changes = merge(changes, {"task": {"evaluation": scoring}})
    return merge(changes, preset.get("training", {})) if training else changes


def preset_options(
    name: str, *, depth: int, crop: Sequence[int], bins: Sequence[int] = _BINS
) -> dict:
    """Gives the options of the network that a preset sets over the defaults.

    Args:
        name: one of `preset_names`.
        depth: of the ResNet; Caffe's 50 has its strides elsewhere than its 101.
        crop: (height, width) of the training crop; the pooling windows follow from its map.
        bins: of the pyramid.

    Returns:
        Values by option name of the network's builder, and `preprocess`; the caller's own.
    """
    preset = _read(name)
    options = preset["task"].get("model", {}) | preset.get("by_depth", {}).get(depth, {})
    if options.get("pool_windows") == _OF_THE_CROP:
        side = (max(crop) - 1) // 8 + 1
        options |= {"pool_windows": [side // cells for cells in bins]}
    return copy.deepcopy(options)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Gives `base` with the values of `over`, dictionaries merged key by key."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


@functools.cache
def _read(name: str) -> dict:
    """Reads a preset over its base; the cached value must not be changed."""
    preset = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    base = dict(_read(preset.pop("base"))) if "base" in preset else {}
    # Which convolution has the stride at a depth is the base's own.
    base.pop("by_depth", None)
    return merge(base, preset)
