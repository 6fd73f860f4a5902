"""The network as it is served: without the auxiliary head, batch norm folded, in a chosen type."""

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers, variables_by_name
from lfp_tf.layers.affine import Affine
from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.models.catalog import build_network

DTYPES = ("float32", "bfloat16")
_CONVOLUTIONS = (tf_keras.layers.Conv2D, tf_keras.layers.DepthwiseConv2D)


def served_network(
    model: tf_keras.Model, *, dtype: str = "float32", optimize: bool = True
) -> tf_keras.Model:
    """Copies a network for inference alone.

    Args:
        model: from `recipes.networks`, with weights.
        dtype: in which convolutions are computed; variables and the softmax stay float32.
        optimize: whether batch norm is folded: kernels are multiplied by gamma / sqrt(variance +
            epsilon), and what is left of the norm is the addition of a bias.

    Returns:
        A Keras model of the same outputs but the auxiliary head's; where masks' kernels are
        predicted from box weights (MaskX R-CNN), a plain Mask R-CNN that has them.
    """
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(
        "mixed_bfloat16" if dtype == "bfloat16" else "float32"
    )
    try:
        options = dict(model.recipe.options)
        if "aux_head" in options:
            options["aux_head"] = False
        predicts_masks = getattr(model, "transfer", None) is not None
        if predicts_masks:
            options |= {"transfer_input": "none", "class_specific_masks": True}
        served = build_network(model.recipe.network, **options)
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    source = variables_by_name(model)
    if predicts_masks:
        # The transfer function is evaluated here, once: what is served is a plain Mask R-CNN.
        kernels = model.mask_kernels(tf.range(model.num_labels))
        source["mask_logits/kernel"] = tf.transpose(kernels)[None, None]
        source["mask_logits/bias"] = tf.zeros([model.num_labels])
    for name, variable in variables_by_name(served).items():
        variable.assign(source[name])
    served.recipe = model.recipe
    if optimize:
        for convolution, norm in convolutions_with_norms(served):
            _fold(convolution, norm)
    return served


def served_variables(model: tf_keras.Model) -> list[tf.Variable]:
    """Lists the variables that the graph of a served network reads."""
    unused = set()
    for _, norm in convolutions_with_norms(model):
        if getattr(norm, "is_folded", False):
            kept = norm.offset if isinstance(norm, Affine) else norm.beta
            unused |= {id(variable) for variable in norm.variables if variable is not kept}
    return [variable for variable in model.variables if id(variable) not in unused]


def convolutions_with_norms(
    model: tf_keras.Model,
) -> list[tuple[tf_keras.layers.Layer, BatchNorm | Affine]]:
    """Lists pairs (convolution, `BatchNorm` or `Affine` that alone reads it) of a network."""
    pairs = []
    for layer in flat_layers(model):
        if isinstance(layer, BatchNorm | Affine):
            before = layer.inbound_nodes[0].inbound_layers
            if isinstance(before, _CONVOLUTIONS) and len(before.outbound_nodes) == 1:
                pairs.append((before, layer))
        elif hasattr(layer, "convolutions"):
            pairs += layer.convolutions_with_norms()
    return pairs


def _fold(convolution, norm):
    if isinstance(norm, Affine):
        scale, offset = norm.scale, norm.offset
        shifted = offset
    else:
        scale = norm.gamma / tf.sqrt(norm.moving_variance + norm.epsilon)
        offset = norm.beta
        shifted = offset - norm.moving_mean * scale
    if convolution.use_bias:
        convolution.bias.assign(convolution.bias * scale)
    if isinstance(convolution, tf_keras.layers.DepthwiseConv2D):
        kernel, along = convolution.depthwise_kernel, scale[:, None]
    else:
        kernel, along = convolution.kernel, scale
    kernel.assign(kernel * along)
    offset.assign(shifted)
    norm.call = lambda inputs, training=None: tf.nn.bias_add(inputs, tf.cast(offset, inputs.dtype))
    norm.is_folded = True
