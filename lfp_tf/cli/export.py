"""`lfp-tf export`, which is what export/export_saved_model.py does: a network as a SavedModel."""

import json
import pathlib
import sys

from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    checked_experiment,
    input_size,
    load,
    run_folder,
)
from lfp_tf.cli.task_options import add_task_options, check_task_options
from lfp_tf.errors import LfpError
from lfp_tf.serving.description import read_export
from lfp_tf.tasks import catalog

HELP = "write a network as a SavedModel for TensorFlow Serving"
EXAMPLE = """
lfp-tf export --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes \\
    --export_dir export/lfp
lfp-tf export --experiment pspnet101_cityscapes --checkpoint pspnet101.pth --export_dir out \\
    --protocol semseg --max_pixels 2097152
"""
DTYPES = ("float32", "bfloat16")
_SCORES = ("best", "scores", "step", "split", "protocol")


def add_arguments(parser):
    """Adds the arguments of `lfp-tf export`."""
    add_network_arguments(parser)
    parser.add_argument("--export_dir", metavar="OUT", help="gets a folder a version")
    parser.add_argument("--version", type=int, help="whole number (the next free one)")
    add_task_options(parser, "export")
    graph = parser.add_argument_group("computation")
    graph.add_argument("--dtype", default="float32", help="of convolutions: float32, bfloat16")
    graph.add_argument(
        "--no-optimize",
        "--no_optimize",
        dest="optimize",
        action="store_false",
        help="keep batch norm apart from the convolutions",
    )
    graph.add_argument(
        "--optimize", dest="optimize", action="store_true", default=True, help="fold it (default)"
    )
    limits = parser.add_argument_group("limits of a request")
    limits.add_argument(
        "--max_pixels", type=int, default=8_388_608, help="of an image (8388608, as 4096x2048)"
    )
    limits.add_argument("--max_batch", type=int, default=16, help="images (16)")


def run(arguments):
    """Carries out `lfp-tf export`; prints the folder written.

    Raises:
        LfpError: a name, path, size or weights that do not fit.
    """
    if not arguments.export_dir:
        raise LfpError("--export_dir is missing: the folder that gets a sub-folder a version.")
    if arguments.dtype not in DTYPES:
        raise LfpError(f'--dtype is "{arguments.dtype}", but must be {" or ".join(DTYPES)}.')
    if arguments.version is not None and arguments.version < 1:
        raise LfpError(f"--version must be at least 1, not {arguments.version}.")
    for name in ("max_pixels", "max_batch"):
        if getattr(arguments, name) < 1:
            raise LfpError(f"--{name} must be at least 1, not {getattr(arguments, name)}.")
    size = input_size(arguments.input_size)
    experiment = checked_experiment(arguments)
    check_task_options(arguments, "export", experiment.task)
    place = pathlib.Path(arguments.export_dir)
    if arguments.version and (place / str(arguments.version)).exists():
        raise LfpError(f"{place / str(arguments.version)} exists already; leave --version out.")
    print(_export(experiment.task, place, size, arguments))
    return 0


def _export(task, place, size, arguments):
    from lfp_tf.recipes.shipped import shipped
    from lfp_tf.serving.export import export
    from lfp_tf.serving.limits import Limits
    from lfp_tf.training.own_checkpoints import own_checkpoint

    model = load(arguments)
    protocol = catalog.part(task, "arguments").protocol(model.recipe, arguments, "export")
    source = arguments.checkpoint or shipped(arguments.experiment)
    written = export(
        model,
        place,
        signatures=catalog.part(task, "signatures"),
        protocol=protocol,
        version=arguments.version,
        limits=Limits(arguments.max_pixels, arguments.max_batch, size),
        dtype=arguments.dtype,
        optimize=arguments.optimize,
        checkpoint=own_checkpoint(source) or source,
        scores=_known_scores(arguments),
    )
    print(
        f"{arguments.experiment}: {len(model.recipe.classes)} {task.outputs}, signatures "
        f"{', '.join(read_export(written)['signatures'])}\nnext: lfp-tf predict --saved_model "
        f"{written} --out predictions IMAGE...",
        file=sys.stderr,
    )
    return written


def _known_scores(arguments):
    """What `metrics.json` beside the checkpoint says in short, or None."""
    folder = run_folder(arguments)
    for path in (folder / "evaluation" / "metrics.json", folder / "metrics.json") if folder else ():
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            return {name: found[name] for name in _SCORES if name in found}
    return None


def main(arguments=None):
    """The entry point of export/export_saved_model.py."""
    from lfp_tf.cli.main import run_command

    words = sys.argv[1:] if arguments is None else arguments
    return run_command("export", words, program="export_saved_model.py")
