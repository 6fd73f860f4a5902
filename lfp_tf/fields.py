"""Fields of experiments: plain dataclasses, groups inside groups; no TensorFlow here."""

import copy
import dataclasses


def field(factory):
    """A dataclass field whose default is a new value of `factory`."""
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class Fields:
    """A group of fields: plain values, lists of them, and further groups."""

    # {name in an older release: name today}
    RENAMED = {}

    def as_dict(self):
        """Nested dictionaries of plain values, for YAML and JSON."""
        return {name.name: _plain(getattr(self, name.name)) for name in dataclasses.fields(self)}

    def values_for(self, kind):
        """{name: value} of the fields that another dataclass has too."""
        return {other.name: getattr(self, other.name) for other in dataclasses.fields(kind)}

    def replace(self, **values):
        """A copy with other values."""
        return dataclasses.replace(copy.deepcopy(self), **values)


@dataclasses.dataclass
class OneOf(Fields):
    """A choice among groups: `type` names the group that counts."""

    type: str | None = None

    def get(self):
        """The group that counts, or None where none is named."""
        return None if self.type is None else getattr(self, self.type)

    def as_dict(self):
        """`type` and the fields of that group alone."""
        chosen = self.get()
        return {"type": self.type} | ({} if chosen is None else {self.type: chosen.as_dict()})

    def names(self):
        """The names that `type` may have."""
        return [f.name for f in dataclasses.fields(self) if f.name != "type"]


def value_at(fields, path):
    """The value of a dotted field."""
    for name in path.split("."):
        fields = getattr(fields, name)
    return fields


def _plain(value):
    if isinstance(value, Fields):
        return value.as_dict()
    return list(value) if isinstance(value, list | tuple) else value
