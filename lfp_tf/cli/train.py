"""`lfp-tf train`, which is what train.py does: an experiment from its records to its scores."""

import pathlib
import shutil
import sys

from lfp_tf.checkpoints.lineages import PRESET_NAMES
from lfp_tf.data.description import read_dataset
from lfp_tf.errors import LfpError, nearest
from lfp_tf.recipes import experiments

HELP = "train an experiment and score it; the same command again goes on where it stopped"
EXAMPLE = """
python train.py --experiment=pspnet18_scenes --mode=train_and_eval
python train.py --experiment=pspnet101_cityscapes --mode=train_and_eval --data_dir=data/cityscapes
python train.py --experiment=pspnet50_ade20k --params_override=trainer.train_steps=100
"""
MODES = ("train", "eval", "train_and_eval", "continuous_eval", "train_and_post_eval")
# Parameters in millions with the auxiliary head, for the room that checkpoints take.
_MILLIONS = {18: 13, 34: 23, 50: 49, 101: 68, 152: 84}
_MILLIONS_A_STACK = 4  # of an hourglass with 256 features
_BYTES_A_PARAMETER = 8


def add_arguments(parser):
    """The host's flags, and ours on top."""
    parser.add_argument("--experiment", help="what to train; `--list` shows all")
    parser.add_argument("--mode", default="train_and_eval", help="; ".join(MODES))
    parser.add_argument("--model_dir", help="of checkpoints and logs (runs/EXPERIMENT)")
    parser.add_argument(
        "--config_file", action="append", default=[], help="YAML of changed fields; repeatable"
    )
    parser.add_argument("--params_override", default="", help="a.b=1,c=[1,2] or a YAML text")
    own = parser.add_argument_group("on top of the host's")
    own.add_argument("--data_dir", help="the folder of records (data/DATASET)")
    own.add_argument("--init", help="a checkpoint to start from, of any kind `convert` reads")
    own.add_argument("--preset", help=f"lineage of the network: {', '.join(PRESET_NAMES)}")
    own.add_argument("--cpu_replicas", type=int, default=1, help="logical CPU devices (1)")
    own.add_argument("--list", action="store_true", help="the experiments, and exit")
    own.add_argument("--print_config", action="store_true", help="the merged YAML, and exit")


def run(arguments):
    """Checks names and files, then trains; returns the exit status."""
    if arguments.list:
        from lfp_tf.cli.experiments import table

        print(table())
        return 0
    experiment = _checked(arguments)
    params = _params(experiment, arguments)
    if arguments.print_config:
        import yaml

        print(yaml.safe_dump(params.as_dict(), sort_keys=False, default_flow_style=None), end="")
        return 0
    return _train(experiment, params, arguments)


def default_data_dir(experiment):
    """data/DATASET, where an experiment's records are looked for."""
    return pathlib.Path("data") / experiment.dataset


def _checked(arguments):
    """The experiment, after all that can be said without TensorFlow."""
    if not arguments.experiment:
        raise LfpError("--experiment is missing; `lfp-tf experiments` lists them all.")
    if arguments.mode not in MODES:
        raise LfpError(
            f'No mode "{arguments.mode}".{nearest(arguments.mode, MODES)} '
            f"There are {', '.join(MODES)}."
        )
    experiment = experiments.read(arguments.experiment, preset=arguments.preset)
    if arguments.cpu_replicas < 1:
        raise LfpError("--cpu_replicas must be at least 1.")
    for path in arguments.config_file:
        if not pathlib.Path(path).is_file():
            raise LfpError(f"--config_file {path} does not exist.")
    if arguments.init and not (
        pathlib.Path(arguments.init).exists() or pathlib.Path(f"{arguments.init}.index").exists()
    ):
        raise LfpError(f"--init {arguments.init} does not exist.")
    if not arguments.print_config and "train_data.folder" not in arguments.params_override:
        read_dataset(arguments.data_dir or default_data_dir(experiment))
    return experiment


def _params(experiment, arguments):
    from lfp_tf.recipes import config, overrides

    params = config.of_recipe(experiment.config)
    for path in arguments.config_file:
        overrides.apply(params, overrides.read_yaml(path))
    if arguments.params_override:
        overrides.apply(params, overrides.parse(arguments.params_override))
    if arguments.init:
        params.task.init_checkpoint = str(arguments.init)
    config.validate(params)
    return params


