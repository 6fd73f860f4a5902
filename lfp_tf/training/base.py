"""What all tasks of the host's trainer share here: updates in pieces, over replicas, by groups."""

import abc
import re

import tensorflow as tf
import tf_keras
from official.core import base_task

from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import assign, flat_layers, variables_by_name
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.options import Shares
from lfp_tf.training.groups import freeze_layers, is_decayed, is_trained, multiplier
from lfp_tf.training.optimization import build_optimizer, variable_key


class TrainedTask(base_task.Task):
    """Builds network, losses and updates from an experiment; the rest is the subclass'.

    A subclass says what a loss is: `loss_weights`, `sums` and `counts`. Each loss is a sum over
    something (pixels, images) divided by how many of them there are; counting needs no network,
    so the divisors of the global batch are known before any gradient is taken.

    Args:
        params: the whole experiment, checked.
        start_step: the step that the first training batch belongs to.
        read_start: function of `task.init_checkpoint` to {name: array}.
    """

    def __init__(self, params, *, start_step=0, read_start=read_checkpoint, logging_dir=None):
        super().__init__(params.task, logging_dir=logging_dir)
        self.params = params
        self.start_step = start_step
        self.report = None
        self._read_start = read_start

    @abc.abstractmethod
    def loss_weights(self):
        """{name of an output: weight of its loss}, in the order of the network's outputs."""

    @abc.abstractmethod
    def counts(self, piece, outputs):
        """{name of an output: how many its sum is over}, float32; of `outputs` sizes alone."""

    @abc.abstractmethod
    def sums(self, piece, outputs):
        """{name of an output: sum of its losses}, float32."""

    @abc.abstractmethod
    def validation_metrics(self):
        """Keras metrics that `validation_step` updates."""

    @abc.abstractmethod
    def training_batches(self, data, start_step, shares):
        """`tf.data.Dataset` of the steps from `start_step` on, see the task's pipeline."""

    @abc.abstractmethod
    def evaluation_batches(self, data, shares):
        """`tf.data.Dataset` of every sample once."""

    @abc.abstractmethod
    def headline(self, logs):
        """A few words on an evaluation's logs, for the user."""

    @abc.abstractmethod
    def panels(self, predict, count):
        """Validation images beside truth and prediction, uint8 [h, w, 3] each.

        Args:
            predict: from preprocessed images [1, H, W, 3] to the network's outputs.
            count: how many.
        """

    def build_inputs(self, params, input_context=None):
        """Batches of one replica's size from the records of `params.split`.

        Args:
            params: `fields.Data`.
            input_context: `tf.distribute.InputContext`, or None for one replica.
        """
        replicas, place = 1, (0, 1)
        if input_context:
            replicas = input_context.num_replicas_in_sync
            place = (input_context.input_pipeline_id, input_context.num_input_pipelines)
        shares = Shares(params.global_batch_size or replicas, replicas, *place)
        if params.is_training:
            return self.training_batches(params, self.start_step, shares).map(_without_sources)
        return self.evaluation_batches(params, shares).map(self.scored)

    def scored(self, batch):
        """What `validation_step` takes of a batch of `evaluation_batches`."""
        return _without_sources(batch)

    def sources(self, begin, end):
        """File names of the training samples of the steps after `begin` up to `end`."""
        data = self.task_config.train_data
        batches = self.training_batches(data, begin, Shares(data.global_batch_size))
        found = batches.take(end - begin)
        return [name.decode() for batch in found for name in batch["sources"].numpy()]

    def build_metrics(self, training=True):
        """In training the means of the losses and the gradient's norm; else the task's scores."""
        if not training:
            return self.validation_metrics()
        names = [loss_name(output) for output in self.loss_weights()]
        return [tf_keras.metrics.Mean(name) for name in (*names, "gradient_norm")]

    def build_model(self):
        """The network; layers of which nothing is trained are frozen, running values too."""
        config = self.task_config
        model = build_network(config.model.network, **config.model.arguments())
        if config.trainable == "heads":
            for layer in flat_layers(model):
                layer.trainable = bool(re.search(config.model.HEADS, f"{layer.name}/"))
        freeze_layers(model, config.freeze)
        return model

    def initialize(self, model):
        """Starts from `init_checkpoint`, where one is given; new heads keep their drawn values."""
        config = self.task_config
        if not config.init_checkpoint:
            return
        variables = variables_by_name(model)
        arrays, self.report = match(
            self._read_start(config.init_checkpoint),
            variables,
            network=config.model.network,
            options=config.model.as_dict() | {"crop": config.image_size()},
            file=config.init_checkpoint,
            tolerate=config.init_exclude,
            heads=config.model.HEADS,
        )
        for name in list(arrays):
            if any(re.search(pattern, name) for pattern in config.init_exclude):
                del arrays[name]
        assign(variables, arrays)

    def create_optimizer(self, optimizer_config, runtime_config=None, dp_config=None):
        """The optimizer; its multipliers are set at the first step, when variables have keys."""
        return build_optimizer(optimizer_config, train_steps=self.params.trainer.train_steps)

    def prepare_optimizer(self, optimizer, model):
        """Makes the optimizer's variables; a step that makes them would be traced twice."""
        optimizer._create_all_weights(list(self.trained_variables(model).values()))

    # Nothing here needs AutoGraph, which would be a third of the time to trace a step.
    @tf.autograph.experimental.do_not_convert
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

    def gradients(self, inputs, model, variables):
        """Losses of the global batch and their gradients, from one replica's share of it.

        The share is taken in `accumulation_steps` pieces, whose gradients add up.

        Args:
            inputs: {"images", what losses need, "keys"}, [b, ...]; b is a multiple of the pieces.
            model: from images to {name: logits}.
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
                    divisors = self._divisors(pieces, outputs)
                sums = self.sums(piece, outputs)
                new = mean_losses(sums, divisors[number], weights=self.loss_weights())
            changes = tape.gradient(new["loss"], variables)
            if means is None:
                means, gradients = new, changes
            else:
                means = {name: means[name] + new[name] for name in means}
                gradients = [a + b for a, b in zip(gradients, changes, strict=True)]
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce("SUM", (means, gradients))

    def trained_variables(self, model):
        """{our name: variable} of what is updated."""
        config = self.task_config
        trainable = {id(variable) for variable in model.trainable_variables}
        return {
            name: variable
            for name, variable in variables_by_name(model).items()
            if id(variable) in trainable
            and is_trained(
                name,
                heads=config.model.HEADS,
                trainable=config.trainable,
                gamma_beta=config.train_gamma_beta,
                freeze=config.freeze,
            )
        }

    def multipliers(self, model):
        """{variable key: learning-rate multiplier} of what is updated."""
        config = self.task_config
        return {
            variable_key(variable): multiplier(
                name,
                heads=config.model.HEADS,
                bias=config.bias_lr_multiplier,
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
        if config.bias_lr_multiplier != 1.0:
            found["learning_rate_biases"] = rate * config.bias_lr_multiplier
        if config.head_lr_multiplier != 1.0:
            found["learning_rate_heads"] = rate * config.head_lr_multiplier
        if config.head_bias_lr_multiplier != config.head_lr_multiplier:
            found["learning_rate_head_biases"] = rate * config.head_bias_lr_multiplier
        return found

    def _decayed(self, gradients, variables):
        losses, heads = self.task_config.losses, self.task_config.model.HEADS
        covers = losses.weight_decay_covers
        return [
            gradient + losses.weight_decay * variable
            if losses.weight_decay and is_decayed(name, heads=heads, covers=covers)
            else gradient
            for gradient, (name, variable) in zip(gradients, variables.items(), strict=True)
        ]

    def preprocessed(self, images):
        """Grey levels as the network takes them."""
        return preprocess(images, self.task_config.model.preprocess)

    def _pieces(self):
        return self.params.trainer.accumulation_steps

    def _outputs(self, piece, model):
        """The outputs that are trained."""
        images = self.preprocessed(piece["images"])
        with sample_keys(piece["keys"]):
            outputs = model(images, training=True)
        return {name: outputs[name] for name in self.loss_weights()}

    def _divisors(self, pieces, outputs):
        """[{name: what the sum over a piece is divided by}], one a piece.

        With them sums over pieces and replicas are means over the global batch, over a replica or
        over a piece, as `normalization` says.
        """
        config, replica = self.task_config.losses, tf.distribute.get_replica_context()
        counts = [self.counts(piece, outputs) for piece in pieces]
        shares = float(replica.num_replicas_in_sync)
        if config.normalization == "piece":
            shares *= self._pieces()
        else:
            total = {name: tf.add_n([one[name] for one in counts]) for name in outputs}
            if config.normalization == "global":
                total, shares = replica.all_reduce("SUM", total), 1.0
            counts = [total] * len(pieces)
        return [
            {name: tf.maximum(count, 1.0) * shares for name, count in one.items()} for one in counts
        ]


def _without_sources(batch):
    """A batch as the network takes it: file names do not go to an accelerator."""
    return {name: value for name, value in batch.items() if name != "sources"}


def loss_name(output):
    """How a loss is logged: `main_loss`, `aux_loss`, `loss_0.5` of that scale's logits."""
    if output == "logits":
        return "main_loss"
    return "aux_loss" if output == "aux_logits" else f"loss_{output.removeprefix('logits_')}"


def mean_losses(sums, counts, *, weights):
    """{name: mean over the counted pixels, "loss": their weighted sum}; 0 where none count."""
    means = {name: total / tf.maximum(counts[name], 1.0) for name, total in sums.items()}
    return means | {"loss": tf.add_n([weights[name] * mean for name, mean in means.items()])}
