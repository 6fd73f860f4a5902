"""`lfp-tf train`, which is what train.py does: an experiment from its records to its scores."""

import argparse
import pathlib
from collections.abc import Sequence

import yaml

from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.cli import next_commands
from lfp_tf.cli.checks import check_at_least_one, check_checkpoint
from lfp_tf.cli.network_arguments import named_experiment
from lfp_tf.cli.output import say, show
from lfp_tf.errors import LfpError, nearest
from lfp_tf.recipes import config, overrides, preflight
from lfp_tf.recipes.shipped import located
from lfp_tf.tasks import catalog

HELP = "train an experiment and score it; the same command again goes on where it stopped"
EXAMPLE = """
python train.py --experiment=pspnet18_scenes --mode=train_and_eval
python train.py --experiment=pspnet101_cityscapes --mode=train_and_eval --data_dir=data/cityscapes
python train.py --experiment=pspnet50_ade20k --params_override=trainer.train_steps=100
"""
MODES = ("train", "eval", "train_and_eval", "continuous_eval", "train_and_post_eval")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the host's flags, and ours on top."""
    parser.add_argument("--experiment", help="what to train; `--list` shows all")
    parser.add_argument("--mode", default="train_and_eval", help="; ".join(MODES))
    parser.add_argument("--model_dir", help="of checkpoints and logs (runs/EXPERIMENT)")
    parser.add_argument(
        "--config_file", action="append", default=[], help="YAML of changed fields; repeatable"
    )
    parser.add_argument("--params_override", default="", help="a.b=1,c=[1,2] or a YAML text")
    own = parser.add_argument_group("on top of the host's")
    own.add_argument("--data_dir", help="the folder of records (data/DATASET)")
    own.add_argument(
        "--init",
        help="a checkpoint to start from, of any kind `convert` reads, or the name of a network "
        "that ships",
    )
    own.add_argument("--preset", help=f"lineage of network and recipe: {', '.join(preset_names())}")
    own.add_argument("--cpu_replicas", type=int, default=1, help="logical CPU devices (1)")
    own.add_argument("--list", action="store_true", help="the experiments, and exit")
    own.add_argument("--print_config", action="store_true", help="the merged YAML, and exit")


def run(arguments: argparse.Namespace) -> int:
    """Checks names, files and fields without TensorFlow, then trains and scores.

    Raises:
        LfpError: something given is not as it must be, or the training cannot begin.
        WorkFailed: the training failed.
    """
    if arguments.list:
        from lfp_tf.cli.experiments import table

        show(table())
        return 0
    _check(arguments)
    experiment = named_experiment(arguments, training=True)
    params = _params(experiment, arguments)
    if arguments.print_config:
        show(yaml.safe_dump(params.as_dict(), sort_keys=False, default_flow_style=None), end="")
        return 0
    folder = pathlib.Path(arguments.model_dir or f"runs/{experiment.name}")
    dataset = preflight.fill_in(params, data_dir=arguments.data_dir)
    preflight.check_run(folder, dataset, experiment.task, mode=arguments.mode)
    preflight.check_disk(params, folder)
    return _train(experiment, params, folder, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of train.py."""
    from lfp_tf.cli.main import run_command

    return run_command("train", arguments, program="train.py")


def _check(arguments):
    if arguments.mode not in MODES:
        raise LfpError(
            f'No mode "{arguments.mode}".{nearest(arguments.mode, MODES)} '
            f"There are {', '.join(MODES)}."
        )
    check_at_least_one(arguments, "cpu_replicas")
    for path in arguments.config_file:
        if not pathlib.Path(path).is_file():
            raise LfpError(f"--config_file {path} does not exist.")
    if arguments.init:
        check_checkpoint(located(arguments.init), "--init")


def _params(experiment, arguments):
    """The experiment's fields, with what files and words change."""
    changes = [overrides.read_yaml(path) for path in arguments.config_file]
    if arguments.params_override:
        changes.append(overrides.parse(arguments.params_override))
    if arguments.init:
        changes.append({"task": {"init_checkpoint": str(arguments.init)}})
    return config.of_recipe(experiment.config, changes=changes)


def _train(experiment, params, folder, arguments):
    """Trains, then scores the best checkpoint; returns the exit status."""
    from lfp_tf.training.signals import Stopped

    training = _prepared(experiment, params, folder, arguments)
    try:
        training.execute()
    except Stopped as stopped:
        say(str(stopped))
        return stopped.exit_status
    best = training.best_info()
    has_trained_here = training.logs and training.is_chief
    del training  # Its memory goes before the evaluation needs its own.
    if has_trained_here:
        _evaluate(experiment, params, folder, arguments)
    say(_closing(experiment, params, folder, best, arguments.preset))
    return 0


def _prepared(experiment, params, folder, arguments):
    """The `Run`, after its devices are set up and everything about it is said."""
    from lfp_tf.recipes.networks import task_class
    from lfp_tf.training import devices
    from lfp_tf.training.run import Run

    devices.set_precision(params.runtime)
    strategy = devices.make_strategy(params.runtime, cpu_replicas=arguments.cpu_replicas)
    replicas = strategy.num_replicas_in_sync
    preflight.share_out(params, replicas)
    say(_opening(experiment, params, folder, devices.describe(strategy)))
    pieces = params.trainer.accumulation_steps
    for warning in params.task.warnings(replicas=replicas, pieces=pieces):
        say(f"warning: {warning}")
    training = Run(
        params,
        task=task_class(experiment.task),
        folder=folder,
        strategy=strategy,
        mode=arguments.mode,
        experiment=experiment.name,
    )
    if training.task.report:
        say(str(training.task.report))
    for note in training.notes:
        say(note)
    if training.step:
        say(f"going on from step {training.step} of {params.trainer.train_steps}")
    return training


def _evaluate(experiment, params, folder, arguments):
    """Scores the best checkpoint as `lfp-tf evaluate` does: metrics.json and report.html."""
    from lfp_tf.cli.main import parse_and_run

    words = ["--experiment", experiment.name, "--checkpoint", str(folder)]
    words += catalog.part(experiment.task, "arguments").AFTER_TRAINING
    words += ["--data_dir", params.task.validation_data.folder, "--out", str(folder)]
    words += ["--split", params.task.validation_data.split]
    words += ["--preset", arguments.preset] if arguments.preset else []
    parse_and_run("evaluate", words, "lfp-tf evaluate")


def _opening(experiment, params, folder, devices):
    train, size = params.task.train_data, params.task.image_size()
    images = f"crops of {size[0]}x{size[1]}" if size else "images"
    return (
        f"{experiment.name}: {train.folder} ({params.task.model.classes} "
        f"{experiment.task.outputs}), {params.trainer.train_steps} steps of "
        f"{train.global_batch_size} {images} on {devices}, into {folder}"
    )


def _closing(experiment, params, folder, best, preset):
    lines = []
    if best:
        lines.append(f"best {best['metric']} {100 * best['value']:.2f} at step {best['step']}")
    data = params.task.validation_data
    scoring = next_commands.evaluation(
        experiment, folder, preset=preset, data_dir=data.folder, split=data.split
    )
    serving = next_commands.export(experiment, folder, preset=preset)
    lines.append(next_commands.next_lines(scoring, serving))
    return "\n".join(lines)
