"""The kinds of MaskX R-CNN's golden cases and what runs each."""

from lfp_tf.parity.maskx import (
    data,
    files,
    network,
    operators,
    scores,
    training,
    whole_training,
)

KINDS = {
    "detector-anchors": operators.anchors,
    "detector-box_coding": operators.box_coding,
    "detector-nms": operators.suppression,
    "detector-roi_align": operators.pooled_rois,
    "detector-level_assignment": operators.level_assignment,
    "detector-proposals": operators.proposals,
    "detector-mask_paste": operators.mask_paste,
    "detector-detections": operators.detections,
    "detector-rpn_targets": training.rpn_targets,
    "detector-roi_targets": training.roi_targets,
    "detector-mask_targets": training.mask_targets,
    "detector-preprocess": training.preprocess,
    "detector-losses": training.losses,
    "detector-ground_truth": data.ground_truth,
    "detector-schedule": training.schedule,
    "detector-optimizer": training.optimizer,
    "splits": scores.splits,
    "ap_subsets": scores.ap_subsets,
    "detector-forward": network.forward,
    "detector-train_losses_and_gradients": whole_training.losses_and_gradients,
    "checkpoint": files.checkpoint,
    "parameter_count": network.parameter_count,
}
