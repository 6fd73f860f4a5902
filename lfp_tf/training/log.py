"""What a run writes down of its course: `history.jsonl`, and TensorBoard's summaries."""

import os
from collections.abc import Mapping

import tf_keras

from lfp_tf.training.base import TrainedTask
from lfp_tf.training.groups import group_rates
from lfp_tf.training.history import History, MovingAverage
from lfp_tf.training.summaries import Summaries


class RunLog:
    """History and summaries of one run.

    Args:
        folder: of the run.
        task: of the run.
        model: its network.
        step: what was written about later steps is dropped: they will be done again; None keeps
            all.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        task: TrainedTask,
        model: tf_keras.Model,
        *,
        step: int | None,
    ):
        self._task = task
        self._history = History(folder, step=step)
        trainer = task.params.trainer
        self._average = MovingAverage(trainer.average_loss, self._history.losses())
        self._summaries = Summaries(folder, task, model)
        if step is not None:
            self._summaries.forget_after(step)

    def add_loop(
        self, begin: int, step: int, logs: Mapping[str, float], *, rate: float, seconds: float
    ) -> None:
        """Writes what the steps after `begin` up to `step` gave.

        Args:
            begin, step: numbers of steps.
            logs: {name: mean over these steps}, `training_loss` among them.
            rate: learning rate of the last step.
            seconds: how long they took.
        """
        loss = logs["training_loss"]
        others = {name: value for name, value in logs.items() if name != "training_loss"}
        self._history.append(step=step, loss=loss, **others | {"learning_rate": rate})
        mean, _ = self._average.add(loss)
        params = self._task.params
        if step % params.trainer.summary_interval == 0:
            images = (step - begin) * params.task.train_data.global_batch_size
            extra = {"training_loss_average": mean, "images_per_second": images / seconds}
            rates = group_rates(rate, params.task)
            self._summaries.train(step, {**logs, **rates, **extra})

    def add_evaluation(self, step: int, logs: Mapping[str, float], *, seconds: float) -> None:
        """Writes the scores of an evaluation at a step.

        Args:
            step: number of updates before it.
            logs: {name: value}.
            seconds: how long it took.
        """
        self._history.append(step=step, seconds=seconds, **logs)
        self._summaries.evaluation(step, logs)

    def count_evaluations(self, begin: int, end: int) -> int:
        """Counts the evaluations after the step `begin` up to `end` that are written down."""
        return self._history.count_evaluations(begin, end)

    def has_evaluation(self, step: int) -> bool:
        """Tells whether the scores at that step are written down."""
        return self._history.evaluated(step)
