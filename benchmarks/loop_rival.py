"""The programs of the loop benchmark: the training loop as a run has it, or its step alone.

Spec: kind (`loop`, `step`), experiment, changes (of the experiment's fields), records, folder,
warm (steps before each measurement).
"""

import tensorflow as tf

from benchmarks.rivals import serve, timed
from lfp_tf.progress import Progress
from lfp_tf.recipes import config, preflight
from lfp_tf.tasks.segmentation.task import Task
from lfp_tf.training import devices
from lfp_tf.training.run import Run


def make(spec):
    """The facts and commands of `serve`."""
    params = config.of_experiment(spec["experiment"], changes=spec["changes"])
    preflight.fill_in(params, data_dir=spec["records"])
    devices.set_precision(params.runtime)
    step = {"loop": _loop, "step": _step}[spec["kind"]](params, spec)
    step()

    def measure(calls=1):
        # What the pipeline made ready while others ran is used up first.
        for _ in range(spec["warm"]):
            step()
        return timed(step, calls=calls)

    return {"kind": spec["kind"]}, {"measure": measure}


def _loop(params, spec):
    """One call of `Run._run_loop`: batch, step, metrics, history, summaries, progress line."""
    strategy = devices.make_strategy(params.runtime)
    run = Run(params, task=Task, folder=spec["folder"], strategy=strategy, mode="train")
    line = Progress("step", total=params.trainer.train_steps, unit="images")
    return lambda: run._run_loop(line)


def _step(params, spec):
    """The task's step on one batch that is there already."""
    task = Task(params)
    with devices.make_strategy(params.runtime).scope():
        model = task.build_model()
        optimizer = task.create_optimizer(params.trainer.optimizer_config)
    batch = next(iter(task.build_inputs(params.task.train_data)))
    update = tf.function(lambda batch: task.train_step(batch, model, optimizer)[task.loss])
    return lambda: update(batch).numpy()


if __name__ == "__main__":
    serve(make)
