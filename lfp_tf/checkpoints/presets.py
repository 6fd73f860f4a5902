"""Presets: what a lineage of files does otherwise than our networks' defaults, as YAML.

The files stand in `experiments/presets`; each says whose networks it is for, and fields of `task`.
"""

import copy
import functools
import pathlib
from collections.abc import Mapping, Sequence

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


def preset_changes(name: str, *, network: str, model: Mapping, crop: Sequence[int]) -> dict:
    """Gives the fields of `task` that a preset sets over an experiment's own.

    Args:
        name: one of `preset_names`.
        network: what `models.catalog` calls the experiment's network.
        model: the experiment's own fields of it.
        crop: (height, width) of the training crop; of networks without windows it may be None.

    Returns:
        Nested dictionaries, the caller's own.

    Raises:
        LfpError: no such preset, or one of another network.
    """
    if name not in preset_names():
        names = preset_names()
        raise LfpError(f'No preset "{name}".{nearest(name, names)} There are {", ".join(names)}.')
    preset = _read(name)
    if network not in preset["networks"]:
        others = [other for other in preset_names() if network in _read(other)["networks"]]
        raise LfpError(
            f"Preset {name} is not for {network}, which has {', '.join(others) or 'no presets'}."
        )
    task = copy.deepcopy(preset["task"])
    if "model" in task:
        task["model"] = preset_options(
            name, depth=model.get("depth", 50), crop=crop, bins=model.get("bins", _BINS)
        )
    return task


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


@functools.cache
def _read(name: str) -> dict:
    """Reads a preset over its base; the cached value must not be changed."""
    preset = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    if "base" not in preset:
        return preset
    base = _read(preset["base"])
    task = dict(base["task"])
    for group, fields in preset["task"].items():
        task[group] = task.get(group, {}) | fields
    return {"networks": preset["networks"], "task": task}
