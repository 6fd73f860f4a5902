"""A run: train, evaluate, checkpoint, and go on after any stop exactly where it was.

The host's trainer does the steps; the loop around it is ours because orbit's controller cannot
stop at a signal, writes a checkpoint after its first loop whatever the interval, and prints.
"""

import contextlib
import math
import pathlib
import shutil
import signal
import tempfile
import time

import tensorflow as tf
import tf_keras
from official.core import base_trainer, train_utils

from lfp_tf.data.records import read_dataset
from lfp_tf.errors import LfpError, WorkFailed, graph_sentence
from lfp_tf.files import writable, write_json
from lfp_tf.progress import Progress
from lfp_tf.tasks.catalog import kind_of
from lfp_tf.tasks.classification.task import ClassificationTask
from lfp_tf.tasks.pose.task import PoseTask
from lfp_tf.tasks.segmentation.task import SegmentationTask
from lfp_tf.training.best import BestCheckpoint, best_info
from lfp_tf.training.history import History, MovingAverage
from lfp_tf.training.saving import saving
from lfp_tf.training.summaries import Summaries

MODES = ("train", "eval", "train_and_eval", "continuous_eval", "train_and_post_eval")
POLL_SECONDS = 5.0
TASKS = {
    "segmentation": SegmentationTask,
    "classification": ClassificationTask,
    "pose": PoseTask,
}


class Stopped(Exception):
    """A signal ended the run after a checkpoint; `exit_status` is 128 and the signal's number."""

    def __init__(self, number, step):
        super().__init__(f"Stopped at step {step}; the same command goes on from there.")
        self.exit_status = 128 + number


class _Trainer(base_trainer.Trainer):
    """The host's trainer, with XLA on every device: the host heeds `enable_xla` on GPUs only."""

    def train_step(self, iterator):
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


