"""JSON inside a checkpoint, whose objects are charged to the file before they are built."""

import json
from typing import Any

from lfp_tf.checkpoints.formats.mapped_file import MappedFile

# What Python makes of the smallest object, list and entry in JSON.
_OBJECT_BYTES, _LIST_BYTES, _ENTRY_BYTES = 184, 64, 50


def parse_json(file: MappedFile, text: bytes, *, what: str) -> Any:
    """Reads JSON in which no key occurs twice.

    Args:
        file: refuses and counts.
        text: the JSON, UTF-8.
        what: how messages call it, such as "its header".

    Raises:
        LfpError: no JSON, a key that occurs twice, deep nesting, or more than the file allows.
    """
    # Characters outside ASCII make Python keep up to four bytes for each of the file.
    file.charge((2 if text.isascii() else 5) * len(text))
    objects, lists, entries = text.count(b"{"), text.count(b"["), text.count(b",")
    file.charge(objects * _OBJECT_BYTES + lists * _LIST_BYTES + entries * _ENTRY_BYTES)
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_without_doubles)
    except RecursionError:
        raise file.refusal("nests too deeply; it is hostile.")
    except ValueError:  # Bytes that are no UTF-8 are one, too.
        raise file.damage(f"{what} is no JSON")


def _no_number(name):
    raise ValueError(f"{name} is no number of JSON")


def _without_doubles(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key that occurs twice")
    return made
