"""`export.json`: what an export tells about itself; no TensorFlow here."""

import os
import pathlib
import re
from typing import Any

from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError


def find_export(folder: str | os.PathLike) -> pathlib.Path:
    """Finds the folder of one version: the given one, or the highest version inside it.

    Raises:
        LfpError: there is nothing that `lfp-tf export` wrote.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise LfpError(f"--saved_model {folder} does not exist.")
    if (folder / "export.json").exists():
        return folder
    versions = [p for p in folder.iterdir() if re.fullmatch(r"\d+", p.name)]
    versions = [p for p in versions if (p / "export.json").exists()]
    if not versions:
        raise LfpError(f"{folder} holds no export.json; was it written by `lfp-tf export`?")
    return max(versions, key=lambda path: int(path.name))


def read_export(folder: str | os.PathLike) -> dict[str, Any]:
    """Reads `export.json` of one version; the `task` of the oldest ones is None.

    Raises:
        LfpError: it is missing or broken.
    """
    path = pathlib.Path(folder) / "export.json"
    try:
        description = load_json(path)
        _ = description["classes"], description["colors"], description["limits"]["max_pixels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LfpError(f"{path} cannot be read as what `lfp-tf export` writes.") from error
    # Older ones call it `kind`.
    return {"task": description.get("kind")} | description
