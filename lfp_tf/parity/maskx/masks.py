"""Cases of MaskX R-CNN's mask outputs: the transfer function, its branch, partial supervision."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.load import Report, translate
from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.heads.box import box_outputs
from lfp_tf.models.detector import Detector
from lfp_tf.options import RoIHeads, WeightTransfer, of_flat
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.network import forward as network_forward
from lfp_tf.parity.maskx.network import transfer_options
from lfp_tf.parity.maskx.words import CONFIG_ERRORS, HEAD, head_words
from lfp_tf.parity.words import check
from lfp_tf.recipes import config
from lfp_tf.tasks.detection import losses as five


def forward(case: Case) -> dict[str, Any]:
    """`maskx-forward`: a whole network, or its mask outputs alone."""
    return network_forward(case) if "depth" in case.config else outputs(case)


def outputs(case: Case) -> dict[str, Any]:
    """`transfer`, `maskx-loss_partial`: masks of drawn features, their loss and its gradients."""
    words, inputs = head_words(case, HEAD), case.inputs()
    model, translation = _Masks(words), TRANSLATIONS["detectron"]
    options = transfer_options(words)
    variables = variables_by_name(model)
    report, weights = Report("detectron"), case.weights()
    arrays = translate(weights, variables, translation=translation, options=options, report=report)
    if report.mismatched or report.unused:
        raise LfpError(f"the weights do not fit: {report}")
    assign(variables, arrays)
    features = tf.constant(inputs["mask_features"], tf.float32)
    labels = tf.constant(inputs["labels"], tf.int32)
    targets = _counted(tf.constant(inputs["mask_targets"], tf.int32), labels, words["set_a"])
    trained = {name: v for name, v in variables.items() if v.trainable}
    if words["relu_on_features"]:
        features = tf.nn.relu(features)
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = model.mask_logits(features, labels)
        loss = five.mean(five.mask_loss(logits, targets))
    gradients = tape.gradient(loss, {"mask_features": features} | trained)
    theirs = {translation.their_name(name, options): name for name in trained}
    with_gradient = [n for n in weights if n in theirs and gradients[theirs[n]] is not None]
    results = {
        "logits": logits.numpy(),
        "loss": [float(loss)],
        "probabilities_all": _all_classes(model, features),
        "variables_with_gradient": with_gradient,
        "d mask_features": gradients["mask_features"].numpy(),
    }
    if words["transfer"]:
        results["predicted_weights"] = model.mask_kernels(tf.range(words["classes"])).numpy()
    for name in with_gradient:
        array = tf.convert_to_tensor(gradients[theirs[name]]).numpy()
        results[f"d {name}"] = translation.to_theirs(array, theirs[name])
    return results


def config_errors(case: Case) -> dict[str, Any]:
    """`config_errors`: whether an experiment of these words is refused."""
    check(case.config, CONFIG_ERRORS)
    words = {"transfer": None, "mlp_branch": None, "class_agnostic_boxes": False} | case.config
    # A transfer function without any input is asked for, too.
    fields = transfer_options(words) | {"class_agnostic_boxes": words["class_agnostic_boxes"]}
    try:
        config.of_experiment("maskrcnn_resnet50_coco", changes={"task": {"model": fields}})
    except LfpError:
        return {"refused": True}
    return {"refused": False}


class _Masks(Detector):
    """A detector that has its last layers alone."""

    def __init__(self, words):
        transfer = of_flat(WeightTransfer, transfer_options(words))
        heads = RoIHeads(class_specific_masks=words["class_specific_mask"])
        super().__init__(
            {"heads": heads, "transfer": transfer},
            classes=words["classes"] - 1,
            levels=(),
            input_shape=(None, None, 3),
            name="masks_alone",
        )
        vectors = tf_keras.Input((words["box_head_dim"],))
        self.boxes = tf_keras.Model(vectors, box_outputs(vectors, classes=words["classes"]))
        side = words["resolution"]
        features = tf_keras.Input((side, side, words["mask_dim"]))
        self.masks = tf_keras.Model(features, features)
        self.add_mask_outputs()


def _counted(targets, labels, set_a):
    """-1 for boxes of classes that learn no masks."""
    if set_a is None:
        return targets
    learnt = tf.reduce_any(labels[:, None] == tf.constant(set_a)[None], axis=1)
    return tf.where(learnt[:, None, None], targets, -1)


def _all_classes(model, features):
    """Probabilities [1, s, s, K] of the first box, or [1, s, s, 1] of one mask for all."""
    heads, transfer = model.options["heads"], model.options["transfer"]
    is_one = transfer.input == "none" and not heads.class_specific_masks
    count = 1 if is_one else model.num_labels
    logits = model.mask_logits(tf.repeat(features[:1], count, axis=0), tf.range(count))
    return np.transpose(tf.sigmoid(logits).numpy(), [1, 2, 0])[None]
