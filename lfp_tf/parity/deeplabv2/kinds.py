"""The kinds of DeepLab v2's golden cases and what runs each."""

from lfp_tf.parity.deeplabv2 import crf, images, network, training

KINDS = {
    "forward": network.forward,
    "forward_train": network.forward_train,
    "predict": network.predict,
    "logit_shape": network.logit_shape,
    "parameter_count": network.parameter_count,
    "checkpoint": network.checkpoint,
    "loss": training.loss,
    "loss_and_gradients": training.loss_and_gradients,
    "train_step": training.train_step,
    "optimizer_groups": training.optimizer_groups,
    "schedule": training.schedule,
    "moving_average": training.moving_average,
    "label_resize": images.label_resize,
    "augmentation": images.augmentation,
    "dataset_item": images.dataset_item,
    "metrics": images.metrics,
    "preprocessing": images.preprocessing,
    "crf": crf.crf,
}
