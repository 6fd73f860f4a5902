"""The arguments that name a network and how it looks at a picture, shared by several commands."""

import pathlib

from lfp_tf.checkpoints.lineages import PRESET_NAMES
from lfp_tf.errors import LfpError, nearest
from lfp_tf.recipes import experiments
from lfp_tf.recipes.shipped import shipped

PROTOCOLS = ("whole", "deeplab", "semseg", "matlab", "tf1_whole", "lfp")
# What --flip means where a protocol runs without one; the others always flip in their own way.
_FLIPS = {"whole": "softmax", "deeplab": "softmax", "tf1_whole": "logit_sum"}


def add_network_arguments(parser):
    """--experiment, --checkpoint and --preset; returns their group."""
    group = parser.add_argument_group("network")
    group.add_argument("--experiment", help="its name; `lfp-tf experiments` lists them all")
    group.add_argument(
        "--checkpoint",
        help="a run's folder, a converted one, or any file that `convert` reads "
        "(the network that ships with the library, where there is one)",
    )
    group.add_argument("--preset", help=f"lineage of an old file: {', '.join(PRESET_NAMES)}")
    return group


def add_protocol_arguments(parser, protocols=PROTOCOLS):
    """--protocol, --flip and --scales; returns their group."""
    group = parser.add_argument_group("protocol")
    group.add_argument("--protocol", help=f"{', '.join(protocols)} (the experiment's)")
    group.add_argument("--flip", action="store_true", help="add the mirrored picture")
    group.add_argument(
        "--scales", nargs="+", metavar="S", help="as 0.5 1.0 1.5: average over these (1.0)"
    )
    if "lfp" in protocols:
        group.add_argument(
            "--second_softmax", action="store_true", help="lfp: flatten as the original did"
        )
    return group


def checked_experiment(arguments):
    """The experiment, after names and paths were looked at; no TensorFlow.

    Raises:
        LfpError: a misspelt or missing one.
    """
    if not arguments.experiment:
        raise LfpError("--experiment is missing; `lfp-tf experiments` lists them all.")
    experiments.find(arguments.experiment)
    experiment = experiments.read(arguments.experiment, preset=arguments.preset)
    check_exists(arguments.checkpoint or shipped(arguments.experiment), "--checkpoint")
    return experiment


def check_exists(path, flag):
    """Refuses a checkpoint's path that is neither a file, a folder nor a prefix."""
    if not (pathlib.Path(path).exists() or pathlib.Path(f"{path}.index").exists()):
        raise LfpError(f"{flag} {path} does not exist.")


def check_protocol(arguments, protocols=PROTOCOLS):
    """Refuses a misspelt protocol and scales that are no numbers above 0."""
    name = arguments.protocol
    if name is not None and name not in protocols:
        raise LfpError(
            f'No protocol "{name}" here.{nearest(name, protocols)} '
            f"There are {', '.join(protocols)}."
        )
    if getattr(arguments, "second_softmax", False) and name not in (None, "lfp"):
        raise LfpError(f"--second_softmax is for --protocol lfp, not {name}.")
    scales(arguments)


def scales(arguments):
    """The scales as numbers, or None."""
    if arguments.scales is None:
        return None
    words = [word for text in arguments.scales for word in text.split(",") if word]
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        values = ()
    if not values or not all(0 < value < 100 for value in values):
        raise LfpError(
            f"--scales {' '.join(arguments.scales)} must be numbers above 0, as 0.5 1.0 1.5."
        )
    return values


def protocol(recipe, arguments, *, default=None, window_batch=1):
    """The protocol of a loaded network's recipe with what the user changed.

    Args:
        recipe: `recipes.recipe.Recipe`.
        arguments: parsed, with `protocol`, `flip`, `scales`, perhaps `second_softmax`.
        default: name where the user gives none; None takes the recipe's.
        window_batch: windows through the network at once.
    """
    from lfp_tf.tasks.segmentation.prediction import protocol_of

    name = arguments.protocol or default or recipe.evaluation["protocol"]
    return protocol_of(
        recipe,
        name=name,
        flip=_FLIPS.get(name) if arguments.flip else None,
        scales=scales(arguments),
        window_batch=window_batch,
        second_softmax=getattr(arguments, "second_softmax", False),
    )


def load(arguments):
    """The network with its weights; the report goes to standard error."""
    import sys

    from lfp_tf.recipes import networks

    model, report = networks.load(
        arguments.experiment, arguments.checkpoint, preset=arguments.preset
    )
    if report:
        print(report, file=sys.stderr)
    return model


def run_folder(arguments):
    """The folder of the run that a checkpoint belongs to, or None for single files."""
    if not arguments.checkpoint:
        return None
    path = pathlib.Path(arguments.checkpoint)
    if path.is_dir():
        return path
    return path.parent if pathlib.Path(f"{path}.index").exists() else None


def weights_facts(arguments):
    """{"checkpoint": how a report calls the weights, "history": of their run, where it is one}."""
    from lfp_tf.training.history import read_history

    folder = run_folder(arguments)
    return {
        "checkpoint": arguments.checkpoint or "shipped with the library",
        "history": read_history(folder) if folder else (),
    }
