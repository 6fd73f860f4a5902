"""`lfp-tf evaluate`: a network's scores on a split, `metrics.json` and `report.html`."""

import argparse
import pathlib

from lfp_tf.cli.checks import check_at_least_one
from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    checked_experiment,
    load,
    run_folder,
    weights_facts,
)
from lfp_tf.cli.output import say, show
from lfp_tf.cli.task_options import add_task_options, check_task_options
from lfp_tf.data.description import read_split
from lfp_tf.progress import Progress
from lfp_tf.tasks import catalog

HELP = "score a network by a named protocol; writes metrics.json and report.html"
EXAMPLE = """
lfp-tf evaluate --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes
lfp-tf evaluate --experiment pspnet50_ade20k --checkpoint pspnet50.pth --protocol semseg \\
    --scales 0.5 0.75 1.0 1.25 1.5 1.75
lfp-tf evaluate --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes --crf
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf evaluate`."""
    add_network_arguments(parser)
    group = parser.add_argument_group("data")
    group.add_argument("--data_dir", metavar="DIR", help="the folder of records (data/DATASET)")
    group.add_argument("--split", default="val", help="which records (val)")
    group.add_argument("--limit", type=int, metavar="N", help="only the first N images or people")
    add_task_options(parser, "evaluate")
    parser.add_argument(
        "--out", metavar="DIR", help="of the two files (evaluation/ in the run's folder)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, scores the network and prints the table by class, or by joint.

    Raises:
        LfpError: a name, path or number that is not as it must be; records of other classes.
    """
    check_at_least_one(arguments, "limit")
    experiment = checked_experiment(arguments)
    check_task_options(arguments, "evaluate", experiment.task)
    records = pathlib.Path(arguments.data_dir or f"data/{experiment.dataset}")
    dataset = read_split(records, arguments.split, experiment.task)
    out = pathlib.Path(arguments.out) if arguments.out else _default_out(arguments)
    count = dataset["splits"][arguments.split]["count"]
    _evaluate(experiment, records, out, min(count, arguments.limit or count), arguments)
    return 0


def _default_out(arguments):
    return (run_folder(arguments) or pathlib.Path("runs") / arguments.experiment) / "evaluation"


def _evaluate(experiment, records, out, count, arguments):
    from lfp_tf.tasks.evaluation_facts import seen_warning

    task, split = experiment.task, arguments.split
    own, scoring = catalog.part(task, "arguments"), catalog.part(task, "evaluation")
    model = load(arguments)
    protocol = own.protocol(model.recipe, arguments, "evaluate")
    say(
        f"{experiment.name}: {count} {task.counted} of {records} {split} "
        f"{own.describe(protocol, arguments)}, into {out}"
    )
    if warning := seen_warning(model.recipe, split, task.counted):
        say(warning)
    with Progress("evaluate", total=count, unit=task.counted) as progress:
        scores = scoring.evaluate(
            model,
            records,
            split=split,
            protocol=protocol,
            limit=arguments.limit,
            progress=progress,
            **own.evaluation_options(arguments),
        )
    report, facts = scoring.report(
        out, model, scores, records=records, split=split, **weights_facts(arguments)
    )
    show(own.table(facts))
    show(f"{report}\n{out / 'metrics.json'}")
