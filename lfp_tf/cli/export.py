"""`lfp-tf export`, which is what export/export_saved_model.py does: a network as a SavedModel."""

import pathlib
import sys

from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    add_protocol_arguments,
    check_protocol,
    checked_experiment,
    load,
    protocol,
    run_folder,
)
from lfp_tf.cli.refused_arguments import OF_SEGMENTATION, refuse
from lfp_tf.errors import LfpError

HELP = "write a network as a SavedModel for TensorFlow Serving"
EXAMPLE = """
lfp-tf export --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes \\
    --export_dir export/lfp
lfp-tf export --experiment pspnet101_cityscapes --checkpoint pspnet101.pth --export_dir out \\
    --protocol semseg --max_pixels 2097152
"""
PROTOCOLS = ("whole", "deeplab", "semseg")
DTYPES = ("float32", "bfloat16")
SIGNATURES = {
    "segmentation": ("serving_default", "images", "probabilities"),
    "classification": ("serving_default", "images"),
    "pose": ("serving_default", "images", "image_bytes_boxes", "images_boxes"),
}
_SCORES = ("best", "scores", "step", "split", "protocol")


def add_arguments(parser):
    """Adds the arguments of `lfp-tf export`."""
    add_network_arguments(parser)
    parser.add_argument("--export_dir", metavar="OUT", help="gets a folder a version")
    parser.add_argument("--version", type=int, help="whole number (the next free one)")
    add_protocol_arguments(parser, PROTOCOLS)
    graph = parser.add_argument_group("graph")
    graph.add_argument("--input_size", metavar="H,W", help="resize every picture (its own size)")
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
        "--max_pixels", type=int, default=8_388_608, help="of a picture (8388608, as 4096x2048)"
    )
    limits.add_argument("--max_batch", type=int, default=16, help="pictures (16)")


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
    check_protocol(arguments, PROTOCOLS)
    experiment = checked_experiment(arguments)
    if experiment.kind != "segmentation":
        why = f"is no option of exports for {experiment.kind}, as {experiment.name} is."
        refuse(arguments, OF_SEGMENTATION | {"input_size": None}, why)
    place = pathlib.Path(arguments.export_dir)
    if arguments.version and (place / str(arguments.version)).exists():
        raise LfpError(f"{place / str(arguments.version)} exists already; leave --version out.")
    print(_export(place, size, arguments))
    return 0


def input_size(text):
    """(height, width) of `H,W`, or None."""
    if text is None:
        return None
    words = text.split(",")
    if len(words) != 2 or not all(word.strip().isdecimal() and int(word) for word in words):
        raise LfpError(f"--input_size {text} must be HEIGHT,WIDTH in pixels, as 713,713.")
    return tuple(int(word) for word in words)


def _export(place, size, arguments):
    from lfp_tf.recipes.networks import own_checkpoint
    from lfp_tf.recipes.shipped import shipped
    from lfp_tf.serving.export import export
    from lfp_tf.serving.limits import Limits

    model = load(arguments)
    chosen = None
    if model.recipe.kind == "segmentation":
        chosen = protocol(model.recipe, arguments, default="whole")
    source = arguments.checkpoint or shipped(arguments.experiment)
    written = export(
        model,
        place,
        version=arguments.version,
        protocol=chosen,
        limits=Limits(arguments.max_pixels, arguments.max_batch, size),
        dtype=arguments.dtype,
        optimize=arguments.optimize,
        checkpoint=own_checkpoint(source) or source,
        scores=_known_scores(arguments),
    )
    what = "joints" if model.recipe.kind == "pose" else "classes"
    print(
        f"{arguments.experiment}: {len(model.recipe.classes)} {what}, signatures "
        f"{', '.join(SIGNATURES[model.recipe.kind])}\nnext: lfp-tf predict --saved_model {written} "
        "--out predictions PICTURE...",
        file=sys.stderr,
    )
    return written


def _known_scores(arguments):
    """What `metrics.json` beside the checkpoint says in short, or None."""
    import json

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
