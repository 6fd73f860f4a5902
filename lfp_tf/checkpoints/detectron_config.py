"""One number of a Detectron configuration, found in its text without building anything of it.

The text is YAML whose tags name Python classes. It is followed as a stream of events, keys and
plain values with whatever tags; no tag is looked up.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import yaml

from lfp_tf.errors import LfpError, printable

# Files from before the key existed decode their boxes with these
# (facebookresearch/Detectron `detectron/utils/net.py:configure_bbox_reg_weights`).
OLDEST_BOX_WEIGHTS = (1.0, 1.0, 1.0, 1.0)
# The blob that makes the deltas, in files of whole detectors.
BOX_REGRESSOR = "bbox_pred_w"
OLDEST_NOTE = (
    "the file tells no MODEL.BBOX_REG_WEIGHTS, so it is from before the key existed: its box "
    "regressor assumes the weights 1, 1, 1, 1; build the network with "
    "task.model.box_weights=[1.0,1.0,1.0,1.0]"
)
_PLACE = ("MODEL", "BBOX_REG_WEIGHTS")
# Under this key PyYAML keeps the entries of a class that is a dictionary.
_ENTRIES = "dictitems"
# Detectron's own nest four levels, eight with the tags of its classes. The scanner's time grows
# with the square of the depth.
_MOST_LEVELS = 60
# Detectron's own have some ten thousand letters.
_MOST_LETTERS = 1 << 16


def weights_note(arrays: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
    """Says that a file's box weights are not the network's; None where they are or are not known.

    Args:
        arrays: of `read_checkpoint`.
        options: of the network; detectors have `box_weights`.
    """
    config = getattr(arrays, "config", None)
    weights = config and BOX_REGRESSOR in arrays and box_weights(config, file="the file")
    ours = options.get("box_weights")
    if not weights or ours is None or tuple(ours) == weights:
        return None
    shown = ",".join(map(str, weights))
    return (
        f"the file's box regressor assumes the weights {shown}, not the network's "
        f"{','.join(map(str, ours))}; build the network with task.model.box_weights=[{shown}]"
    )


def box_weights(config: str | None, *, file: str) -> tuple[float, ...] | None:
    """Gives `MODEL.BBOX_REG_WEIGHTS`: what the box head's dx, dy, dw, dh are divided by.

    >>> box_weights("MODEL: {BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0]}", file="a")
    (10.0, 10.0, 5.0, 5.0)

    Args:
        config: the text, or None.
        file: how messages call the file.

    Returns:
        Four numbers; None where there is no text or the key is not in it.

    Raises:
        LfpError: the text is no YAML, or the key has another value than four numbers above 0.
    """
    try:
        texts = None if config is None else _texts_at(config, _PLACE)
    except yaml.YAMLError as error:
        problem = printable(getattr(error, "problem", None) or error, longest=80)
        raise LfpError(
            f"{file} holds a configuration that cannot be read as YAML ({problem}); save the file "
            "again with the program that wrote it."
        ) from None
    if texts is None:
        return None
    try:
        weights = tuple(float(text) for text in texts)
    except ValueError:
        weights = ()
    if len(weights) != 4 or not all(0 < weight < math.inf for weight in weights):
        shown = printable(", ".join(texts), longest=80)
        raise LfpError(
            f"{file} says MODEL.BBOX_REG_WEIGHTS: {shown}, but four numbers above 0 are needed."
        )
    return weights


@dataclasses.dataclass
class _Level:
    """A list or a mapping that is open: its plain values, or the key whose value comes next."""

    is_mapping: bool
    anchor: str | None = None
    texts: list[str] = dataclasses.field(default_factory=list)
    key: str | None = None
    awaits_value: bool = False

    def take(self, text: str | None) -> None:
        """Enters a key or a value that has ended; None is no plain text."""
        if self.is_mapping:
            self.key, self.awaits_value = text, not self.awaits_value
        elif text is not None:
            self.texts.append(text)


def _texts_at(text: str, place: tuple[str, ...]) -> list[str] | None:
    """The plain values of the list at a place of nested keys, or None where there is no such place.

    A plain value is a list of one; an alias stands for the list that has its anchor.
    """
    if len(text) > _MOST_LETTERS:
        raise yaml.YAMLError(f"{len(text)} letters, more than {_MOST_LETTERS}")
    lists: dict[str, list[str]] = {}
    levels = [_Level(is_mapping=False)]
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            is_mapping = isinstance(event, yaml.MappingStartEvent)
            levels.append(_Level(is_mapping, event.anchor))
            if len(levels) > _MOST_LEVELS:
                raise yaml.YAMLError(f"nested deeper than {_MOST_LEVELS} levels")
            continue
        value = None
        if isinstance(event, yaml.CollectionEndEvent):
            closed = levels.pop()
            value = None if closed.is_mapping else closed.texts
            if closed.anchor and value is not None:
                lists[closed.anchor] = value
        elif isinstance(event, yaml.AliasEvent):
            value = lists.get(event.anchor)
        elif isinstance(event, yaml.ScalarEvent):
            value = [event.value]
        else:
            continue
        if value is not None and _place_of(levels) == place:
            return value
        levels[-1].take(event.value if isinstance(event, yaml.ScalarEvent) else None)
    return None


def _place_of(levels: list[_Level]) -> tuple[str | None, ...] | None:
    """The keys above the value that has just ended; None where a list or a key is in between."""
    inner = levels[1:]
    if not all(level.is_mapping and level.awaits_value for level in inner):
        return None
    return tuple(level.key for level in inner if level.key != _ENTRIES)
