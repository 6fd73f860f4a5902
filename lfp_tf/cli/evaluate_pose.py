"""What `lfp-tf evaluate` does with an experiment for pose: PCKh or PCK by joint."""

import sys

from lfp_tf.cli.network_arguments import load, scales, weights_facts
from lfp_tf.cli.refused_arguments import OF_SEGMENTATION, refuse

_ALSO_OF_POSE = ("flip", "scales")


def check_arguments(arguments):
    """Refuses flags that say how pictures are segmented; no TensorFlow.

    Args:
        arguments: of `evaluate` or `predict`.

    Raises:
        LfpError: one of them, or scales that are no numbers above 0.
    """
    flags = {name: unset for name, unset in OF_SEGMENTATION.items() if name not in _ALSO_OF_POSE}
    refuse(arguments, flags, "is for segmentation; a network for pose takes --flip and --scales.")
    scales(arguments)


def evaluate(experiment, folder, out, arguments):
    """Carries out `lfp-tf evaluate` for checked names and paths; prints the table by joint.

    Args:
        experiment: `recipes.experiments.Experiment`, of the kind `pose`.
        folder: of the records.
        out: where the two files go.
        arguments: parsed.

    Raises:
        LfpError: flags of other kinds, records that do not fit.
    """
    check_arguments(arguments)
    from lfp_tf.progress import Progress
    from lfp_tf.tasks.evaluation_facts import comparable_split, seen_warning
    from lfp_tf.tasks.pose import evaluation as evaluation_pose

    model = load(arguments)
    recipe, split = model.recipe, arguments.split
    count = comparable_split(recipe, folder, split, "pose")["splits"][split]["count"]
    count = min(count, arguments.limit or count)
    own = recipe.evaluation
    flip, factors = arguments.flip or own["flip"], tuple(scales(arguments) or own["scales"])
    print(
        f"{experiment.name}: {count} people of {folder} {split} by {own['score']} "
        f"(flip {flip}, scales {list(factors)}), into {out}",
        file=sys.stderr,
    )
    if warning := seen_warning(recipe, split, "people"):
        print(warning, file=sys.stderr)
    with Progress("evaluate", total=count, unit="people") as line:
        found = evaluation_pose.evaluate(
            model,
            folder,
            split=split,
            flip=flip,
            scales=factors,
            score=own["score"],
            limit=arguments.limit,
            progress=line,
        )
    path, facts = evaluation_pose.report(
        out,
        model,
        found,
        records=folder,
        split=split,
        **weights_facts(arguments),
    )
    print(table(facts))
    print(f"{path}\n{out / 'metrics.json'}")


def table(facts):
    """Right joints and what chance reaches, in per cent, as aligned text."""
    own, guessed = facts["scores"], facts["chance"]
    rows = [(e["name"], e["rate"], e["chance"], str(e["annotated"])) for e in facts["joints"]]
    for name, rate in own["groups"].items():
        rows.append((f"{name}, group", rate, guessed["groups"][name], ""))
    rows += [
        ("mean over joints", own["mean"], guessed["mean"], ""),
        ("all joints alike", own["all_joints"], guessed["all_joints"], ""),
    ]
    width = max(len(row[0]) for row in rows)
    lines = [f"{'joint':{width}}   right  chance  annotated"]
    for name, rate, chance, count in rows:
        shown = ("-" if share is None else f"{100 * share:.2f}" for share in (rate, chance))
        lines.append("{:{}}  {:>6}  {:>6}  {:>9}".format(name, width, *shown, count).rstrip())
    score = facts["score"]
    lines.append(
        f"{score['name']} {100 * own['mean']:.2f} over {own['people']} people, chance "
        f"{100 * guessed['mean']:.2f}; {own['left_out']} without a {score['unit']} left out"
    )
    return "\n".join(lines)
