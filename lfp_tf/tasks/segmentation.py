"""Training and scoring a segmentation network, as a task of the host's trainer."""

import re

import tensorflow as tf
import tf_keras
from official.core import base_task

from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.variables import assign, flat_layers, variables_by_name
from lfp_tf.data.pipelines.segmentation import evaluation_batches, training_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess, preprocessing
from lfp_tf.ops.resize import LIKE
from lfp_tf.tasks.augmentations import augmentation, label_warp
from lfp_tf.tasks.groups import HEADS, is_decayed, is_trained, multiplier
from lfp_tf.tasks.metrics import MeanIoU
from lfp_tf.tasks.networks import start_arrays
from lfp_tf.tasks.objective import (
    labels_for_loss,
    loss_name,
    loss_sums,
    loss_weights,
    mean_losses,
    valid_counts,
)
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
        model = build_network(config.model.network, **config.model.arguments())
        if config.trainable == "heads":
            for layer in flat_layers(model):
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
            network=config.model.network,
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
                warp=tuple(config.evaluation.warp) or None,
                label_resize=config.evaluation.warp_labels,
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
            warp=tuple(params.warp) or None,
            **label_warp(config),
            **hosts,
        ).map(_without_sources)

    def create_optimizer(self, optimizer_config, runtime_config=None, dp_config=None):
        """The optimizer; its multipliers are set at the first step, when variables have keys."""
        return build_optimizer(optimizer_config, train_steps=self.params.trainer.train_steps)

    def build_metrics(self, training=True):
        """In training the means of the losses and the gradient's norm; else the mean IoU."""
        config = self.task_config
        if training:
            names = [loss_name(output) for output in self.loss_weights()]
            return [tf_keras.metrics.Mean(name) for name in (*names, "gradient_norm")]
        return [
            MeanIoU(
                num_classes=config.model.classes,
                ignore_label=config.losses.ignore_label,
                definition=config.evaluation.mean_iou,
            )
        ]

    def train_step(self, inputs, model, optimizer, metrics=None):
        """One update from one replica's share of the batch, in `accumulation_steps` pieces.

        Losses, gradients and what is logged are those of the global batch.
        """
        variables = self.trained_variables(model)
        optimizer.set_multipliers(self.multipliers(model))
        losses, gradients = self.gradients(inputs, model, list(variables.values()))
        gradients = self._decayed(gradients, variables)
        optimizer.apply_gradients(
            zip(gradients, variables.values(), strict=True), experimental_aggregate_gradients=False
        )
        logs = {loss_name(output): losses[output] for output in self.loss_weights()}
        logs["gradient_norm"] = tf.linalg.global_norm(gradients)
        for metric in metrics or []:
            metric.update_state(logs[metric.name])
        return {self.loss: losses["loss"]}

    def loss_weights(self):
        """{name of logits: weight of its loss}, in the order of the network's outputs."""
        config = self.task_config
        return loss_weights(config.model.outputs(), aux_weight=config.losses.aux_weight)

    def gradients(self, inputs, model, variables):
        """Losses of the global batch and their gradients, from one replica's share of it.

        The share is taken in `accumulation_steps` pieces, whose gradients add up.

        Args:
            inputs: {"images", "labels", "keys"}, [b, ...] with b a multiple of the pieces.
            model: from pictures to {name: logits}.
            variables: list of what the gradients are for.

        Returns:
            ({name of logits: mean, "loss": their weighted sum}, list of gradients), both equal on
            all replicas.
        """
        columns = [tf.split(value, self._pieces()) for value in inputs.values()]
        pieces = [dict(zip(inputs, values, strict=True)) for values in zip(*columns, strict=True)]
        divisors, means, gradients = None, None, None
        for number, piece in enumerate(pieces):
            with tf.GradientTape() as tape:
                outputs = self._outputs(piece, model)
                if divisors is None:
                    divisors = self._divisors([item["labels"] for item in pieces], outputs)
                new = self._means(outputs, piece["labels"], divisors[number])
            changes = tape.gradient(new["loss"], variables)
            if means is None:
                means, gradients = new, changes
            else:
                means = {name: means[name] + new[name] for name in means}
                gradients = [a + b for a, b in zip(gradients, changes, strict=True)]
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce("SUM", (means, gradients))

    def validation_step(self, inputs, model, metrics=None):
        """Counts classes of whole pictures; the loss is a mean over the batch's valid pixels."""
        config = self.task_config
        outputs = model(preprocess(inputs["images"], config.model.preprocess), training=False)
        # Scores count every pixel of the picture, whatever size the loss works at.
        resize = LIKE[config.evaluation.logits_resize]
        logits = {"logits": resize(outputs["logits"], inputs["labels"])}
        labels = {"logits": inputs["labels"]}
        for metric in metrics or []:
            metric.update_state(inputs["labels"], tf.argmax(logits["logits"], -1, tf.int32))
        ignored = {"ignore_label": config.losses.ignore_label}
        sums, counts = loss_sums(logits, labels, **ignored), valid_counts(labels, **ignored)
        return {self.loss: mean_losses(sums, counts, weights={"logits": 1.0})["loss"]}

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

    def group_rates(self, rate):
        """{name: learning rate} of the groups of variables, for TensorBoard."""
        config = self.task_config
        found = {"learning_rate": rate}
        if config.head_lr_multiplier != 1.0:
            found["learning_rate_heads"] = rate * config.head_lr_multiplier
        if config.head_bias_lr_multiplier != config.head_lr_multiplier:
            found["learning_rate_head_biases"] = rate * config.head_bias_lr_multiplier
        return found

    def _decayed(self, gradients, variables):
        losses = self.task_config.losses
        return [
            gradient + losses.weight_decay * variable
            if losses.weight_decay and is_decayed(name, covers=losses.weight_decay_covers)
            else gradient
            for gradient, (name, variable) in zip(gradients, variables.items(), strict=True)
        ]

    def _pieces(self):
        return self.params.trainer.accumulation_steps

    def _outputs(self, piece, model):
        """The logits that are trained, [b, h, w, C] each."""
        images = preprocess(piece["images"], self.task_config.model.preprocess)
        with sample_keys(piece["keys"]):
            outputs = model(images, training=True)
        return {name: outputs[name] for name in self.loss_weights()}

    def _labels(self, labels, outputs):
        """{name: labels at the size of those logits}; equal sizes are computed once."""
        config, found, by_size = self.task_config, {}, {}
        for name, logits in outputs.items():
            size = tuple(logits.shape[1:3])
            if None in size or size not in by_size:
                by_size[size] = labels_for_loss(
                    labels,
                    logits,
                    label_size=config.losses.label_size,
                    zoom_factor=getattr(config.model, "zoom_factor", 8),
                )
            found[name] = by_size[size]
        return found

    def _divisors(self, labels, outputs):
        """[{name: what the sum over a piece's pixels is divided by}], one a piece.

        With them sums over pieces and replicas are means over the pixels of the global batch, of a
        replica or of a piece, as `normalization` says. Counting needs labels and sizes alone.
        """
        config, replica = self.task_config.losses, tf.distribute.get_replica_context()
        counts = [
            valid_counts(self._labels(one, outputs), ignore_label=config.ignore_label)
            for one in labels
        ]
        shares = float(replica.num_replicas_in_sync)
        if config.normalization == "piece":
            shares *= self._pieces()
        else:
            total = {name: tf.add_n([one[name] for one in counts]) for name in outputs}
            if config.normalization == "global":
                total, shares = replica.all_reduce("SUM", total), 1.0
            counts = [total] * len(labels)
        return [
            {name: tf.maximum(count, 1.0) * shares for name, count in one.items()} for one in counts
        ]

    def _means(self, outputs, labels, divisors):
        labels = self._labels(labels, outputs)
        sums = loss_sums(outputs, labels, ignore_label=self.task_config.losses.ignore_label)
        return mean_losses(sums, divisors, weights=self.loss_weights())


def _without_sources(batch):
    """The batch as the network takes it: file names do not go to an accelerator."""
    return {name: value for name, value in batch.items() if name != "sources"}
