"""`lfp-tf evaluate` of a classifier: top-1 and top-5, `metrics.json` and `report.html`."""

import sys

from lfp_tf.cli.network_arguments import load, weights_facts
from lfp_tf.cli.refused_arguments import OF_SEGMENTATION, refuse
from lfp_tf.data.description import read_split


def evaluate(experiment, folder, out, arguments):
    """Scores the classifier and prints the table by class.

    Args:
        experiment: `recipes.experiments.Experiment`.
        folder: of the records, which have the split asked for.
        out: where the two files go.
        arguments: of `lfp-tf evaluate`, names, numbers and paths already checked.

    Raises:
        LfpError: flags that are for segmentation, or records that do not fit.
        WorkFailed: see `tasks.classification.evaluation.evaluate`.
    """
    why = f"is for segmentation; {experiment.name} names one class for each whole picture."
    refuse(arguments, OF_SEGMENTATION, why)
    dataset = read_split(folder, arguments.split, "classification")
    _evaluate(folder, out, dataset["splits"][arguments.split]["count"], arguments)


def _evaluate(folder, out, count, arguments):
    from lfp_tf.progress import Progress
    from lfp_tf.tasks.classification import evaluation as scoring
    from lfp_tf.tasks.classification import prediction as classifying
    from lfp_tf.tasks.evaluation_facts import seen_warning

    model = load(arguments)
    recipe, split = model.recipe, arguments.split
    count = min(count, arguments.limit or count)
    cut = classifying.describe_protocol(recipe)
    print(
        f"{recipe.experiment}: {count} pictures of {folder} {split}, the middle "
        f"{cut['crop'][0]} x {cut['crop'][1]} of each with its shorter side at {cut['shortest']} "
        f"pixels, into {out}",
        file=sys.stderr,
    )
    if warning := seen_warning(recipe, split):
        print(warning, file=sys.stderr)
    with Progress("evaluate", total=count, unit="pictures") as line:
        found = scoring.evaluate(model, folder, split=split, limit=arguments.limit, progress=line)
    path, facts = scoring.report(
        out,
        model,
        found,
        records=folder,
        split=split,
        **weights_facts(arguments),
    )
    print(class_table(facts))
    print(f"{path}\n{out / 'metrics.json'}")


def class_table(facts):
    """Accuracies by class and of the whole as aligned text, in per cent."""
    width = max(len("class"), *(len(entry["name"]) for entry in facts["classes"]))
    lines = [f"{'class':{width}}   top-1   top-5  pictures"]
    for entry in facts["classes"]:
        shares = (_percent(entry[name]) for name in ("top1", "top5"))
        row = "  ".join(f"{share:>6}" for share in shares)
        lines.append(f"{entry['name']:{width}}  {row}  {entry['pictures']:>8}")
    scores = facts["scores"]
    lines.append(
        f"top-1 accuracy {_percent(scores['top1_accuracy'])} (error "
        f"{_percent(scores['top1_error'])}), top-5 accuracy {_percent(scores['top5_accuracy'])} "
        f"(error {_percent(scores['top5_error'])}), mean of the classes' top-1 "
        f"{_percent(scores['mean_class_accuracy'])}, over {len(facts['pictures'])} pictures"
    )
    return "\n".join(lines)


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f}"
