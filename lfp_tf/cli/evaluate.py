"""`lfp-tf evaluate`: a network's scores on a split, `metrics.json` and `report.html`."""

import importlib
import pathlib

from lfp_tf.cli.crf_arguments import add_crf_arguments, check_crf
from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    add_protocol_arguments,
    check_protocol,
    checked_experiment,
    run_folder,
)
from lfp_tf.data.description import read_split
from lfp_tf.errors import LfpError

HELP = "score a network by a named protocol; writes metrics.json and report.html"
EXAMPLE = """
lfp-tf evaluate --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes
lfp-tf evaluate --experiment pspnet50_ade20k --checkpoint pspnet50.pth --protocol semseg \\
    --scales 0.5 0.75 1.0 1.25 1.5 1.75
lfp-tf evaluate --experiment pspnet18_scenes --crf
"""


def add_arguments(parser):
    """Adds the arguments of `lfp-tf evaluate`."""
    add_network_arguments(parser)
    group = parser.add_argument_group("data")
    group.add_argument("--data_dir", metavar="DIR", help="the folder of records (data/DATASET)")
    group.add_argument("--split", default="val", help="which records (val)")
    group.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    group = add_protocol_arguments(parser)
    group.add_argument(
        "--window_batch", type=int, default=1, metavar="N", help="windows at once (1)"
    )
    add_crf_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", help="of the two files (evaluation/ in the run's folder)"
    )


def run(arguments):
    """Carries out `lfp-tf evaluate`; prints the table by class, or by joint.

    Raises:
        LfpError: a name, path or number that is not as it must be; records of other classes.
    """
    check_protocol(arguments)
    check_crf(arguments)
    for name in ("limit", "window_batch"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise LfpError(f"--{name} must be at least 1, not {value}.")
    experiment = checked_experiment(arguments)
    folder = pathlib.Path(arguments.data_dir or f"data/{experiment.dataset}")
    read_split(folder, arguments.split, experiment.kind)
    out = pathlib.Path(arguments.out) if arguments.out else _default_out(arguments)
    importlib.import_module(f"lfp_tf.cli.evaluate_{experiment.kind}").evaluate(
        experiment, folder, out, arguments
    )
    return 0


def _default_out(arguments):
    return (run_folder(arguments) or pathlib.Path("runs") / arguments.experiment) / "evaluation"
