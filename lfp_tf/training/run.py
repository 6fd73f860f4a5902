"""A run: train, evaluate, checkpoint, and go on after any stop exactly where it was.

The host's trainer does the steps; the loop around it is ours because orbit's controller cannot
stop at a signal, writes a checkpoint after its first loop whatever the interval, and prints.
"""

import math
import pathlib
import tempfile
import time

import tf_keras
import yaml

from lfp_tf.data.records import read_dataset
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import writable, write_json, write_text
from lfp_tf.progress import Progress
from lfp_tf.training import checkpoints
from lfp_tf.training.best import BestCheckpoint, best_info
from lfp_tf.training.checkpoints import Checkpoints
from lfp_tf.training.history import History, MovingAverage
from lfp_tf.training.signals import Signals, Stopped
from lfp_tf.training.summaries import Summaries
from lfp_tf.training.trainer import build_trainer

POLL_SECONDS = 5.0


class Run:
    """One experiment in one folder.

    Args:
        params: `training.fields.Experiment`, checked, with classes and folders filled in.
        task: function of (params, start_step) to a `base.TrainedTask`.
        folder: of the run (checkpoints, history, summaries).
        strategy: see `devices.make_strategy`.
        mode: train, eval, train_and_eval, continuous_eval or train_and_post_eval.
    """

    def __init__(self, params, *, task, folder, strategy, mode):
        self.params, self.mode = params, mode
        self.folder = pathlib.Path(folder)
        with writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        # Every worker must save, as reading a variable needs them all; one of them writes here.
        self.is_chief = strategy.extended.should_checkpoint
        self.written = self.folder if self.is_chief else pathlib.Path(tempfile.mkdtemp())
        tf_keras.utils.set_random_seed(params.trainer.seed)
        checkpoints.remove_debris(self.written)
        self.task = task(params, start_step=checkpoints.step_of(self.folder))
        self.trainer = build_trainer(
            params, self.task, strategy, train="train" in mode, evaluate="eval" in mode
        )
        self.checkpoints = Checkpoints(
            self.folder,
            self.trainer.checkpoint,
            written=self.written,
            max_to_keep=params.trainer.max_to_keep,
        )
        self.best = BestCheckpoint(
            self.written,
            self.trainer.model,
            metric=params.trainer.best_checkpoint_eval_metric,
            is_higher_better=params.trainer.best_checkpoint_metric_comp == "higher",
        )
        self._begin(strategy)
        self.history = History(self.written, step=self.step)
        self.average = MovingAverage(params.trainer.average_loss, self.history.losses())
        self.summaries = Summaries(self.written, self.task, self.trainer.model)
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
            self._describe()
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

    def _begin(self, strategy):
        """Goes back to the newest checkpoint, or takes the start that the experiment names."""
        prefix = self.checkpoints.newest()
        if prefix:
            self.checkpoints.restore(prefix)
        elif self.mode == "eval":
            raise LfpError(f"{self.folder} holds no checkpoint to evaluate; train first.")
        elif "train" in self.mode:
            with strategy.scope():
                self.trainer.initialize()

    def _describe(self):
        """Writes `params.yaml` and `dataset.json`, from which later commands build the network."""
        text = yaml.safe_dump(self.params.as_dict(), sort_keys=False, default_flow_style=None)
        write_text(self.written / "params.yaml", text)
        records = read_dataset(self.params.task.train_data.folder)
        write_json(self.written / "dataset.json", records)

    def _train(self):
        trainer = self.params.trainer
        with Signals() as signals, self._progress() as line:
            if self._is_evaluation_due():
                self._evaluate(line)
            while self.step < trainer.train_steps:
                begin, started = self.step, time.monotonic()
                logs = self.trainer.run_steps(self._steps_to_boundary())
                self._record(begin, logs, time.monotonic() - started)
                line.update(self.step - begin, f"loss {logs['training_loss']:.4f}")
                if self._is_evaluation_due():
                    self._evaluate(line)
                is_over = self.step >= trainer.train_steps
                is_due = self.step % trainer.checkpoint_interval == 0
                if signals.received or is_over or is_due:
                    self.checkpoints.save(self.step)
                if signals.received:
                    raise Stopped(signals.received, self.step)

    def _progress(self):
        return Progress(
            f"{self.folder.name} step",
            total=self.params.trainer.train_steps,
            unit="images",
            units_each=self.params.task.train_data.global_batch_size,
            done=self.step,
        )

    def _steps_to_boundary(self):
        """Steps up to the next multiple of `steps_per_loop`, so that a stop moves no boundary."""
        trainer = self.params.trainer
        return min(
            trainer.steps_per_loop - self.step % trainer.steps_per_loop,
            trainer.train_steps - self.step,
        )

    def _record(self, begin, logs, seconds):
        loss = logs["training_loss"]
        if not math.isfinite(loss):
            raise WorkFailed(self._not_finite(begin, loss))
        # The host's own rate is the next step's.
        rate = float(self.trainer.optimizer.learning_rate(self.step - 1))
        others = {name: value for name, value in logs.items() if name != "training_loss"}
        self.history.append(step=self.step, loss=loss, **others | {"learning_rate": rate})
        mean, _ = self.average.add(loss)
        if self.step % self.params.trainer.summary_interval == 0:
            images = (self.step - begin) * self.params.task.train_data.global_batch_size
            extra = {"training_loss_average": mean, "images_per_second": images / seconds}
            self.summaries.train(self.step, logs | self.task.group_rates(rate) | extra)

    def _evaluate(self, line=None):
        begin = time.monotonic()
        self.logs = self.trainer.run_evaluation()
        self.history.append(step=self.step, seconds=time.monotonic() - begin, **self.logs)
        self.summaries.evaluation(self.step, self.logs)
        is_best = self.mode != "eval" and self.best.update(self.step, self.logs)
        text = (
            f"step {self.step}: {self.task.headline(self.logs)} on "
            f"{self.params.task.validation_data.split}{', the best so far' if is_best else ''}"
        )
        (line.note if line else print)(text)

    def _evaluate_continuously(self):
        """Scores every new checkpoint until the last step or until none came for the timeout."""
        done, waited = None, 0.0
        while waited < self.params.trainer.continuous_eval_timeout:
            newest = self.checkpoints.newest()
            if newest and newest != done:
                self.checkpoints.restore(newest)
                self._evaluate()
                done, waited = newest, 0.0
                if self.step >= self.params.trainer.train_steps:
                    return
            time.sleep(POLL_SECONDS)
            waited += POLL_SECONDS

    def _is_evaluation_due(self):
        """Whether this step is to be scored and was not, before a stop."""
        interval = self.params.trainer.validation_interval
        return (
            self.mode == "train_and_eval"
            and self.step > 0
            and self.step % interval == 0
            and not self.history.evaluated(self.step)
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
