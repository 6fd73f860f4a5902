"""Fields of experiments: plain dataclasses, groups inside groups; no TensorFlow here."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Self


def field(factory: Callable[[], Any]) -> Any:
    """Makes a dataclass field whose default is a new value of `factory`."""
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class Fields:
    """A group of fields: plain values, lists of them, and further groups."""

    # {name in an older release: name today}
    RENAMED: ClassVar[dict[str, str]] = {}

    def as_dict(self) -> dict[str, Any]:
        """Gives nested dictionaries of plain values, for YAML and JSON."""
        return {each.name: _plain(getattr(self, each.name)) for each in dataclasses.fields(self)}

    def values_for(self, kind: type) -> dict[str, Any]:
        """Gives {name: value} of the fields that another dataclass has too."""
        return {other.name: getattr(self, other.name) for other in dataclasses.fields(kind)}

    def replace(self, **values: Any) -> Self:
        """Gives a copy with other values."""
        return dataclasses.replace(copy.deepcopy(self), **values)


@dataclasses.dataclass
class OneOf(Fields):
    """A choice among groups: `type` names the group that counts."""

    type: str | None = None

    def get(self) -> Any:
        """Gives the group that counts, or None where none is named."""
        return None if self.type is None else getattr(self, self.type)

    def as_dict(self) -> dict[str, Any]:
        """Gives `type` and the fields of that group alone."""
        if self.type is None:
            return {"type": None}
        return {"type": self.type, self.type: self.get().as_dict()}

    def names(self) -> list[str]:
        """Lists the names that `type` may have."""
        return [f.name for f in dataclasses.fields(self) if f.name != "type"]


def value_at(fields: Fields, path: str) -> Any:
    """Gives the value of a dotted field."""
    value: Any = fields
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Fields):
        return value.as_dict()
    return list(value) if isinstance(value, list | tuple) else value
