"""Augmentation as a list of steps: their options by name, and which random numbers each one draws.

An experiment names steps in YAML, each with options or without:

    augmentation:
      steps:
        - scale: {factors: [0.5, 2.0]}
        - rotate: {degrees: 10}
        - flip

`data/TASK/steps.py` lists the options of a task's steps (no TensorFlow);
`data/TASK/augmentations.py` carries them out.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, ClassVar

from lfp_tf.errors import LfpError, nearest

# Of a step in a user's list: its own and the next salt; those below are the recipes'.
_FIRST_SALT = 64


@dataclasses.dataclass(frozen=True)
class Step:
    """Options of a step; making one refuses impossible values.

    Raises:
        LfpError: as it says.
    """

    # How YAML calls it.
    NAME: ClassVar[str] = ""
    # How many numbers it draws: uniform in [0, 1), and normal.
    UNIFORMS: ClassVar[int] = 0
    NORMALS: ClassVar[int] = 0
    # {option: (least, largest)} of numbers and of each number of a pair.
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {}
    # Options that are [least, largest].
    PAIRS: ClassVar[tuple[str, ...]] = ()
    CHOICES: ClassVar[dict[str, tuple]] = {}

    def __post_init__(self) -> None:
        for name in self.PAIRS:
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != 2 or values[0] > values[1]:
                raise LfpError(f"{self._path(name)} must be [least, largest], not {list(values)}.")
        for name, (least, largest) in self.LIMITS.items():
            value = getattr(self, name)
            for number in value if isinstance(value, tuple | list) else [value]:
                if not least <= number <= largest:
                    shown = list(value) if isinstance(value, tuple) else value
                    raise LfpError(
                        f"{self._path(name)} must lie in {least:g}..{largest:g}, not {shown}."
                    )
        for name, choices in self.CHOICES.items():
            if getattr(self, name) not in choices:
                raise LfpError(
                    f'{self._path(name)} is "{getattr(self, name)}", but must be one of '
                    f"{', '.join(choices)}."
                )

    def _path(self, name):
        return f"augmentation {self.NAME}.{name}"


@dataclasses.dataclass(frozen=True)
class Flip(Step):
    """Left and right exchanged; of people, the joints' names too.

    Attributes:
        probability: of it.
    """

    NAME = "flip"
    UNIFORMS = 1
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {"probability": (0, 1)}

    probability: float = 0.5


@dataclasses.dataclass(frozen=True)
class Slot:
    """Where a step's numbers stand among those that are drawn from a sample's key.

    Attributes:
        uniforms: (salt, how many are drawn with it, the step's first one).
        normals: likewise.
    """

    uniforms: tuple[int, int, int] = (0, 0, 0)
    normals: tuple[int, int, int] = (0, 0, 0)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Steps in the order in which they are carried out, each with its slot."""

    steps: tuple[Any, ...]
    slots: tuple[Slot, ...]

    @classmethod
    def of(cls, steps: list) -> "Augmentation":
        """Steps whose numbers depend on their place in the list alone."""
        slots = []
        for place, step in enumerate(steps):
            salt = _FIRST_SALT + 2 * place
            slots.append(Slot((salt, step.UNIFORMS, 0), (salt + 1, step.NORMALS, 0)))
        return cls(tuple(steps), tuple(slots))


def read_steps(entries: list, kinds: Mapping[str, type[Step]]) -> list:
    """Steps of a list as YAML has it.

    Args:
        entries: names, or {name: {option: value}}.
        kinds: {name: class of its options}.

    Raises:
        LfpError: an unknown name or option, a value of another type or outside its limits.
    """
    return [_read(entry, kinds) for entry in entries]


def _read(entry, kinds):
    if isinstance(entry, dict) and len(entry) != 1:
        raise LfpError(
            f"augmentation.steps has {entry!r}; write each step as NAME or NAME: {{OPTION: VALUE}}."
        )
    name, values = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
    kind = kinds.get(name)
    if kind is None:
        raise LfpError(
            f'There is no augmentation step "{name}".{nearest(str(name), list(kinds))} '
            f"Steps are: {', '.join(kinds)}."
        )
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise LfpError(f"augmentation step {name} takes {{OPTION: VALUE}}, not {values!r}.")
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for option, value in values.items():
        if option not in known:
            raise LfpError(
                f'augmentation step {name} has no option "{option}".'
                f"{nearest(str(option), known)} It has: {', '.join(known) or 'none'}."
            )
        if not _fits(value, hints[option]):
            raise LfpError(
                f"augmentation {name}.{option} is {value!r}, but must be {_TYPES[hints[option]]}."
            )
    return kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in values.items()})


_TYPES = {
    float: "a number",
    int: "a whole number",
    str: "a text",
    bool: "true or false",
    tuple: "a list of numbers",
}


def _fits(value, hint):
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is tuple:
        return isinstance(value, list | tuple) and all(_fits(one, float) for one in value)
    return isinstance(value, hint)
