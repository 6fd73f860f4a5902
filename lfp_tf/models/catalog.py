"""Networks by name, as experiments call them."""

import tensorflow as tf

from lfp_tf.models.classifier import resnet_classifier
from lfp_tf.models.deeplab import deeplabv1, deeplabv2, deeplabv3, deeplabv3plus
from lfp_tf.models.hourglass import hourglass
from lfp_tf.models.lfp import lfp_classifier, lfp_segmentation
from lfp_tf.models.pspnet import pspnet

NETWORKS = {
    "pspnet": pspnet,
    "deeplabv1": deeplabv1,
    "deeplabv2": deeplabv2,
    "deeplabv3": deeplabv3,
    "deeplabv3plus": deeplabv3plus,
    "resnet": resnet_classifier,
    "lfp_classifier": lfp_classifier,
    "lfp_segmentation": lfp_segmentation,
    "hourglass": hourglass,
}


# No network needs AutoGraph, which would be a fifth of the time to build one.
@tf.autograph.experimental.do_not_convert
def build_network(network, **options):
    """A Keras model by the name of its network, with that builder's options."""
    return NETWORKS[network](**options)