def _train(experiment, params, arguments):
    from lfp_tf.recipes import preflight
    from lfp_tf.training import devices
    from lfp_tf.training import run as runs

    folder = pathlib.Path(arguments.model_dir or f"runs/{experiment.name}")
    dataset = preflight.fill_in(params, data_dir=arguments.data_dir)
    preflight.check_run(folder, dataset)
    for data in (params.task.train_data, params.task.validation_data):
        if data.split not in dataset["splits"]:
            raise LfpError(
                f"{data.folder} has no split {data.split!r}; it has {', '.join(dataset['splits'])}."
            )
    _check_disk(params, folder)
    devices.set_precision(params.runtime)
    strategy = devices.make_strategy(params.runtime, cpu_replicas=arguments.cpu_replicas)
    preflight.check_batch(params, strategy.num_replicas_in_sync)
    _say(_opening(experiment, params, folder, devices.describe(strategy)))
    for warning in preflight.warnings(params, strategy.num_replicas_in_sync):
        _say(f"warning: {warning}")
    run_ = runs.Run(params, folder=folder, strategy=strategy, mode=arguments.mode)
    if run_.task.report:
        _say(str(run_.task.report))
    if run_.step:
        _say(f"going on from step {run_.step} of {params.trainer.train_steps}")
    try:
        run_.execute()
    except runs.Stopped as stopped:
        _say(str(stopped))
        return stopped.exit_status
    best = run_.best_info()
    if run_.logs and run_.is_chief:
        del run_
        _report(experiment, params, folder, arguments)
    _say(_closing(experiment, folder, best))
    return 0


def _report(experiment, params, folder, arguments):
    """Scores the best checkpoint as `lfp-tf evaluate` does: metrics.json and report.html."""
    from lfp_tf.cli.main import parse_and_run

    words = ["--experiment", experiment.name, "--checkpoint", str(folder)]
    words += ["--protocol", "whole"] if experiment.kind == "segmentation" else []
    words += ["--data_dir", params.task.validation_data.folder, "--out", str(folder)]
    words += ["--split", params.task.validation_data.split]
    words += ["--preset", arguments.preset] if arguments.preset else []
    parse_and_run("evaluate", words, "lfp-tf evaluate")


def _opening(experiment, params, folder, devices):
    train = params.task.train_data
    what = "joints" if experiment.kind == "pose" else "classes"
    return (
        f"{experiment.name}: {train.folder} ({params.task.model.classes} {what}), "
        f"{params.trainer.train_steps} steps of {train.global_batch_size} crops of "
        f"{train.crop[0]}x{train.crop[1]} on {devices}, into {folder}"
    )


def _closing(experiment, folder, best):
    lines = []
    if best:
        lines.append(f"best {best['metric']} {100 * best['value']:.2f} at step {best['step']}")
    lines.append(f"next: lfp-tf evaluate --experiment {experiment.name} --checkpoint {folder}")
    lines.append(
        f"      lfp-tf export --experiment {experiment.name} --checkpoint {folder} "
        f"--export_dir export/{experiment.name}"
    )
    return "\n".join(lines)


def _check_disk(params, folder):
    place = folder
    while not place.exists():
        place = place.parent
    model = params.task.model
    if model.network == "hourglass":
        millions = _MILLIONS_A_STACK * model.stacks * (model.features / 256) ** 2
    elif getattr(model, "backbone", "resnet") == "mobilenet_v2":
        millions = 3
    else:
        millions = _MILLIONS[model.depth]
    copies = params.trainer.max_to_keep + 2
    needed = millions * 1e6 * model.width**2 * _BYTES_A_PARAMETER * copies
    free = shutil.disk_usage(place).free
    if free < needed:
        raise LfpError(
            f"{place} has {free / 1e9:.1f} GB free, but {copies} checkpoints need about "
            f"{needed / 1e9:.1f} GB; make room or give another --model_dir."
        )


def _say(text):
    print(text, file=sys.stderr, flush=True)


def main(arguments=None):
    """The entry point of train.py."""
    from lfp_tf.cli.main import run_command

    return run_command("train", arguments, program="train.py")
