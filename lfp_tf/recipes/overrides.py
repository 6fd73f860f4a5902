"""What a user changes in an experiment: names and types are checked; no TensorFlow here."""

import copy
import dataclasses
import os
import pathlib
import re
import types
import typing
from typing import Any

from lfp_tf.documents import parse_yaml
from lfp_tf.errors import LfpError, nearest, printable
from lfp_tf.fields import Fields


def parse(text: str) -> dict[str, Any]:
    """Reads `a.b=1,c=[1,2]` or a YAML text as nested dictionaries.

    Raises:
        LfpError: neither of the two.
    """
    try:
        content = _pairs(text) if "=" in text.split("\n")[0] else parse_yaml(text)
    except ValueError as error:
        raise _unreadable(text) from error
    if not isinstance(content, dict):
        raise _unreadable(text)
    return content


def read_yaml(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the dictionary in a user's YAML file.

    Raises:
        LfpError: no such file, or it holds no mapping.
    """
    try:
        content = parse_yaml(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LfpError(f"--config_file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise LfpError(f"--config_file {path} is not YAML of plain values: {error}.") from error
    if not isinstance(content, dict):
        raise LfpError(f"--config_file {path} must hold fields such as `trainer:` or `task:`.")
    return content


def apply(params: Fields, changes: dict[str, Any]) -> None:
    """Writes nested dictionaries into fields after checking every field's name and type.

    Raises:
        LfpError: a misspelt field (with the nearest right one) or a value of another type.
    """
    _check(params, changes, "")
    _write(params, changes)


_PAIR = re.compile(r"\s*([A-Za-z]\w*(?:\.\w+)*)\s*=(.*)", re.DOTALL)
_BEFORE_A_QUOTE = "=,:[{"  # within a word an apostrophe is a letter


def _pairs(text):
    """Reads nested dictionaries from `a.b=1,c=[1,2]`."""
    content = {}
    for pair in _split(text):
        match = _PAIR.fullmatch(pair)
        if not match:
            raise ValueError(pair)
        *groups, name = match[1].split(".")
        fields = content
        for group in groups:
            fields = fields.setdefault(group, {})
            if not isinstance(fields, dict):
                raise ValueError(f"{group} is a value and a group")
        if isinstance(fields.get(name), dict):
            raise ValueError(f"{name} is a group and a value")
        fields[name] = parse_yaml(match[2].strip())
    return content


def _split(text):
    """Splits a text at the commas outside of quotes and brackets."""
    parts, depth, quote, before = [""], 0, "", ""
    for letter in text.removesuffix(","):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'" and before in _BEFORE_A_QUOTE:
            quote = letter
        elif letter == "," and not depth:
            parts.append("")
            continue
        else:
            depth += (letter in "[{") - (letter in "]}")
        parts[-1] += letter
        before = before if letter.isspace() else letter
    if depth:
        raise ValueError(text)
    return parts


def _check(fields, changes, path):
    hints = typing.get_type_hints(type(fields))
    names = [field.name for field in dataclasses.fields(fields)]
    for name, value in changes.items():
        where = f"{path}{name}"
        name = _today(fields, name)
        if name not in names:
            group = path[:-1] or "the experiment"
            raise LfpError(
                f'There is no field "{where}".{nearest(str(name), names)} '
                f"Fields of {group}: {', '.join(names)}."
            )
        current = getattr(fields, name)
        if isinstance(current, Fields):
            if not isinstance(value, dict):
                raise LfpError(f"{where} is a group of fields; give one, as in {where}.NAME=VALUE.")
            _check(current, value, f"{where}.")
        elif not _fits(value, hints[name]):
            expected = _type_name(hints[name])
            raise LfpError(
                f"{where} is {printable(repr(value))}, but must be {expected}."
                f"{_hint(value, hints[name])}"
            )


def _write(fields, changes):
    for name, value in changes.items():
        name = _today(fields, name)
        current = getattr(fields, name)
        if isinstance(current, Fields):
            _write(current, value)
        else:
            setattr(fields, name, copy.deepcopy(value))


def _today(fields, name):
    """Gives today's name of a field of an older release."""
    return fields.RENAMED.get(name, name)


def _fits(value, hint):
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, choice) for choice in typing.get_args(hint))
    if origin in (list, typing.Sequence):
        items = typing.get_args(hint)
        return isinstance(value, list) and all(_fits(v, items[0]) for v in value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bool, dict):
        return isinstance(value, hint)
    if hint is type(None):
        return value is None
    return True


def _type_name(hint):
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type_name(choice) for choice in typing.get_args(hint))
    if origin in (list, typing.Sequence):
        return f"a list such as [{', '.join(_EXAMPLES.get(typing.get_args(hint)[0], ()))}]"
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    return names.get(hint, "null")


_EXAMPLES = {int: ("1", "2"), float: ("0.5", "1.0"), str: ("a", "b")}


def _hint(value, hint):
    if hint is str and isinstance(value, bool):
        return f" Quote it if you mean the text: '{'on' if value else 'off'}'."
    return ""


def _unreadable(text):
    return LfpError(
        f"--params_override {text!r} is not of the form a.b=1,c=[1,2] nor a YAML text of fields."
    )
