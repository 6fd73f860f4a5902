"""What all tasks of the host's trainer share: network, start, batches, and one update."""

import abc
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_task

from lfp_tf.checkpoints.load import Report, match
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import assign, flat_layers, variables_by_name
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.options import Shares
from lfp_tf.training import fields, host_fields
from lfp_tf.training.groups import decayed, freeze_layers, multipliers, trained_variables
from lfp_tf.training.objective import Tensors, loss_name, losses_and_gradients, split_batch
from lfp_tf.training.optimization import Multiplied, build_optimizer, variable_key


class TrainedTask(base_task.Task):
    """Builds network, losses and updates from an experiment; the rest is the subclass'.

    A subclass says what a loss is (`loss_weights`, `sums` and `counts`, see
    `objective.Objective`), where batches come from, and how an evaluation is scored and shown.

    Args:
        params: the whole experiment, checked.
        start_step: the step that the first training batch belongs to.
        read_start: function of `task.init_checkpoint` to {name: array}.
    """

    def __init__(
        self,
        params: fields.Experiment,
        *,
        start_step: int = 0,
        read_start: Callable[[str], dict[str, np.ndarray]] = read_checkpoint,
        logging_dir: str | None = None,
    ):
        super().__init__(params.task, logging_dir=logging_dir)
        self.params = params
        self.start_step = start_step
        self.report: Report | None = None
        self._read_start = read_start

    @abc.abstractmethod
    def loss_weights(self) -> dict[str, float]:
        """Gives {name of an output: weight of its loss}, in the order of the outputs."""

    @abc.abstractmethod
    def counts(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Gives {name of an output: how many its sum is over}; see `Objective.counts`."""

    @abc.abstractmethod
    def sums(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Gives {name of an output: sum of its losses}, float32 scalars."""

    def looks_ahead(self) -> bool:
        """Tells whether what counts depends on the whole batch's outputs; usually it does not."""
        return False

    def preview(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Takes from the outputs of a piece what `informed` needs; see `Objective.preview`."""
        return {}

    def informed(self, pieces: Sequence[Tensors], previews: Sequence[Tensors]) -> list[Tensors]:
        """Adds to the pieces what all previews decide; see `Objective.informed`."""
        return list(pieces)

    @abc.abstractmethod
    def validation_metrics(self) -> list[tf_keras.metrics.Metric]:
        """Makes the Keras metrics that `validation_step` updates."""

    # `data` are the task's own `fields.Data`.
    @abc.abstractmethod
    def training_batches(self, data: Any, start_step: int, shares: Shares) -> tf.data.Dataset:
        """Makes the batches of the steps from `start_step` on, see the task's pipeline."""

    @abc.abstractmethod
    def evaluation_batches(self, data: Any, shares: Shares) -> tf.data.Dataset:
        """Makes batches of every sample once."""

    @abc.abstractmethod
    def headline(self, logs: Mapping[str, float]) -> str:
        """Says the scores of an evaluation's logs in a few words."""

    @abc.abstractmethod
    def panels(self, predict: Callable[[tf.Tensor], Tensors], count: int) -> Iterable[np.ndarray]:
        """Draws validation images beside truth and prediction, uint8 [h, w, 3] each.

        Args:
            predict: `shown` of the network, as a graph function.
            count: how many.
        """

    def shown(self, model: Callable[..., Tensors], images: tf.Tensor) -> Tensors:
        """Gives what `panels` draw: the outputs for preprocessed images [1, H, W, 3]."""
        return model(images, training=False)

    def shown_spec(self) -> tf.TensorSpec:
        """Tells what `shown` takes."""
        return tf.TensorSpec((1, *(self.task_config.image_size() or (None, None)), 3))

    def build_inputs(
        self, params: fields.Data, input_context: tf.distribute.InputContext | None = None
    ) -> tf.data.Dataset:
        """Makes batches of one replica's size from the records of `params.split`.

        Args:
            params: of training or validation.
            input_context: tells replicas and hosts; None for one replica.
        """
        replicas, place = 1, (0, 1)
        if input_context:
            replicas = input_context.num_replicas_in_sync
            place = (input_context.input_pipeline_id, input_context.num_input_pipelines)
        shares = Shares(params.global_batch_size or replicas, replicas, *place)
        if params.is_training:
            return self.training_batches(params, self.start_step, shares).map(_without_sources)
        return self.evaluation_batches(params, shares).map(self.scored)

    def scored(self, batch: Tensors) -> Tensors:
        """Takes from a batch of `evaluation_batches` what `validation_step` needs."""
        return _without_sources(batch)

    def sources(self, begin: int, end: int) -> list[str]:
        """Lists the files of the training samples of the steps after `begin` up to `end`."""
        data = self.task_config.train_data
        batches = self.training_batches(data, begin, Shares(data.global_batch_size))
        return [
            name.decode()
            for batch in batches.take(end - begin)
            for name in batch["sources"].numpy()
        ]

    def build_metrics(self, training: bool = True) -> list[tf_keras.metrics.Metric]:
        """Makes means of losses and the gradient's norm in training, else the task's scores."""
        if not training:
            return self.validation_metrics()
        names = [loss_name(output) for output in self.loss_weights()]
        return [tf_keras.metrics.Mean(name) for name in (*names, "gradient_norm")]

    def build_model(self) -> tf_keras.Model:
        """Builds the network; layers with nothing to train are frozen, running values too."""
        config = self.task_config
        model = build_network(config.model.network, **config.model.arguments())
        if pattern := config.model.trained(config.trainable):
            for layer in flat_layers(model):
                layer.trainable = bool(re.search(pattern, f"{layer.name}/"))
        freeze_layers(model, config.freeze)
        return model

    def initialize(self, model: tf_keras.Model) -> None:
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

    def create_optimizer(
        self,
        optimizer_config: host_fields.Optimization,
        runtime_config: Any = None,
        dp_config: Any = None,
    ) -> Multiplied:
        """Makes the optimizer; the first step sets its multipliers, when variables have keys.

        The last two arguments are the host's, and not used.
        """
        return build_optimizer(optimizer_config, train_steps=self.params.trainer.train_steps)

    def prepare_optimizer(self, optimizer: Multiplied, model: tf_keras.Model) -> None:
        """Makes the optimizer's variables; a step that makes them would be traced twice."""
        optimizer._create_all_weights(list(self.trained_variables(model).values()))

    # Nothing here needs AutoGraph, which would be a third of the time to trace a step.
    @tf.autograph.experimental.do_not_convert
    def train_step(
        self,
        inputs: Tensors,
        model: tf_keras.Model,
        optimizer: Multiplied,
        metrics: list[tf_keras.metrics.Metric] | None = None,
    ) -> Tensors:
        """Does one update from one replica's share of the batch, see `gradients`.

        Losses, gradients and what is logged are those of the global batch.
        """
        variables = self.trained_variables(model)
        factors = multipliers(variables, self.task_config)
        optimizer.set_multipliers(
            {variable_key(variables[name]): factor for name, factor in factors.items()}
        )
        losses, gradients = self.gradients(inputs, model, list(variables.values()))
        gradients = decayed(gradients, variables, self.task_config)
        optimizer.apply_gradients(
            zip(gradients, variables.values(), strict=True), experimental_aggregate_gradients=False
        )
        logs = {loss_name(output): losses[output] for output in self.loss_weights()}
        logs["gradient_norm"] = tf.linalg.global_norm(gradients)
        for metric in metrics or []:
            metric.update_state(logs[metric.name])
        return {self.loss: losses["loss"]}

    def gradients(
        self, inputs: Tensors, model: Callable[..., Tensors], variables: Sequence[tf.Variable]
    ) -> tuple[Tensors, list[tf.Tensor]]:
        """Takes losses of the global batch and their gradients from one replica's share of it.

        The share is taken in `accumulation_steps` pieces, whose gradients add up.

        Args:
            inputs: {"images", what losses need, "keys"}, [b, ...]; b is a multiple of the pieces.
            model: from images to {name: logits}.
            variables: what the gradients are for.

        Returns:
            ({name of logits: mean, "loss": their weighted sum}, list of gradients), both equal on
            all replicas.
        """
        return losses_and_gradients(
            self,
            split_batch(inputs, self.params.trainer.accumulation_steps),
            model,
            variables,
            normalization=self.task_config.losses.normalization,
        )

    def trained_outputs(self, piece: Tensors, model: Callable[..., Tensors]) -> Tensors:
        """Runs the network in training mode; gives the outputs that have a loss."""
        images = self.preprocessed(piece["images"])
        with sample_keys(piece["keys"]):
            outputs = model(images, training=True)
        return {name: outputs[name] for name in self.loss_weights() if name in outputs}

    def trained_variables(self, model: tf_keras.Model) -> dict[str, tf.Variable]:
        """Gives {our name: variable} of what is updated."""
        return trained_variables(model, self.task_config)

    def preprocessed(self, images: tf.Tensor) -> tf.Tensor:
        """Brings [B, H, W, 3] RGB of 0..255 to what the network takes."""
        return preprocess(images, self.task_config.model.preprocess)


def _without_sources(batch: Tensors) -> Tensors:
    """Leaves out the names of files, which do not go to an accelerator."""
    return {name: value for name, value in batch.items() if name != "sources"}
