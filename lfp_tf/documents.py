"""JSON and YAML that a user wrote or that was changed by hand: plain values, or a ValueError."""

import json
import os
import pathlib
import re
from typing import Any

import yaml

_LONGEST_WHOLE = 20
_MOST_VALUES = 100_000
_PLAIN = (str, bool, int, float, type(None))


def load_json(path: str | os.PathLike) -> Any:
    """Reads a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON; the text says why.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"), parse_int=_number)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def _number(text):
    """A whole number; beyond 64 bits, where arithmetic with floats fails, a float."""
    return int(text) if len(text) < _LONGEST_WHOLE else float(text)


def parse_yaml(text: str) -> Any:
    """Reads YAML of plain values; 1e-3 is a number as in Python (YAML 1.1 asks for 1.0e-3).

    Raises:
        ValueError: no YAML, or dates, sets, objects and what else is no plain value; the text says
            which.
    """
    try:
        content = _Loader(text).get_single_data()
        _count(content, [])
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ValueError(f"{line}{error.problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    except _NotPlain:
        raise
    # `!!int ''` and its like, and dates that are none, run into whatever Python makes of them.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"a value is not what it is read as ({reason}); quote a text") from None
    return content


class _NotPlain(ValueError):
    """Values that are not plain, or too many; the text says which."""


class _Loader(yaml.SafeLoader):
    """YAML without objects."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _count(value, parents):
    """Counts a value and all within it, each alias anew; refuses what is not plain."""
    if isinstance(value, _PLAIN):
        return 1
    if not isinstance(value, dict | list):
        kind = type(value).__name__
        raise _NotPlain(f"{value} is read as {kind}; quote it if it is meant as a text")
    if any(value is parent for parent in parents):
        raise _NotPlain("a value holds itself")
    parts, total = [*value, *value.values()] if isinstance(value, dict) else value, 1
    for part in parts:
        total += _count(part, [*parents, value])
        if total > _MOST_VALUES:
            raise _NotPlain(f"it holds more than {_MOST_VALUES} values")
    return total
