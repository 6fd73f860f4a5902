"""Trained networks that ship with the library; no TensorFlow here."""

import os
import pathlib

from lfp_tf.errors import LfpError

FOLDER = pathlib.Path(__file__).parents[1] / "networks"


def shipped(name: str) -> pathlib.Path:
    """Finds the file of the network that ships with the library under an experiment's name.

    Raises:
        LfpError: there is none.
    """
    path = FOLDER / f"{name}.npz"
    if not path.exists():
        raise LfpError(
            f"--checkpoint is missing: no trained {name} ships with the library "
            f"(there is: {', '.join(shipped_names()) or 'none'})."
        )
    return path


def located(start: str | os.PathLike) -> pathlib.Path:
    """Gives the path of a start: a file or folder as it stands, or the network shipped as it."""
    path = pathlib.Path(start)
    is_name = not path.exists() and str(start) in shipped_names()
    return shipped(str(start)) if is_name else path


def shipped_names() -> list[str]:
    """Lists the experiments whose networks ship, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))
