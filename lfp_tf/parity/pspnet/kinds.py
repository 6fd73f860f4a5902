"""The kinds of PSPNet's golden cases and what runs each."""

from lfp_tf.parity import checkpoints
from lfp_tf.parity.pspnet import images, network

KINDS = {
    "forward": network.forward,
    "forward_train": network.forward_train,
    "loss_and_gradients": network.loss_and_gradients,
    "train_step": network.train_step,
    "schedule": network.schedule,
    "parameter_count": network.parameter_count,
    "loss": images.loss,
    "transform": images.transform,
    "evaluate_sliding": images.evaluate,
    "evaluate_whole": images.evaluate,
    "metrics": images.metrics,
    "label_mapping": images.label_mapping,
    "checkpoint": checkpoints.checkpoint,
    "checkpoint_refused": checkpoints.checkpoint_refused,
}
