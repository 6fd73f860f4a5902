"""The host's trainer with what a run needs: XLA on every device, sentences for its errors."""

import tensorflow as tf
from official.core import base_trainer

from lfp_tf.errors import WorkFailed, graph_sentence


class Trainer(base_trainer.Trainer):
    """The host's trainer; it takes our `Experiment`, as it takes any dataclass of these fields."""

    def train_step(self, iterator):
        """One step; the host heeds `enable_xla` on GPUs only, this on every device."""
        if not self.config.runtime.enable_xla:
            return super().train_step(iterator)
        step = tf.function(self.task.train_step, jit_compile=True)

        def on_replica(inputs):
            logs = step(
                inputs, model=self.model, optimizer=self.optimizer, metrics=self.train_metrics
            )
            self._train_loss.update_state(logs[self.task.loss])
            self.global_step.assign_add(1)

        return self.strategy.run(on_replica, args=(self.next_train_inputs(iterator),))

    def run_steps(self, count):
        """Trains; returns {name: mean over these steps}.

        Raises:
            WorkFailed: the device has not enough memory, or a record is not as it must be.
        """
        try:
            logs = self.train(tf.constant(count, tf.int32))
        except tf.errors.InvalidArgumentError as error:
            raise WorkFailed(graph_sentence(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise WorkFailed(
                "The device has not enough memory for this batch; lower "
                "task.train_data.global_batch_size or raise trainer.accumulation_steps."
            ) from error
        return {name: float(value) for name, value in logs.items()}

    def run_evaluation(self):
        """Scores the whole validation split; returns {name: value}."""
        logs = self.evaluate(tf.constant(-1, tf.int32))
        return {name: float(value) for name, value in logs.items()}


def build_trainer(params, task, strategy, *, train, evaluate):
    """A `Trainer` with a new network and optimizer on the devices of a strategy.

    Args:
        params: `fields.Experiment`.
        task: `base.TrainedTask`.
        strategy: see `devices.make_strategy`.
        train, evaluate: what it will be asked for.
    """
    with strategy.scope():
        model = task.build_model()
        optimizer = task.create_optimizer(params.trainer.optimizer_config)
        if train:
            task.prepare_optimizer(optimizer, model)
        return Trainer(
            config=params,
            task=task,
            model=model,
            optimizer=optimizer,
            train=train,
            evaluate=evaluate,
        )
