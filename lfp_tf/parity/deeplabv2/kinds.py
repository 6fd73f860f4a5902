"""The kinds of DeepLab v2's golden cases and what runs each."""

from lfp_tf.parity.deeplabv2 import crf, network, pictures, training

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
    "label_resize": pictures.label_resize,
    "augmentation": pictures.augmentation,
    "dataset_item": pictures.dataset_item,
    "metrics": pictures.metrics,
    "preprocessing": pictures.preprocessing,
    "crf": crf.crf,
}
