"""Training and scoring a segmentation network, as a task of the host's trainer."""

import re

import tensorflow as tf
import tf_keras
from official.core import base_task

from lfp_tf.checkpoints.load import assign, match, variables_by_name
from lfp_tf.data.pipelines.segmentation import evaluation_batches, training_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.data.transforms import Augmentation
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.models.pspnet import pspnet
from lfp_tf.ops.preprocessing import preprocess, preprocessing
from lfp_tf.ops.resize import resize_like
from lfp_tf.tasks.groups import HEADS, is_decayed, is_trained, multiplier
from lfp_tf.tasks.metrics import MeanIoU
from lfp_tf.tasks.networks import start_arrays
from lfp_tf.tasks.objective import labels_for_loss, loss_sums
from lfp_tf.tasks.optimization import build_optimizer, variable_key


class SegmentationTask(base_task.Task):
    """Builds network, pipeline, losses and scores from `tasks.config.ExperimentConfig`.

    Args:
        params: the whole experiment, checked.
        start_step: the step that the first training batch belongs to.
    """

    def __init__(self, params, *, start_step=0, logging_dir=None):
        super().__init__(params.task, logging_dir=logging_dir, name="segmentation")
        self.params = params
        self.start_step = start_step
        self.report = None

    def build_model(self):
        """The network; where only the heads are trained the backbone is frozen whole."""
        config = self.task_config
        model = pspnet(**config.model.arguments())
        if config.trainable == "heads":
            for layer in model.layers:
                layer.trainable = bool(re.search(HEADS, layer.name))
        return model

    def initialize(self, model):
        """Starts from `init_checkpoint`, where one is given; new heads keep their drawn values."""
        config = self.task_config
        if not config.init_checkpoint:
            return
        variables = variables_by_name(model)
        arrays, self.report = match(
            start_arrays(config.init_checkpoint),
            variables,
            options=config.model.as_dict() | {"crop": config.train_data.crop},
            file=config.init_checkpoint,
            tolerate=[HEADS, *config.init_exclude],
        )
        for name in list(arrays):
            if any(re.search(pattern, name) for pattern in config.init_exclude):
                del arrays[name]
        assign(variables, arrays)

    def build_inputs(self, params, input_context=None):
        """Batches of one replica's size from the records of `params.split`."""
        config = self.task_config
        index = record_index(params.folder, params.split)
        mean = preprocessing(config.model.preprocess).mean
        hosts = {}
        if input_context:
            hosts = {
                "replicas": input_context.num_replicas_in_sync,
                "pipeline_id": input_context.input_pipeline_id,
                "num_pipelines": input_context.num_input_pipelines,
            }
        if not params.is_training:
            return evaluation_batches(
                index,
                global_batch_size=params.global_batch_size,
                mean=mean,
                same_size=read_dataset(params.folder)["splits"][params.split]["same_size"],
                ignore_label=config.losses.ignore_label,
                **hosts,
            ).map(_without_sources)
        return training_batches(
            index,
            crop=tuple(params.crop),
            global_batch_size=params.global_batch_size,
            seed=params.seed,
            start_step=self.start_step,
            mean=mean,
            augmentation=augmentation(params.augmentation),
            ignore_label=config.losses.ignore_label,
            num_classes=config.model.classes,
            **hosts,
        ).map(_without_sources)

    def create_optimizer(self, optimizer_config, runtime_config=None, dp_config=None):
        """The optimizer; its multipliers are set at the first step, when variables have keys."""
        return build_optimizer(optimizer_config, train_steps=self.params.trainer.train_steps)

    def build_metrics(self, training=True):
        """In training the means of both losses and the gradient's norm; else the mean IoU."""
        config = self.task_config
        if training:
            names = ("main_loss", "aux_loss", "gradient_norm")
            return [tf_keras.metrics.Mean(name) for name in names]
        return [
            MeanIoU(
                num_classes=config.model.classes,
                ignore_label=config.losses.ignore_label,
                present_only=config.evaluation.mean_iou == "present",
            )
        ]

    def train_step(self, inputs, model, optimizer, metrics=None):
        """One update from one replica's share of the batch, in `accumulation_steps` pieces.

        Losses, gradients and what is logged are those of the global batch.
        """
        variables = self.trained_variables(model)
        optimizer.set_multipliers(self.multipliers(model))
        sums, gradients = self.accumulate(inputs, model, list(variables.values()))
        losses, gradients = self.normalize(sums, gradients)
        gradients = self._decayed(gradients, variables)
        optimizer.apply_gradients(
            zip(gradients, variables.values(), strict=True), experimental_aggregate_gradients=False
        )
        logs = {
            "main_loss": losses["main"],
            "aux_loss": losses["aux"],
            "gradient_norm": tf.linalg.global_norm(gradients),
        }
        for metric in metrics or []:
            metric.update_state(logs[metric.name])
        return {self.loss: losses["loss"]}

    def accumulate(self, inputs, model, variables):
        """Sums losses and their gradients over the pieces of one replica's batch.

        Args:
            inputs: {"images", "labels", "keys"}, [b, ...] with b a multiple of the pieces.
            variables: list of what the gradients are for.

        Returns:
            ({"main", "aux", "valid"} sums over pixels, or over the pieces' means where the
            normalization is `piece`; list of the gradients of main + aux_weight * aux).
        """
        count = self.params.trainer.accumulation_steps
        columns = [tf.split(value, count) for value in inputs.values()]
        total, gradients = None, None
        for values in zip(*columns, strict=True):
            piece = dict(zip(inputs, values, strict=True))
            sums, new = self._piece(piece, model, variables)
            if total is None:
                total, gradients = sums, new
            else:
                total = {name: total[name] + sums[name] for name in total}
                gradients = [a + b for a, b in zip(gradients, new, strict=True)]
        return total, gradients

    def normalize(self, sums, gradients):
        """Turns sums of one replica into the means of the global batch (see `normalization`).

        Returns:
            ({"main", "aux", "loss"}, gradients), equal on all replicas.
        """
        losses, replica = self.task_config.losses, tf.distribute.get_replica_context()
        replicas = replica.num_replicas_in_sync
        if losses.normalization == "replica":
            divisor = tf.maximum(sums["valid"], 1.0) * replicas
            sums = {name: value / divisor for name, value in sums.items()}
            gradients = [gradient / divisor for gradient in gradients]
        sums, gradients = replica.all_reduce("SUM", (sums, gradients))
        if losses.normalization == "global":
            divisor = tf.maximum(sums["valid"], 1.0)
        elif losses.normalization == "piece":
            divisor = float(self.params.trainer.accumulation_steps * replicas)
        else:
            divisor = 1.0
        means = {name: sums[name] / divisor for name in ("main", "aux")}
        means["loss"] = means["main"] + losses.aux_weight * means["aux"]
        return means, [gradient / divisor for gradient in gradients]

    def validation_step(self, inputs, model, metrics=None):
        """Counts classes of whole pictures; the loss is a mean over the batch's valid pixels."""
        config = self.task_config
        outputs = model(preprocess(inputs["images"], config.model.preprocess), training=False)
        # Scores count every pixel of the picture, whatever size the loss works at.
        logits = resize_like(outputs["logits"], inputs["labels"])
        labels = inputs["labels"]
        sums = loss_sums({"logits": logits}, labels, ignore_label=config.losses.ignore_label)
        for metric in metrics or []:
            metric.update_state(labels, tf.argmax(logits, -1, tf.int32))
        return {self.loss: sums["main"] / tf.maximum(sums["valid"], 1.0)}

    def trained_variables(self, model):
        """{our name: variable} of what is updated."""
        config = self.task_config
        trainable = {id(variable) for variable in model.trainable_variables}
        return {
            name: variable
            for name, variable in variables_by_name(model).items()
            if id(variable) in trainable
            and is_trained(name, trainable=config.trainable, gamma_beta=config.train_gamma_beta)
        }

    def multipliers(self, model):
        """{variable key: learning-rate multiplier} of what is updated."""
        config = self.task_config
        return {
            variable_key(variable): multiplier(
                name,
                head=config.head_lr_multiplier,
                head_bias=config.head_bias_lr_multiplier,
                head_norm=config.head_norm_lr_multiplier,
            )
            for name, variable in self.trained_variables(model).items()
        }

    def _decayed(self, gradients, variables):
        losses = self.task_config.losses
        return [
            gradient + losses.weight_decay * variable
            if losses.weight_decay and is_decayed(name, covers=losses.weight_decay_covers)
            else gradient
            for gradient, (name, variable) in zip(gradients, variables.items(), strict=True)
        ]

    def _labels(self, labels, logits):
        return labels_for_loss(
            labels,
            logits,
            label_size=self.task_config.losses.label_size,
            zoom_factor=self.task_config.model.zoom_factor,
        )

    def _piece(self, piece, model, variables):
        losses = self.task_config.losses
        images = preprocess(piece["images"], self.task_config.model.preprocess)
        with tf.GradientTape() as tape:
            with sample_keys(piece["keys"]):
                outputs = model(images, training=True)
            labels = self._labels(piece["labels"], outputs["logits"])
            sums = loss_sums(outputs, labels, ignore_label=losses.ignore_label)
            if losses.normalization == "piece":
                own = tf.maximum(sums["valid"], 1.0)
                sums = {name: value / own for name, value in sums.items()}
            objective = sums["main"] + losses.aux_weight * sums["aux"]
        return sums, tape.gradient(objective, variables)


def augmentation(config):
    """The pipeline's `Augmentation` of an experiment's fields."""
    if config.recipe == "none":
        return Augmentation.none()
    values = {
        "scales": (config.scale_min, config.scale_max),
        "rotations": (-config.rotate_degrees, config.rotate_degrees),
        "rotation_probability": config.rotate_probability,
        "blur_probability": config.blur_probability,
        "flip_probability": config.flip_probability,
    }
    if config.recipe == "tf1":
        values |= {"rotation_probability": 0.0, "blur_probability": 0.0, "is_legacy": True}
    return Augmentation(**values)


def _without_sources(batch):
    """The batch as the network takes it: file names do not go to an accelerator."""
    return {name: value for name, value in batch.items() if name != "sources"}
