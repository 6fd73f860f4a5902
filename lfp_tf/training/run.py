"""A run: train, evaluate, checkpoint, and go on after any stop exactly where it was.

The host's trainer does the steps; the loop around it is ours because orbit's controller cannot
stop at a signal, writes a checkpoint after its first loop whatever the interval, and prints.
"""

import contextlib
import math
import os
import pathlib
import tempfile
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras
import yaml

from lfp_tf.data.records import read_dataset
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import alone, writable, write_json, write_text
from lfp_tf.progress import Progress
from lfp_tf.training import checkpoints
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.best import BestCheckpoint, best_info
from lfp_tf.training.checkpoints import Checkpoints
from lfp_tf.training.fields import Experiment
from lfp_tf.training.log import RunLog
from lfp_tf.training.own_checkpoints import RUN_FILE
from lfp_tf.training.signals import Signals, Stopped
from lfp_tf.training.trainer import build_trainer

POLL_SECONDS = 5.0


class Run:
    """One experiment in one folder.

    Args:
        params: checked fields, with classes and folders filled in.
        task: function of (params, start_step) to a `base.TrainedTask`.
        folder: of the run (checkpoints, history, summaries).
        strategy: see `devices.make_strategy`.
        mode: train, eval, train_and_eval, continuous_eval or train_and_post_eval.
        experiment: its name, for whoever loads the run later; None leaves it untold.

    Attributes:
        task: network, batches, losses and scores.
        trainer: does steps and evaluations with the task.
        checkpoints: what the run goes on from after a stop.
        best: the weights of the best evaluation.
        log: history and TensorBoard's summaries.
        logs: {name: value} of the last evaluation.
        notes: sentences for the user on how the run begins.
        is_chief: whether this process writes into the run's folder.
    """

    def __init__(
        self,
        params: Experiment,
        *,
        task: Callable[..., TrainedTask],
        folder: str | os.PathLike,
        strategy: tf.distribute.Strategy,
        mode: str,
        experiment: str | None = None,
    ):
        self.params, self.mode, self.experiment = params, mode, experiment
        if params.trainer.early_stopping and mode == "train":
            raise LfpError("trainer.early_stopping needs scores; use --mode=train_and_eval.")
        self.folder = pathlib.Path(folder)
        with writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        # Every worker must save, as reading a variable needs them all; only the chief writes here.
        self.is_chief = strategy.extended.should_checkpoint
        self._own_folder = self.folder if self.is_chief else pathlib.Path(tempfile.mkdtemp())
        self.notes: list[str] = []
        with contextlib.ExitStack() as lock:
            if self._trains:
                text = f"Another training is writing to {self.folder}; give another --model_dir."
                lock.enter_context(alone(self._own_folder, text))
                checkpoints.remove_debris(self._own_folder)
            self._prepare(task, strategy)
            self._lock = lock.pop_all()

    @property
    def _trains(self) -> bool:
        return "train" in self.mode

    @property
    def step(self) -> int:
        """Updates done so far."""
        return int(self.trainer.global_step.numpy())

    def best_info(self) -> dict[str, Any] | None:
        """Reads `best/info.json`; None where there is none."""
        return best_info(self.folder)

    def execute(self) -> dict[str, float]:
        """Does what the mode says and returns the last evaluation's logs ({} without one)."""
        if self._trains:
            with self._lock:
                self._describe()
                self._train()
        elif self.mode == "continuous_eval":
            self._evaluate_continuously()
        else:
            self._evaluate()
        if self.mode == "train_and_post_eval" or (
            self.mode == "train_and_eval" and not self.log.has_evaluation(self.step)
        ):
            self._evaluate()
        return self.logs

    def _train(self):
        """Trains to the last step; a signal ends it after the current loop and a checkpoint.

        Raises:
            Stopped: a signal came.
        """
        with Signals() as signals, self._progress() as line:
            self._evaluate_if_due(line)
            while self.step < self.params.trainer.train_steps and not self._is_stale():
                self._run_loop(line)
                self._evaluate_if_due(line)
                if signals.received or self._is_checkpoint_due():
                    self.checkpoints.save(self.step)
                if signals.received:
                    raise Stopped(signals.received, self.step)
            if self._is_stale():
                count = self.params.trainer.early_stopping
                line.note(f"step {self.step}: no better score in {count} evaluations; stopping")

    def _run_loop(self, line):
        """Trains to the next multiple of `steps_per_loop` and writes down what it gave."""
        begin, started = self.step, time.monotonic()
        logs = self.trainer.run_steps(self._steps_to_boundary())
        seconds = time.monotonic() - started
        loss = logs["training_loss"]
        if not math.isfinite(loss):
            raise WorkFailed(self._not_finite(begin, loss))
        rate = self.trainer.learning_rate(self.step - 1)
        self.log.add_loop(begin, self.step, logs, rate=rate, seconds=seconds)
        line.update(self.step - begin, f"loss {loss:.4f}")

    def _evaluate_if_due(self, line):
        """Scores this step if it is to be scored and was not, before a stop."""
        is_due = self.step > 0 and self.step % self.params.trainer.validation_interval == 0
        if self.mode == "train_and_eval" and is_due and not self.log.has_evaluation(self.step):
            self._evaluate(line.note)

    def _evaluate(self, show=print):
        """Scores the validation split; keeps the weights if they are the best so far."""
        started = time.monotonic()
        self.logs = self.trainer.run_evaluation()
        self.log.add_evaluation(self.step, self.logs, seconds=time.monotonic() - started)
        is_best = self.mode != "eval" and self.best.update(self.step, self.logs)
        show(
            f"step {self.step}: {self.task.headline(self.logs)} on "
            f"{self.params.task.validation_data.split}{', the best so far' if is_best else ''}"
        )

    def _evaluate_continuously(self):
        """Scores every new checkpoint until the last step or until none came for the timeout."""
        scored, waited = None, 0.0
        while waited < self.params.trainer.continuous_eval_timeout:
            newest = self.checkpoints.newest().prefix
            if newest and newest != scored:
                self.checkpoints.restore(newest)
                self._evaluate()
                scored, waited = newest, 0.0
                if self.step >= self.params.trainer.train_steps:
                    return
            time.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _prepare(self, task, strategy):
        """Builds what the loop calls, at the step of the newest checkpoint."""
        params = self.params
        tf_keras.utils.set_random_seed(params.trainer.seed)
        newest = checkpoints.find_newest(self.folder)
        self.task = task(params, start_step=newest.step)
        self.trainer = build_trainer(
            params, self.task, strategy, train=self._trains, evaluate="eval" in self.mode
        )
        self.checkpoints = Checkpoints(
            self.folder,
            self.trainer.checkpoint,
            written=self._own_folder,
            max_to_keep=params.trainer.max_to_keep,
        )
        self.best = BestCheckpoint(
            self._own_folder,
            self.trainer.model,
            metric=params.trainer.best_checkpoint_eval_metric,
            is_higher_better=params.trainer.best_checkpoint_metric_comp == "higher",
        )
        self._restore_or_initialize(newest, strategy)
        # A scoring beside a training leaves alone what that writes.
        step = self.step if self._trains else None
        self.log = RunLog(self._own_folder, self.task, self.trainer.model, step=step)
        self.logs = {}

    def _restore_or_initialize(self, newest, strategy):
        """Goes back to the newest checkpoint, or takes the start that the experiment names."""
        if newest.prefix:
            if newest.damaged:
                names = ", ".join(pathlib.Path(prefix).name for prefix in newest.damaged)
                self.notes.append(f"{names} damaged; going back to {newest.prefix}")
            self.checkpoints.restore(newest.prefix)
        elif self.mode == "eval":
            raise LfpError(f"{self.folder} holds no checkpoint to evaluate; train first.")
        elif self._trains:
            with strategy.scope():
                self.trainer.initialize()

    def _describe(self):
        """Writes `params.yaml`, `dataset.json` and `run.json`, which tell the network later."""
        text = yaml.safe_dump(self.params.as_dict(), sort_keys=False, default_flow_style=None)
        write_text(self._own_folder / "params.yaml", text)
        records = read_dataset(self.params.task.train_data.folder)
        write_json(self._own_folder / "dataset.json", records)
        if self.experiment:
            write_json(self._own_folder / RUN_FILE, {"experiment": self.experiment})

    def _steps_to_boundary(self):
        """Steps up to the next multiple of `steps_per_loop`, so that a stop moves no boundary."""
        trainer = self.params.trainer
        return min(
            trainer.steps_per_loop - self.step % trainer.steps_per_loop,
            trainer.train_steps - self.step,
        )

    def _is_checkpoint_due(self):
        trainer = self.params.trainer
        is_last = self.step >= trainer.train_steps or self._is_stale()
        return is_last or self.step % trainer.checkpoint_interval == 0

    def _is_stale(self):
        """Whether the last `trainer.early_stopping` evaluations brought no better score."""
        patience, best = self.params.trainer.early_stopping, self.best_info()
        if not patience or best is None:
            return False
        return self.log.count_evaluations(best["step"], self.step) >= patience

    def _progress(self):
        return Progress(
            f"{self.folder.name} step",
            total=self.params.trainer.train_steps,
            unit="images",
            units_each=self.params.task.train_data.global_batch_size,
            done=self.step,
        )

    def _not_finite(self, begin, loss):
        names = self.task.sources(begin, self.step)
        steps = f"step {self.step}" if self.step == begin + 1 else f"steps {begin + 1}-{self.step}"
        last = self.checkpoints.last
        good = f"the last good checkpoint is {last}" if last else "there is no checkpoint yet"
        return (
            f"The loss became {loss} in {steps} with the images {', '.join(names)}; {good}. "
            "A lower learning rate or gradient clipping may help."
        )
