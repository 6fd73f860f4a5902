"""The host's trainer with what a run needs: XLA on every device, sentences for its errors."""

from typing import Any

import tensorflow as tf
from official.core import base_trainer

from lfp_tf.data import ordering
from lfp_tf.errors import WorkFailed
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.fields import Experiment


class Trainer(base_trainer.Trainer):
    """The host's trainer; it takes our `Experiment`, as it takes any dataclass of these fields."""

    def train_step(self, iterator: Any) -> Any:
        """Does one step; the host heeds `enable_xla` on GPUs only, this on every device."""
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

    def eval_step(self, iterator: Any) -> Any:
        """Scores one batch; the host's loss is a mean of means, ours over all valid elements.

        Returns:
            What the task's `aggregate_logs` takes: {name: [all replicas' rows, ...]}.
        """

        def on_replica(inputs):
            logs = self.task.validation_step(
                inputs, model=self.model, metrics=self.validation_metrics
            )
            if self.task.loss in logs:
                loss, count = logs.pop(self.task.loss), logs.pop("count")
                self._validation_loss.update_state(loss, sample_weight=count)
            return logs

        logs = self.strategy.run(on_replica, args=(next(iterator),))
        return {name: self.strategy.gather(value, axis=0) for name, value in logs.items()}

    def learning_rate(self, step: int) -> float:
        """Gives the rate of the update that follows `step` others.

        The rate that the host logs is the next step's.
        """
        return float(self.optimizer.learning_rate(step))  # pyright: ignore[reportOptionalMemberAccess]

    def run_steps(self, count: int) -> dict[str, float]:
        """Trains for `count` steps; returns {name: mean over these steps}.

        Raises:
            WorkFailed: the device has not enough memory, or a record is not as it must be.
        """
        try:
            with ordering.sentences():
                logs = self.train(tf.constant(count, tf.int32))
        except tf.errors.ResourceExhaustedError as error:
            raise WorkFailed(
                "The device has not enough memory for this batch; lower "
                "task.train_data.global_batch_size or raise trainer.accumulation_steps."
            ) from error
        return _numbers(logs)

    def run_evaluation(self) -> dict[str, float]:
        """Scores the whole validation split; returns {name: value}.

        Raises:
            WorkFailed: a record is not as it must be.
        """
        with ordering.sentences():
            return _numbers(self.evaluate(tf.constant(-1, tf.int32)))


def build_trainer(
    params: Experiment,
    task: TrainedTask,
    strategy: tf.distribute.Strategy,
    *,
    train: bool,
    evaluate: bool,
) -> Trainer:
    """Builds a `Trainer` with a new network and optimizer on the devices of a strategy.

    Args:
        params: of the run.
        task: of the run.
        strategy: see `devices.make_strategy`.
        train, evaluate: what it will be asked for.
    """
    with strategy.scope():
        model = task.build_model()
        optimizer = task.create_optimizer(params.trainer.optimizer_config)
        if train:
            task.prepare_optimizer(optimizer, model)
        return Trainer(
            config=params,  # pyright: ignore[reportArgumentType]
            task=task,
            model=model,
            optimizer=optimizer,
            train=train,
            evaluate=evaluate,
        )


def _numbers(logs: Any) -> dict[str, float]:
    return {name: float(value) for name, value in logs.items()}
