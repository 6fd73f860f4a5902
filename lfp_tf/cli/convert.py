"""`lfp-tf convert`: an old checkpoint to ours, with a strict report of what fitted."""

import pathlib
import sys

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.cli.network_arguments import check_exists
from lfp_tf.errors import LfpError
from lfp_tf.recipes import experiments

HELP = "convert an old checkpoint to ours, with a strict report"
EXAMPLE = """
lfp-tf convert pspnet101_cityscapes.caffemodel --experiment pspnet101_cityscapes --out converted
lfp-tf convert train_epoch_200.pth --experiment pspnet50_ade20k --out converted/ade
"""


def add_arguments(parser):
    """Adds the arguments of `lfp-tf convert`."""
    parser.add_argument("file", metavar="FILE", help="a checkpoint; nothing in it is run")
    parser.add_argument("--experiment", help="whose network it is")
    parser.add_argument("--out", metavar="DIR", help="a new folder for the result")
    parser.add_argument("--preset", help=f"{', '.join(preset_names())} (the file's own lineage)")


def run(arguments):
    """Carries out `lfp-tf convert`; prints the report and the folder written.

    Raises:
        LfpError: a name or path, or a file that does not fit the network.
    """
    if not arguments.experiment:
        raise LfpError("--experiment is missing; `lfp-tf experiments` lists them all.")
    if not arguments.out:
        raise LfpError("--out is missing: a new folder for the converted checkpoint.")
    experiments.read(arguments.experiment, preset=arguments.preset)
    check_exists(arguments.file, "FILE")
    out = pathlib.Path(arguments.out)
    if out.exists():
        raise LfpError(f"{out} exists already; give another --out or remove it first.")
    report = _convert(out, arguments)
    print(report)
    print(out)
    print(
        f"next: lfp-tf evaluate --experiment {arguments.experiment} --checkpoint {out}",
        file=sys.stderr,
    )
    return 0


def file_preset(path):
    """The preset of a file's own lineage, or None where any network of ours may run it."""
    from lfp_tf.checkpoints.read import read_checkpoint

    lineage = recognise(read_checkpoint(path))
    return lineage.presets[0] if lineage and lineage.presets else None


def _convert(out, arguments):
    from lfp_tf.recipes import networks

    preset = arguments.preset
    if preset is None:
        preset = file_preset(arguments.file)
        if preset:
            print(f"preset {preset}, the file's own lineage", file=sys.stderr)
    model = networks.build(arguments.experiment, preset=preset)
    report = networks.load_weights(model, arguments.file)
    if report is None:
        raise LfpError(f"{arguments.file} is one of our own trainings already; use it as it is.")
    write_folder(out, model)
    return report


def write_folder(out, model):
    """Writes a checkpoint and `options.yaml`; `recipes.networks.build` builds it again."""
    import tensorflow as tf
    import yaml

    from lfp_tf.files import atomic_folder, write_text
    from lfp_tf.training.saving import saving

    recipe = model.recipe
    options = {
        "task": {
            "dataset": recipe.dataset,
            "model": _plain(
                {"network": recipe.network} | recipe.options | {"preprocess": recipe.preprocess}
            ),
            **({"train_data": {"crop": list(recipe.crop)}} if recipe.crop else {}),
            "trained_on": recipe.trained_on,
        }
    }
    with saving(out), atomic_folder(out) as place:
        manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=model), str(place), max_to_keep=1
        )
        manager.save(checkpoint_number=0)
        text = yaml.safe_dump(options, sort_keys=False, default_flow_style=None)
        write_text(place / "options.yaml", text)


def _plain(options):
    """Tuples as lists, for YAML."""
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
    }
