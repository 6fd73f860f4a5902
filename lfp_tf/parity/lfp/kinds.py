"""The kinds of Learning Feature Pyramids' golden cases and what runs each."""

from lfp_tf.parity.lfp import images, network, operators, pose, training

KINDS = {
    "layer": network.layer,
    "forward": network.forward,
    "forward_train": network.forward_train,
    "hourglass": network.hourglass,
    "parameter_count": network.parameter_count,
    "checkpoint": network.checkpoint,
    "loss_and_gradients": training.loss_and_gradients,
    "optimizer": training.optimizer,
    "schedule": training.schedule,
    "resize": operators.resize_matrices,
    "fractional_max_pool": operators.fractional_pooling,
    "branch_sizes": operators.branch_sizes,
    "initializer": operators.initializer,
    "imagenet_augmentation": images.imagenet_augmentation,
    "imagenet_eval_crop": images.imagenet_eval_crop,
    "voc_augmentation": images.voc_augmentation,
    "voc_test_tiling": images.voc_test_tiling,
    "torch_image": pose.torch_image,
    "pose_transform": pose.pose_transform,
    "pose_crop": pose.pose_crop,
    "heatmap_targets": pose.heatmap_targets,
    "pose_augmentation": pose.pose_augmentation,
    "pose_postprocess": pose.pose_postprocess,
    "pose_flip_test": pose.pose_flip_test,
    "pose_multiscale": pose.pose_multiscale,
    "pck": pose.pck,
    "pckh": pose.pckh,
}
