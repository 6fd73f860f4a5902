"""The kinds of PSPNet's golden cases and what runs each."""

from lfp_tf.parity import checkpoints
from lfp_tf.parity.pspnet import network, pictures

KINDS = {
    "forward": network.forward,
    "forward_train": network.forward_train,
    "loss_and_gradients": network.loss_and_gradients,
    "train_step": network.train_step,
    "schedule": network.schedule,
    "parameter_count": network.parameter_count,
    "loss": pictures.loss,
    "transform": pictures.transform,
    "evaluate_sliding": pictures.evaluate,
    "evaluate_whole": pictures.evaluate,
    "metrics": pictures.metrics,
    "label_mapping": pictures.label_mapping,
    "checkpoint": checkpoints.checkpoint,
    "checkpoint_refused": checkpoints.checkpoint_refused,
}
