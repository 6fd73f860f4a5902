"""Checks of arguments that several commands make, before TensorFlow is loaded."""

import argparse
import os
import pathlib

from lfp_tf.checkpoints.parts import split_part
from lfp_tf.errors import LfpError


def check_at_least_one(arguments: argparse.Namespace, *names: str) -> None:
    """Refuses numbers below 1; those that were not given are None and pass.

    Raises:
        LfpError: the first of them.
    """
    for name in names:
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise LfpError(f"--{name} must be at least 1, not {value}.")


def check_checkpoint(path: str | os.PathLike, flag: str) -> None:
    """Refuses a checkpoint's path that is neither a file, a folder nor a prefix, part or not.

    Raises:
        LfpError: there is nothing.
    """
    path = split_part(path)[0]
    if not (pathlib.Path(path).exists() or is_prefix(path)):
        raise LfpError(f"{flag} {path} does not exist.")


def is_prefix(path: str | os.PathLike) -> bool:
    """Whether a path is what the files of a TensorFlow checkpoint begin with."""
    return pathlib.Path(f"{path}.index").exists()


def input_size(text: str | None) -> tuple[int, int] | None:
    """(height, width) of `H,W`, or None.

    Raises:
        LfpError: another text.
    """
    if text is None:
        return None
    words = text.split(",")
    if len(words) != 2 or not all(word.strip().isdecimal() and int(word) for word in words):
        raise LfpError(f"--input_size {text} must be HEIGHT,WIDTH in pixels, as 713,713.")
    height, width = map(int, words)
    return height, width
