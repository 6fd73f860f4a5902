"""Cases of Detectron's `.pkl` files: what is read of them, and which are refused."""

import pathlib
from typing import Any

from lfp_tf.checkpoints.detectron_config import OLDEST_BOX_WEIGHTS, box_weights
from lfp_tf.checkpoints.formats.detectron import MOMENTUM
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check


def checkpoint(case: Case) -> dict[str, Any]:
    """`checkpoint`: names, arrays and box weights of a file, or that it is refused."""
    check(case.config, {"file": lambda name: isinstance(name, str)})
    path = pathlib.Path(case.folder) / case.config["file"]
    try:
        arrays = read_checkpoint(path)
    except LfpError:
        return {"refused": True}
    if (file_format := identify(path)) != "detectron":
        raise LfpError(f"{path.name} was taken for {file_format}.")
    momentum = sorted(name for name in arrays if name.endswith(MOMENTUM))
    return {
        "refused": False,
        "names": sorted(set(arrays) - set(momentum)),
        "momentum_names": momentum or ["none"],
        "box_regression_weights": box_weights(arrays.config, file=path.name) or OLDEST_BOX_WEIGHTS,
        **arrays,
    }
