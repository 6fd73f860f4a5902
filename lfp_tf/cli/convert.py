"""`lfp-tf convert`: an old checkpoint to ours, with a strict report of what fitted."""

import argparse
import pathlib
from typing import TYPE_CHECKING

import yaml

from lfp_tf.checkpoints.formats.detectron import write_detectron
from lfp_tf.checkpoints.formats.safetensors import write_safetensors
from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.parts import Checkpoint
from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.checkpoints.read import WEIGHTS_FILE
from lfp_tf.cli.checks import check_checkpoint
from lfp_tf.cli.network_arguments import named_experiment
from lfp_tf.cli.next_commands import evaluation, next_lines
from lfp_tf.cli.output import say, show
from lfp_tf.data.datasets.class_lists import read_classes
from lfp_tf.errors import LfpError, first_of, printable
from lfp_tf.files import atomic_folder, atomic_path, write_text
from lfp_tf.tasks import catalog

if TYPE_CHECKING:
    import tf_keras

HELP = "convert an old checkpoint to ours, with a strict report"
EXAMPLE = """
lfp-tf convert pspnet101_cityscapes.caffemodel --experiment pspnet101_cityscapes --out converted
lfp-tf convert train_epoch_200.pth --experiment pspnet50_ade20k --out converted/ade
lfp-tf convert runs/scenes --experiment pspnet18_scenes --to safetensors --out shared
lfp-tf convert vg3k_detector.pkl --classes 80 --to coco_detector.pkl
"""
CHECKPOINT, SAFETENSORS = "checkpoint", "safetensors"
# What a Detectron file's name ends in.
DETECTRON = ".pkl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf convert`."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a checkpoint (FILE::PART: one part of it); nothing in it is run",
    )
    parser.add_argument("--experiment", help="whose network it is")
    parser.add_argument("--out", metavar="DIR", help="a new folder for the result")
    parser.add_argument("--preset", help=f"{', '.join(preset_names())} (the file's own lineage)")
    parser.add_argument(
        "--classes",
        metavar="FILE|N",
        help="only change the rows of classes of a Detectron file, without a network: the first N, "
        "or as many as a list has lines; more than there are puts back what was cut off",
    )
    parser.add_argument(
        "--to",
        metavar="FORM",
        default=CHECKPOINT,
        help=f"what DIR gets beside options.yaml: {CHECKPOINT} (TensorFlow's, the default), "
        f"{SAFETENSORS}, or NAME{DETECTRON} (Detectron's file of a detector)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, converts, and prints the report and the folder written.

    Raises:
        LfpError: a name or path, or a file that does not fit the network.
    """
    if arguments.classes is not None:
        return _change_classes(arguments)
    _check_form(arguments.to)
    experiment = named_experiment(arguments)
    if not arguments.out:
        raise LfpError("--out is missing: a new folder for the converted checkpoint.")
    check_checkpoint(arguments.file, "FILE")
    out = pathlib.Path(arguments.out)
    if out.exists():
        raise LfpError(f"{out} exists already; give another --out or remove it first.")
    report = _convert(experiment.name, arguments.file, out, arguments)
    if report:
        show(report)
    show(out)
    say(next_lines(evaluation(experiment, out, preset=arguments.preset)))
    return 0


def _check_form(form):
    is_file = form.endswith(DETECTRON) and form == pathlib.Path(form).name
    if form not in (CHECKPOINT, SAFETENSORS) and not (is_file and form != DETECTRON):
        raise LfpError(
            f'--to is "{printable(form)}", but must be {CHECKPOINT}, {SAFETENSORS} or the name of '
            f"a file as model{DETECTRON}; its folder is --out."
        )


def _change_classes(arguments):
    """Writes a Detectron file with the rows of fewer classes, or with those that were cut off."""
    from lfp_tf.checkpoints import surgery
    from lfp_tf.checkpoints.read import identify, read_checkpoint

    for flag in ("experiment", "preset"):
        if getattr(arguments, flag):
            raise LfpError(f"--classes changes a file without its network; leave out --{flag}.")
    if not arguments.to.endswith(DETECTRON):
        raise LfpError(f"--classes needs --to FILE{DETECTRON}, the new file.")
    path = pathlib.Path(arguments.out or "", arguments.to)
    if path.exists():
        raise LfpError(f"{path} exists already; give another --to or remove it first.")
    count, file = _num_classes(arguments.classes), arguments.file
    check_checkpoint(file, "FILE")
    if identify(file) != "detectron":
        raise LfpError(
            f"{file} is no Detectron file, whose rows --classes changes; convert it with "
            f"--to NAME{DETECTRON} first."
        )
    arrays = read_checkpoint(file)
    before = surgery.num_classes(arrays, file=file)
    blobs = surgery.with_classes(arrays, count, file=file)
    with atomic_path(path) as place:
        write_detectron(place, blobs, arrays.config)
    kept = f"all rows are kept as ..{surgery.BACKUP}" if count < before else "as they were before"
    say(f"{count} classes in place of {before}; {kept}")
    show(path)
    return 0


def _num_classes(text):
    """The number of --classes N, or of the names in a list."""
    if text.isascii() and text.isdecimal():
        return int(text)
    table, _ = read_classes(pathlib.Path(), text)
    return len(table or ())


def _convert(name, file, out, arguments):
    """Writes the converted checkpoint; gives the report of what fitted, None for our own runs."""
    from lfp_tf.recipes import networks
    from lfp_tf.training.own_checkpoints import own_checkpoint

    is_own = own_checkpoint(file) is not None
    if is_own and arguments.to == CHECKPOINT:
        raise LfpError(f"{file} is one of our own trainings already; use it as it is.")
    preset = arguments.preset
    if preset is None and not is_own:
        preset = file_preset(file)
        if preset:
            say(f"preset {preset}, the file's own lineage")
    model, report = networks.load(name, file, preset=preset)
    begun_with = _begun_with(file, is_own=is_own) if arguments.to.endswith(DETECTRON) else None
    write_folder(out, model, to=arguments.to, begun_with=begun_with, is_trained=is_own)
    return report


def _begun_with(file, *, is_own):
    """{name: array} of the Detectron file that a network comes from; None where there is none."""
    from lfp_tf.checkpoints.read import identify, read_checkpoint

    start = _start_of_run(file) if is_own else file
    if not start:
        return None
    if is_own and not pathlib.Path(start).is_file():
        say(f"{start}, which the run began with, is no file: blobs that it kept are left out")
        return None
    return read_checkpoint(start) if identify(start) == "detectron" else None


def _start_of_run(path):
    """The `task.init_checkpoint` of a run or of one of its checkpoints; None where it has none."""
    from lfp_tf.training.own_checkpoints import own_checkpoint, task_fields

    folders = list(pathlib.Path(own_checkpoint(path) or path).parents)[:3]
    task = next(filter(None, map(task_fields, folders)), {})
    return task.get("init_checkpoint")


def file_preset(path: str) -> str | None:
    """The preset of a file's own lineage, or None where any network of ours may run it."""
    from lfp_tf.checkpoints.read import read_checkpoint

    lineage = recognise(read_checkpoint(path))
    return lineage.presets[0] if lineage and lineage.presets else None


def write_folder(
    out: pathlib.Path,
    model: "tf_keras.Model",
    *,
    to: str = CHECKPOINT,
    begun_with: Checkpoint | None = None,
    is_trained: bool = False,
) -> None:
    """Writes the weights and `options.yaml`; `recipes.networks.build` builds it again.

    Args:
        out: a new folder.
        model: from `recipes.networks.build`, filled.
        to: `checkpoint`, `safetensors`, or the name of a Detectron file.
        begun_with: the arrays of the Detectron file that the network began with, whose unknown
            blobs the new one keeps.
        is_trained: whether it was trained since.
    """
    from lfp_tf.training.saving import saving

    options = yaml.safe_dump(_options(model.recipe), sort_keys=False, default_flow_style=None)
    with saving(out), atomic_folder(out) as place:
        if to.endswith(DETECTRON):
            _write_detectron(place / to, model, begun_with, is_trained)
        else:
            write = _write_checkpoint if to == CHECKPOINT else _write_safetensors
            write(place, model)
        write_text(place / "options.yaml", options)


def _write_checkpoint(place, model):
    import tensorflow as tf

    checkpoint = tf.train.Checkpoint(model=model)
    manager = tf.train.CheckpointManager(checkpoint, str(place), max_to_keep=1)
    manager.save(checkpoint_number=0)


def _arrays(model):
    from lfp_tf.checkpoints.variables import variables_by_name

    return {name: variable.numpy() for name, variable in variables_by_name(model).items()}


def _write_detectron(path, model, begun_with, is_trained):
    from lfp_tf.checkpoints import detectron_blobs

    recipe = model.recipe
    blobs = detectron_blobs.blobs_of(_arrays(model), recipe.options)
    config = detectron_blobs.config_of(
        recipe.options,
        classes=len(recipe.classes),
        before=begun_with.config if begun_with is not None else None,
    )
    others = detectron_blobs.preserved(begun_with or {}, blobs, is_trained=is_trained)
    if others:
        say(f"{len(others)} blobs that the network does not know are kept: {first_of(others)}")
    write_detectron(path, blobs | others, config)


def _write_safetensors(place, model):
    arrays = _arrays(model)
    # `format` is what other libraries ask of such a file.
    texts = {"format": "tf", "experiment": model.recipe.experiment}
    write_safetensors(place / WEIGHTS_FILE, arrays, texts)


def _options(recipe):
    """The fields of an experiment that build the recipe's network again."""
    task = catalog.of(recipe.network)
    fields = catalog.part(task, "networks").NETWORKS[recipe.network].of_arguments(recipe.options)
    model = {"network": recipe.network} | fields | {"preprocess": recipe.preprocess}
    task = {
        "dataset": recipe.dataset,
        # Lists, as YAML knows no tuples.
        "model": {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in model.items()
        },
    }
    if recipe.crop:
        task["train_data"] = {"crop": list(recipe.crop)}
    return {"task": task | {"trained_on": recipe.trained_on}}
