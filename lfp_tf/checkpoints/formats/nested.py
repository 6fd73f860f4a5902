"""Nested dictionaries and lists of arrays, laid out flat: keys and indices joined with `/`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.errors import printable

MOST_LEVELS = 60
VISIT_BYTES = 100


def flatten(
    file: MappedFile, tree: Any, *, array_of: Callable[[Any], Any]
) -> dict[str, np.ndarray]:
    """Gives every array of a tree its name.

    Args:
        file: refuses and counts.
        tree: dictionaries, lists and tuples of anything.
        array_of: function of a leaf; its array, a tree to go on with, or None for no array.

    Returns:
        {name: array} in the file's order. An array that stands alone is called "".

    Raises:
        LfpError: nesting without end, or two arrays of one name.
    """
    arrays = {}
    _walk(file, tree, "", 0, array_of, arrays)
    return arrays


def _walk(file, value, name, level, array_of, arrays):
    if level > MOST_LEVELS:
        raise file.refusal(f"nests deeper than {MOST_LEVELS} levels; it is hostile.")
    file.charge(VISIT_BYTES + len(name))
    if type(value) not in (dict, list, tuple):
        value = array_of(value)
    if type(value) in (dict, list, tuple):
        entries = value.items() if type(value) is dict else enumerate(value)
        for key, inner in entries:
            key = _text(key)
            _walk(file, inner, f"{name}/{key}" if level else key, level + 1, array_of, arrays)
    elif value is not None:
        if name in arrays:
            raise file.refusal(f'holds two arrays of the name "{printable(name)}".')
        arrays[name] = value


def _text(key):
    return str(key, "latin-1") if isinstance(key, bytes) else str(key)
