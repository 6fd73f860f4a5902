"""Experiments as data: which there are and what their YAML files say; no TensorFlow here."""

import dataclasses
import functools
import pathlib
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


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One recipe.

    Attributes:
        name: the file's name without its ending.
        path: the YAML file.
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
        path.stem: path
        for path in files
        if not path.name.startswith("_") and path.parent != PRESETS_FOLDER
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
    content = _read_with_base(path)
    config = content["config"]
    model = config["task"].get("model", {})
    network = model.get("network", USUAL_NETWORK)
    if preset:
        changes = preset_changes(preset, network=network, task=config["task"], training=training)
        config = merge(config, changes)
    return Experiment(name, path, content["about"], config, catalog.of(network))


def _read_with_base(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    base = content.pop("base", None)
    if base is None:
        return content
    return merge(_read_with_base(path.parent / f"{base}.yaml"), content)
