"""Names and colours of classes: the published tables and a rule for sets without one."""

import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError, nearest

IGNORE_COLOR = (0, 0, 0)
LEVELS = ("things and stuff", "groups", "supercategories")


@dataclasses.dataclass(frozen=True)
class ClassTable:
    """What the values of a label image mean.

    Attributes:
        names: tuple of C texts.
        colors: uint8 [C, 3], RGB.
        ignore_label: the value that counts in no loss and no score.
    """

    names: tuple[str, ...]
    colors: np.ndarray
    ignore_label: int = 255

    def __len__(self) -> int:
        return len(self.names)


def class_table(name: str) -> ClassTable:
    """Reads the class table of a data set.

    `camvid` has the order of the SegNet annotations, `camvid11` that of hszhao/semseg.

    Raises:
        LfpError: there is no table of that name.
    """
    facts = class_facts(name)
    colors = np.array(facts["colors"], np.uint8)
    return ClassTable(tuple(facts["names"]), colors, facts["ignore_label"])


def numbered_table(names: Sequence[str] | int) -> ClassTable:
    """Makes a table for classes without published colours: those of PASCAL VOC's rule.

    Args:
        names: the classes' names, or their number.
    """
    if isinstance(names, int):
        names = [f"class {number}" for number in range(names)]
    return ClassTable(tuple(names), voc_colors(len(names)))


def table_names() -> list[str]:
    """Lists the names that `class_table` knows, sorted."""
    return sorted(path.name[: -len(".json")] for path in _folder().iterdir() if _is_table(path))


@functools.cache
def class_facts(name: str) -> dict[str, Any]:
    """Reads all that a table's file tells: names, colours, and what is peculiar to the set.

    A file may name another with `of`, and with `only: supervised` leave out the classes that
    this one calls `unsupervised`; the others are then numbered through. Without `colors` the
    classes have those of `voc_colors`.

    Raises:
        LfpError: there is no table of that name.
    """
    known = table_names()
    if name not in known:
        raise LfpError(
            f'There is no class table "{name}".{nearest(name, known)} '
            f"The tables are {', '.join(known)}."
        )
    facts = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    if "of" in facts:
        whole = class_facts(facts["of"])
        return _supervised(whole) if facts.get("only") == "supervised" else whole
    return {"colors": voc_colors(len(facts["names"])).tolist()} | facts


def class_groups(name: str) -> dict[str, Any] | None:
    """Tells which classes of a data set belong together, level by level.

    Returns:
        {"supervised": list of C truth values, false for classes that no image has,
        "groups": {level of `LEVELS`: {group: sorted class numbers}}}; on each level every class is
        in one group. None for data sets without groups, and for names that have no table.
    """
    if name not in table_names() or "hierarchy" not in class_facts(name):
        return None
    facts = class_facts(name)
    groups = {level: {} for level in LEVELS}
    for kind, outer in facts["hierarchy"].items():
        for group, categories in outer.items():
            for category, numbers in categories.items():
                for level, key in zip(LEVELS, (kind, group, category), strict=True):
                    groups[level][key] = sorted(groups[level].get(key, []) + numbers)
    unsupervised = set(facts["unsupervised"])
    supervised = [number not in unsupervised for number in range(len(facts["names"]))]
    return {"supervised": supervised, "groups": groups}


def voc_colors(count: int = 256) -> np.ndarray:
    """Makes PASCAL VOC's colours: bit 7-j of r, g, b is bit 3j, 3j+1, 3j+2 of the index.

    >>> voc_colors(3).tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0]]

    Returns:
        uint8 [count, 3]; from index 256 on the colours repeat.
    """
    index = np.arange(count)[:, None]
    channel = np.arange(3)[None]
    bits = [((index >> (3 * j + channel)) & 1) << (7 - j) for j in range(3)]
    return np.sum(bits, axis=0).astype(np.uint8)


def colorize(labels: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Draws label values; values without a colour (ignored ones) become black.

    Args:
        labels: integer [H, W].
        colors: [C, 3] of 0..255.

    Returns:
        uint8 [H, W, 3].
    """
    labels, colors = np.asarray(labels), np.asarray(colors, np.uint8)
    known = (labels >= 0) & (labels < len(colors))
    with_ignored = np.concatenate([colors, np.array([IGNORE_COLOR], np.uint8)])
    return with_ignored[np.where(known, labels, len(colors))]


def _supervised(facts):
    """Gives the facts of the supervised classes alone, numbered through."""
    kept = [n for n in range(len(facts["names"])) if n not in set(facts["unsupervised"])]
    numbers = {old: new for new, old in enumerate(kept)}

    def renumbered(part):
        if isinstance(part, dict):
            return {key: renumbered(value) for key, value in part.items()}
        return [numbers[old] for old in part if old in numbers]

    return facts | {
        "names": [facts["names"][old] for old in kept],
        "colors": [facts["colors"][old] for old in kept],
        "unsupervised": [],
        "hierarchy": renumbered(facts["hierarchy"]),
    }


def _folder():
    return importlib.resources.files("lfp_tf.images") / "classes"


def _is_table(path):
    return path.name.endswith(".json")
