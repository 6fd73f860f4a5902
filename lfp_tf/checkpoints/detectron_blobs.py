"""A detector of ours as the blobs and the configuration of a Detectron file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.detectron_config import box_weights
from lfp_tf.checkpoints.formats.detectron import MOMENTUM
from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.errors import LfpError

_DETECTRON = TRANSLATIONS["detectron"]
# A class that both of Detectron's ages know: the newer one renames it as it reads.
_ATTRIBUTES = "!!python/object/new:utils.collections.AttrDict"


def blobs_of(arrays: Mapping[str, np.ndarray], options: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Gives {blob name: array in Caffe2's layout} of {our name: array}.

    Args:
        arrays: of a whole network.
        options: of the network, as the names table takes them.

    Raises:
        LfpError: the network is none that Detectron has names for.
    """
    if options.get("norm") == "batch":
        raise LfpError(
            "A network with batch norms is none of Detectron's, whose norms are fixed (affine) or "
            "of groups; give one of these, or write safetensors."
        )
    blobs = {}
    for name, array in arrays.items():
        blob = _DETECTRON.their_name(name, options)
        if blob is None or options.get("decoder", "fpn") != "fpn":
            raise LfpError(
                f"Detectron's files have no name for {name}: it has Faster and Mask R-CNN on a "
                "plain ResNet, with FPN or without a pyramid; write safetensors instead."
            )
        blobs[blob] = _DETECTRON.to_theirs(array, name)
    return blobs


def preserved(
    arrays: Mapping[str, np.ndarray], blobs: Mapping[str, np.ndarray], *, is_trained: bool
) -> dict[str, np.ndarray]:
    """What of a file nobody of ours takes and the next file keeps, as Detectron does.

    Args:
        arrays: of the file that the network began with.
        blobs: of the network.
        is_trained: whether the network was trained since, so that momentum is no longer its own.

    Returns:
        {blob name: array}: unknown blobs, and momentum of blobs that are as they were.
    """
    return {
        name: array
        for name, array in arrays.items()
        if name not in blobs and not (is_trained and name.endswith(MOMENTUM))
    }


def config_of(options: Mapping[str, Any], *, classes: int, before: str | None) -> str:
    """The text of the configuration: the file's own where its box weights are the network's.

    Args:
        options: of the network, `box_weights` among them.
        classes: of objects, without background.
        before: the text of the file that the network began with; None where there is none.
    """
    weights = tuple(float(weight) for weight in options["box_weights"])
    if before is not None and box_weights(before, file="the file") == weights:
        return before
    return (
        f"{_ATTRIBUTES}\ndictitems:\n  MODEL: {_ATTRIBUTES}\n    dictitems:\n"
        f"      BBOX_REG_WEIGHTS: !!python/tuple [{', '.join(map(str, weights))}]\n"
        f"      NUM_CLASSES: {classes + 1}\n"
    )
