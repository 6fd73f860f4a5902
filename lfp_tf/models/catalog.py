"""Networks by name, as experiments call them."""

import inspect
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.models.classifier import resnet_classifier
from lfp_tf.models.deeplab import deeplabv1, deeplabv2, deeplabv3, deeplabv3plus
from lfp_tf.models.fpt_segmentation import fpt_segmentation
from lfp_tf.models.hourglass import hourglass
from lfp_tf.models.lfp import lfp_classifier, lfp_segmentation
from lfp_tf.models.pspnet import pspnet
from lfp_tf.models.rcnn import RCNN
from lfp_tf.models.rcnn_c4 import RCNNC4
from lfp_tf.options import Options, from_flat

NETWORKS = {
    "pspnet": pspnet,
    "deeplabv1": deeplabv1,
    "deeplabv2": deeplabv2,
    "deeplabv3": deeplabv3,
    "deeplabv3plus": deeplabv3plus,
    "resnet": resnet_classifier,
    "lfp_classifier": lfp_classifier,
    "lfp_segmentation": lfp_segmentation,
    "fpt_segmentation": fpt_segmentation,
    "hourglass": hourglass,
    "rcnn": RCNN,
    "rcnn_c4": RCNNC4,
}


# No network needs AutoGraph, which would be a fifth of the time to build one.
@tf.autograph.experimental.do_not_convert
def build_network(network: str, **flat: Any) -> tf_keras.Model:
    """Builds a network from options as experiments have them.

    Args:
        network: its name, a key of `NETWORKS`.
        flat: the options under their flat names, as `depth` and `bn_frozen`; see `options`.

    Returns:
        A Keras model; see its builder.

    Example:
        >>> build_network("pspnet", classes=3, depth=18, width=0.125).name
        'pspnet'
    """
    build = NETWORKS[network]
    groups = {
        name: from_flat(parameter.default, flat)
        for name, parameter in inspect.signature(build).parameters.items()
        if isinstance(parameter.default, Options)
    }
    return build(**groups, **flat)
