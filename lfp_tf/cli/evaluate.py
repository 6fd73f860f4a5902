"""`lfp-tf evaluate`: a network's scores on a split, `metrics.json` and `report.html`."""

import pathlib
import sys

from lfp_tf.cli.crf_arguments import add_crf_arguments, check_crf, crf_options, crf_processes
from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    add_protocol_arguments,
    check_protocol,
    checked_experiment,
    load,
    protocol,
    run_folder,
)
from lfp_tf.data.description import read_dataset
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
    """Carries out `lfp-tf evaluate`; prints the table by class.

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
    splits = read_dataset(folder)["splits"]
    if arguments.split not in splits:
        raise LfpError(
            f'{folder} has no split "{arguments.split}"; it has {", ".join(sorted(splits))}.'
        )
    out = pathlib.Path(arguments.out) if arguments.out else _default_out(arguments)
    _evaluate(folder, out, splits[arguments.split]["count"], arguments)
    return 0


def _default_out(arguments):
    return (run_folder(arguments) or pathlib.Path("runs") / arguments.experiment) / "evaluation"


def _evaluate(folder, out, count, arguments):
    from lfp_tf.progress import Progress
    from lfp_tf.tasks.evaluation import evaluate, report, seen_in_training
    from lfp_tf.tasks.history import read_history

    model = load(arguments)
    recipe = model.recipe
    chosen = protocol(recipe, arguments, window_batch=arguments.window_batch)
    count = min(count, arguments.limit or count)
    crf, processes = crf_options(arguments), crf_processes(arguments)
    place = f"{processes} processes beside it" if processes else "its process"
    place = "every window" if chosen.name == "lfp" else place
    refined = f", then the dense CRF in {place}" if crf else ""
    print(
        f"{recipe.experiment}: {count} pictures of {folder} {arguments.split} by the protocol "
        f"{chosen.name} (flip {chosen.flip}, scales {list(chosen.scales)}){refined}, into {out}",
        file=sys.stderr,
    )
    if seen_in_training(recipe, arguments.split):
        print(
            f"warning: these weights were trained on {arguments.split} of {recipe.dataset}; the "
            "score tells nothing about new pictures.",
            file=sys.stderr,
        )
    with Progress("evaluate", total=count, unit="pictures") as line:
        found = evaluate(
            model,
            folder,
            split=arguments.split,
            protocol=chosen,
            limit=arguments.limit,
            progress=line,
            crf=crf,
            crf_processes=processes,
        )
    place = run_folder(arguments)
    path, facts = report(
        out,
        model,
        found,
        records=folder,
        split=arguments.split,
        protocol=chosen,
        checkpoint=arguments.checkpoint or "shipped with the library",
        history=read_history(place) if place else (),
    )
    print(table(facts))
    if "without_crf" in facts:
        print("\n".join(f"without CRF: {line}" for line in means(facts["without_crf"])))
    print(f"{path}\n{out / 'metrics.json'}")


def table(facts):
    """Scores by class and both means as aligned text, in per cent."""
    width = max(len(entry["name"]) for entry in facts["classes"])
    lines = [f"{'class':{width}}     IoU  accuracy        pixels"]
    for entry in facts["classes"]:
        iou, accuracy = (
            "-" if entry[name] is None else f"{100 * entry[name]:.2f}"
            for name in ("iou", "accuracy")
        )
        lines.append(f"{entry['name']:{width}}  {iou:>6}  {accuracy:>8}  {entry['pixels']:>12}")
    return "\n".join(lines + means(facts))


def means(facts):
    """A line a definition, in per cent."""
    lines = []
    for name, found in facts["scores"].items():
        own = ", the experiment's" if name == facts["mean_iou_definition"] else ""
        lines.append(
            f"mean IoU {100 * found['mIoU']:.2f}, mean accuracy {100 * found['mAcc']:.2f}, "
            f"pixel accuracy {100 * found['allAcc']:.2f}, "
            f"weighted IoU {100 * found['fwIoU']:.2f} (definition {name}{own})"
        )
    return lines