class Run:
    """One experiment in one folder.

    Args:
        params: `recipes.config.ExperimentConfig`, checked, with classes and folders filled in.
        folder: of the run (checkpoints, history, summaries).
        strategy: see `devices.make_strategy`.
        mode: one of `MODES`.
    """

    def __init__(self, params, *, folder, strategy, mode):
        self.params, self.strategy, self.mode = params, strategy, mode
        self.folder = pathlib.Path(folder)
        with writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        # Every worker must save, as reading a variable needs them all; one of them writes here.
        self.is_chief = strategy.extended.should_checkpoint
        self.written = self.folder if self.is_chief else pathlib.Path(tempfile.mkdtemp())
        tf_keras.utils.set_random_seed(params.trainer.seed)
        _remove_debris(self.written)
        task = TASKS[kind_of(params.task.model.network)]
        self.task = task(params, start_step=_checkpointed_step(self.folder))
        with strategy.scope():
            model = self.task.build_model()
            optimizer = self.task.create_optimizer(params.trainer.optimizer_config)
            if "train" in mode:
                self.task.prepare_optimizer(optimizer, model)
            self.trainer = _Trainer(
                config=params,
                task=self.task,
                model=model,
                optimizer=optimizer,
                train="train" in mode,
                evaluate="eval" in mode,
            )
        self.manager = tf.train.CheckpointManager(
            self.trainer.checkpoint, str(self.written), max_to_keep=params.trainer.max_to_keep
        )
        self.best = BestCheckpoint(
            self.written,
            model,
            metric=params.trainer.best_checkpoint_eval_metric,
            is_higher_better=params.trainer.best_checkpoint_metric_comp == "higher",
        )
        self._restore_or_initialize()
        self.history = History(self.written, step=self.step)
        self.average = MovingAverage(params.trainer.average_loss, self.history.losses())
        self.summaries = Summaries(self.written, self.task, model)
        self.logs = {}

    @property
    def step(self):
        """Updates done so far."""
        return int(self.trainer.global_step.numpy())

    def best_info(self):
        """What `best/info.json` says, or None."""
        return best_info(self.folder)

    def execute(self):
        """Does what the mode says and returns the last evaluation's logs ({} without one)."""
        if "train" in self.mode:
            with saving(self.folder):
                train_utils.serialize_config(self.params, str(self.written))
            write_json(
                self.written / "dataset.json", read_dataset(self.params.task.train_data.folder)
            )
            self._train()
        elif self.mode == "continuous_eval":
            self._evaluate_continuously()
        else:
            self._evaluate()
        if self.mode == "train_and_post_eval" or (
            self.mode == "train_and_eval" and not self.history.evaluated(self.step)
        ):
            self._evaluate()
        return self.logs

    def _train(self):
        trainer = self.params.trainer
        batch = self.params.task.train_data.global_batch_size
        label = f"{self.folder.name} step"
        with (
            _signals() as received,
            Progress(
                label,
                total=trainer.train_steps,
                unit="pictures",
                units_each=batch,
                done=self.step,
            ) as line,
        ):
            if self.mode == "train_and_eval" and self._due(trainer.validation_interval):
                self._evaluate(line)
            while self.step < trainer.train_steps:
                begin, started = self.step, time.monotonic()
                logs = self._loop()
                speed = (self.step - begin) * batch / (time.monotonic() - started)
                self._record(begin, logs, speed)
                line.update(self.step - begin, f"loss {logs['training_loss']:.4f}")
                if self.mode == "train_and_eval" and self._due(trainer.validation_interval):
                    self._evaluate(line)
                ends = self.step >= trainer.train_steps
                if received or ends or self.step % trainer.checkpoint_interval == 0:
                    self._save()
                if received:
                    raise Stopped(received[0], self.step)

    def _loop(self):
        """Runs up to the next multiple of `steps_per_loop`, so that a stop moves no boundary."""
        trainer = self.params.trainer
        wanted = min(
            trainer.steps_per_loop - self.step % trainer.steps_per_loop,
            trainer.train_steps - self.step,
        )
        try:
            logs = self.trainer.train(tf.constant(wanted, tf.int32))
        except tf.errors.InvalidArgumentError as error:
            raise WorkFailed(graph_sentence(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise WorkFailed(
                "The device has not enough memory for this batch; lower "
                "task.train_data.global_batch_size or raise trainer.accumulation_steps."
            ) from error
        return {name: float(value) for name, value in logs.items()}

    def _record(self, begin, logs, speed):
        if not math.isfinite(logs["training_loss"]):
            raise WorkFailed(self._not_finite(begin, logs["training_loss"]))
        rate = float(self.trainer.optimizer.learning_rate(self.step - 1))
        others = {name: value for name, value in logs.items() if name != "training_loss"}
        loss = logs["training_loss"]
        # The host's own rate is the next step's.
        self.history.append(step=self.step, loss=loss, **others | {"learning_rate": rate})
        mean, _ = self.average.add(loss)
        if self.step % self.params.trainer.summary_interval == 0:
            rates = self.task.group_rates(rate)
            extra = {"training_loss_average": mean, "pictures_per_second": speed}
            self.summaries.train(self.step, logs | rates | extra)

    def _evaluate(self, line=None):
        begin = time.monotonic()
        logs = self.trainer.evaluate(tf.constant(-1, tf.int32))
        self.logs = {name: float(value) for name, value in logs.items()}
        self.history.append(step=self.step, seconds=time.monotonic() - begin, **self.logs)
        self.summaries.evaluation(self.step, self.logs)
        is_best = self.mode != "eval" and self.best.update(self.step, self.logs)
        text = (
            f"step {self.step}: {self.task.headline(self.logs)} on "
            f"{self.params.task.validation_data.split}{', the best so far' if is_best else ''}"
        )
        (line.note if line else print)(text)
        return self.logs

    def _evaluate_continuously(self):
        """Scores every new checkpoint until the last step or until none came for the timeout."""
        done, waited = None, 0.0
        while waited < self.params.trainer.continuous_eval_timeout:
            newest = tf.train.latest_checkpoint(str(self.folder))
            if newest and newest != done:
                self._restore(newest)
                self._evaluate()
                done, waited = newest, 0.0
                if self.step >= self.params.trainer.train_steps:
                    return
            time.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _due(self, interval):
        return self.step > 0 and self.step % interval == 0 and not self.history.evaluated(self.step)

    def _save(self):
        with saving(self.folder):
            self.manager.save(checkpoint_number=self.step)

    def _restore_or_initialize(self):
        newest = tf.train.latest_checkpoint(str(self.folder))
        if newest:
            self._restore(newest)
        elif self.mode in ("eval", "continuous_eval"):
            if self.mode == "eval":
                raise LfpError(f"{self.folder} holds no checkpoint to evaluate; train first.")
        else:
            with self.strategy.scope():
                self.trainer.initialize()

    def _restore(self, path):
        try:
            status = self.trainer.checkpoint.restore(path)
            status.assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise LfpError(
                f"{path} does not fit this experiment's network or is damaged; use another "
                "--model_dir, or remove that checkpoint to go on from the one before."
            ) from error

    def _not_finite(self, begin, loss):
        names = self.task.sources(begin, self.step)
        steps = f"step {self.step}" if self.step == begin + 1 else f"steps {begin + 1}-{self.step}"
        last = self.manager.latest_checkpoint
        good = f"the last good checkpoint is {last}" if last else "there is no checkpoint yet"
        return (
            f"The loss became {loss} in {steps} with the pictures {', '.join(names)}; {good}. "
            "A lower learning rate or gradient clipping may help."
        )


def _checkpointed_step(folder):
    newest = tf.train.latest_checkpoint(str(folder))
    if not newest:
        return 0
    try:
        return train_utils.read_global_step_from_checkpoint(newest)
    except (tf.errors.OpError, ValueError) as error:
        raise LfpError(
            f"{newest} is damaged; remove it to go on from the checkpoint before."
        ) from error


def _remove_debris(folder):
    """Removes what a kill inside a checkpoint's writing left."""
    for path in folder.glob("*_temp"):
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _signals():
    """Collects SIGINT and SIGTERM in a list while the block runs."""
    received = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
