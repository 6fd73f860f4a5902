"""Experiments as data: which there are and what their YAML files say; no TensorFlow here.

A file holds one experiment, or a family of them: its `variants` are {word: what differs}, each
an experiment of the name FILE_WORD. A variant may have variants of its own, so the file below makes
`family_a_x`, `family_a_y` and `family_b`:

    config: {task: {dataset: coco}}
    variants:
      a:
        config: {task: {model: {depth: 50}}}
        variants: {x: {...}, y: {...}}
      b: {config: {task: {model: {depth: 101}}}}
"""

import copy
import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import yaml

from lfp_tf.checkpoints.presets import FOLDER as PRESETS_FOLDER
from lfp_tf.checkpoints.presets import merge, preset_changes
from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec

# The network of recipes that name none.
USUAL_NETWORK = "pspnet"
# In a checkout a link to the folder of that name beside the package.
_FOLDER = pathlib.Path(__file__).parents[1] / "experiments"
_VARIANTS = "variants"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One recipe.

    Attributes:
        name: the file's name without its ending, and the words of its variant.
        path: the YAML file, which may hold several.
        about: what the list shows: network, dataset, protocol, published, batch, cite.
        config: {"task", "trainer", "runtime"}: what differs from the fields' defaults.
        task: the `TaskSpec` of its network.
    """

    name: str
    path: pathlib.Path
    about: dict[str, Any]
    config: dict[str, Any]
    task: TaskSpec

    @property
    def dataset(self) -> str:
        """The data set whose records it reads by default, as in `data/DATASET`."""
        return self.config["task"]["dataset"]


@functools.cache
def paths() -> dict[str, pathlib.Path]:
    """Gives {name: YAML file} of all experiments, without bases, whose names begin with `_`."""
    files = sorted(_FOLDER.glob("*/*.yaml"))
    return {
        name: path
        for path in files
        if not path.name.startswith("_") and path.parent != PRESETS_FOLDER
        for name in _names(path)
    }


def find(name: str) -> pathlib.Path:
    """Finds the file of an experiment.

    Raises:
        LfpError: no such experiment.
    """
    if name not in paths():
        raise LfpError(
            f'No experiment "{name}".{nearest(name, paths())} `lfp-tf experiments` lists them all.'
        )
    return paths()[name]


def read(name: str, *, preset: str | None = None, training: bool = False) -> Experiment:
    """Reads a recipe over its family's base.

    Args:
        name: of the experiment.
        preset: lineage whose options replace the recipe's own, or None.
        training: whether the preset's way of training replaces the recipe's, too.

    Raises:
        LfpError: no such experiment or preset.
    """
    path = find(name)
    content = copy.deepcopy(_experiments_of(path)[name])
    config = content["config"]
    model = config["task"].get("model", {})
    network = model.get("network", USUAL_NETWORK)
    if preset:
        changes = preset_changes(preset, network=network, task=config["task"], training=training)
        config = merge(config, changes)
    return Experiment(name, path, content["about"], config, catalog.of(network))


def _names(path: pathlib.Path) -> list[str]:
    """The experiments of a file; one without variants is not parsed, as commands start here."""
    if re.search(rf"^{_VARIANTS}:", path.read_text(encoding="utf-8"), re.MULTILINE):
        return list(_experiments_of(path))
    return [path.stem]


@functools.cache
def _experiments_of(path: pathlib.Path) -> dict[str, dict]:
    """{name: content} of a file; the cached values must not be changed."""
    return dict(_unfolded(path.stem, _read_with_base(path)))


def _unfolded(name: str, content: dict) -> Iterator[tuple[str, dict]]:
    """A content under its name, or its variants, each over what they share."""
    shared = {key: value for key, value in content.items() if key != _VARIANTS}
    if _VARIANTS not in content:
        yield name, shared
    for word, changes in content.get(_VARIANTS, {}).items():
        yield from _unfolded(f"{name}_{word}", merge(shared, changes))


def _read_with_base(path: pathlib.Path) -> dict:
    """A file over its base, whose variants count only where the file has some, too."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    base = content.pop("base", None)
    if base is None:
        return content
    inherited = _read_with_base(path.parent / f"{base}.yaml")
    if _VARIANTS not in content:
        inherited.pop(_VARIANTS, None)
    return merge(inherited, content)
