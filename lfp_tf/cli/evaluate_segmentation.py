"""`lfp-tf evaluate` of segmentation networks: scores by class, with or without the dense CRF."""

import sys

from lfp_tf.cli.crf_arguments import crf_options, crf_processes
from lfp_tf.cli.network_arguments import load, protocol, weights_facts
from lfp_tf.data.description import read_dataset


def evaluate(experiment, folder, out, arguments):
    """Scores a split of records and writes `metrics.json` and `report.html`.

    Args:
        experiment: `recipes.experiments.Experiment`.
        folder: of the records, which have the split.
        out: where to.
        arguments: those of `lfp-tf evaluate`, checked.
    """
    from lfp_tf.progress import Progress
    from lfp_tf.tasks.evaluation_facts import seen_warning
    from lfp_tf.tasks.segmentation.evaluation import evaluate, report

    model = load(arguments)
    recipe = model.recipe
    chosen = protocol(recipe, arguments, window_batch=arguments.window_batch)
    count = read_dataset(folder)["splits"][arguments.split]["count"]
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
    if warning := seen_warning(recipe, arguments.split):
        print(warning, file=sys.stderr)
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
    path, facts = report(
        out,
        model,
        found,
        records=folder,
        split=arguments.split,
        protocol=chosen,
        **weights_facts(arguments),
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
