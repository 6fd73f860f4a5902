"""Cases about files: what a reader finds in one, and which it must refuse."""

import pathlib
from typing import Any

from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_flag

FORMATS = ("caffemodel", "torch", "npy_dictionary", "tf1")
WORDS = {"format": FORMATS, "container": ("zip", "legacy"), "strip_prefix": is_flag}


def checkpoint(case: Case) -> dict[str, Any]:
    """`checkpoint`: names and arrays as the file has them."""
    check(case.config, WORDS)
    path = pathlib.Path(case.folder) / case.inputs()["file"]
    file_format = identify(path)
    if file_format != case.config["format"]:
        raise LfpError(f"{path.name} was taken for {file_format}, not {case.config['format']}.")
    arrays = read_checkpoint(path)
    if case.config.get("strip_prefix"):
        arrays = {name.removeprefix("module."): array for name, array in arrays.items()}
    return {"names": sorted(arrays)} | arrays


def checkpoint_refused(case: Case) -> dict[str, Any]:
    """`checkpoint_refused`: the reader's sentence about a file it must not read."""
    check(case.config, WORDS)
    path = pathlib.Path(case.folder) / case.inputs()["file"]
    try:
        read_checkpoint(path)
    except LfpError as error:
        return {"refused": True, "message_names": str(error)}
    return {"refused": False, "message_names": ""}
