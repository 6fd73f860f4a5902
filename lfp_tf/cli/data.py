"""`lfp-tf data`: checks a data set and writes it as sharded TFRecords."""

import argparse
import os
import pathlib

from lfp_tf.cli.checks import check_at_least_one
from lfp_tf.cli.next_commands import after_data, next_lines
from lfp_tf.cli.output import say, show
from lfp_tf.data.census import Census, take_census
from lfp_tf.data.datasets.catalog import DATASETS, dataset
from lfp_tf.data.datasets.folders import refuse_links_outside
from lfp_tf.data.label_shares import shares_table
from lfp_tf.data.plan import Judgement, with_max_pixels
from lfp_tf.data.prepare import show_samples, write_plan
from lfp_tf.errors import LfpError, first_of, nearest
from lfp_tf.progress import Progress
from lfp_tf.tasks import catalog
from lfp_tf.workers import available_cores

HELP = "check a data set and write it as sharded TFRecords"
EXAMPLE = """\
lfp-tf data scenes                                      # drawn, needs no download
lfp-tf data cityscapes --source /data/cityscapes --check
lfp-tf data cityscapes --source /data/cityscapes --out data/cityscapes
lfp-tf data folder --source my_images --out data/mine --show 8"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf data` and the options of every data set."""
    lines = "\n".join(f"  {name:17} {entry.summary}" for name, entry in DATASETS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"data sets:\n{lines}"
    parser.add_argument("dataset", metavar="DATASET", help="a name from the list below")
    group = parser.add_argument_group("where")
    group.add_argument("--source", metavar="DIR", help="the data set as it was downloaded")
    group.add_argument(
        "--follow_links", action="store_true", help="read what links lead to outside of --source"
    )
    group.add_argument("--out", metavar="DIR", help="where to write (default data/DATASET)")
    group.add_argument("--overwrite", action="store_true", help="replace other records in --out")
    group = parser.add_argument_group("what")
    group.add_argument("--check", action="store_true", help="check every file, write no records")
    group.add_argument("--show", type=int, metavar="N", help="draw N images into OUT/show")
    group.add_argument("--splits", metavar="A,B", help="only these splits (default all)")
    group.add_argument("--shards", type=int, metavar="N", help="files per split (default by size)")
    group.add_argument(
        "--workers", type=int, metavar="N", help="processes (as many as usable cores)"
    )
    group.add_argument(
        "--max_pixels", type=int, metavar="N", help="refuse larger images (default 178956970)"
    )
    group = parser.add_argument_group("options of some data sets")
    for name, options in _options_by_name().items():
        text = _help_of(options)
        if all(option.parse is None for option in options.values()):
            group.add_argument(f"--{name}", action="store_true", default=None, help=text)
        else:
            group.add_argument(f"--{name}", metavar="X", help=text)


def _help_of(options):
    """What an option means to each data set; those of one meaning are named together."""
    owners = {}
    for owner, option in options.items():
        owners.setdefault(option.help, []).append(owner)
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in owners.items())


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, inspects every file, then draws, reports or writes.

    Raises:
        LfpError: a name, a path, an option or the data set itself is not as it must be.
        WorkFailed: the disk is full, or a worker died.
    """
    chosen = dataset(arguments.dataset)
    options = _options(chosen, arguments)
    out = pathlib.Path(arguments.out or pathlib.Path("data") / chosen.name)
    check_at_least_one(arguments, "show", "shards", "workers", "max_pixels")
    _check_out(out)
    if chosen.needs_source and arguments.source is None:
        raise LfpError(f"{chosen.name} needs --source DIR, the folder that holds {chosen.layout}.")

    if arguments.source is not None and not arguments.follow_links:
        _check_links(arguments.source)
    names = _split_names(arguments.splits)
    # Names that the data set cannot have are told below, among those that it has here.
    asked = names if names and set(names) <= set(chosen.splits) else None
    plan = chosen.plan(arguments.source, asked, **options)
    if arguments.max_pixels:
        plan = with_max_pixels(plan, arguments.max_pixels)
    _keep_splits(plan, names)
    workers = arguments.workers or available_cores()
    census = _inspect(plan, workers)
    census.refuse(arguments.source)
    _judge(plan, census, arguments)
    if arguments.show:
        for path in show_samples(plan, census, out / "show", arguments.show):
            show(path)
    if arguments.check:
        _report(plan, census, arguments.source)
    else:
        _write(plan, census, out, workers, arguments)
    return 0


def _check_links(source):
    if os.path.isdir(source):  # The data set says what is amiss where it is no folder.
        refuse_links_outside(source)


def _options_by_name():
    """{option: {data set: its Option}} over all data sets."""
    options = {}
    for entry in DATASETS.values():
        for name, option in entry.options.items():
            options.setdefault(name, {})[entry.name] = option
    return options


def _options(chosen, arguments):
    """The options given, for this data set's `plan`; one that it does not take is an error."""
    options = {}
    for name in _options_by_name():
        text = getattr(arguments, name)
        if text is None:
            continue
        if name not in chosen.options:
            takes = ", ".join(f"--{option}" for option in chosen.options)
            takes = takes or "no options of its own"
            raise LfpError(f"--{name} is not for {chosen.name}, which takes {takes}.")
        options[name] = chosen.options[name].read(name, text)
    return options


def _check_out(out):
    """Refuses an --out that can never be written, before every file is read."""
    place = out.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise LfpError(f"{place} is a file, so {out} cannot be written; give another --out.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise LfpError(f"{place} cannot be written (Permission denied); give another --out.")


def _split_names(text):
    return None if text is None else [word.strip() for word in text.split(",")]


def _keep_splits(plan, names):
    """Takes the splits that were not asked for out of the plan."""
    if names is None:
        return
    for name in names:
        if name not in plan.splits:
            raise LfpError(
                f'{plan.name} has no split "{name}" here.{nearest(name, plan.splits)} '
                f"It has {', '.join(plan.splits) or 'no other of these'}."
            )
    for name in set(plan.splits) - set(names):
        del plan.splits[name]


def _inspect(plan, workers) -> Census:
    """The census, after the data set is announced; what is left out is named."""
    counts = ", ".join(f"{len(samples)} {split}" for split, samples in plan.splits.items())
    task = _task(plan)
    say(f"{plan.name}: {len(plan.table)} {task.outputs}, {counts} {task.counted}")
    for note in plan.notes:
        say(note)
    if plan.inspect is None:
        return take_census(plan)
    total = sum(map(len, plan.splits.values()))
    with Progress("checking", total=total, unit=task.counted) as progress:
        census = take_census(plan, workers=workers, progress=progress)
    broken = [text for texts in census.broken.values() for text in texts]
    if broken:
        say(f"Left out, because they cannot be used ({len(broken)}):\n{first_of(broken, chr(10))}")
    return census


def _judge(plan, census, arguments):
    """Tells the share of every label value; refuses labels that teach nothing."""
    if not census.label_pixels:
        return
    _tell_shares(plan, census.label_pixels, arguments)
    judgement = plan.judge(census.label_pixels) if plan.judge else Judgement()
    for warning in judgement.warnings:
        say(f"Warning: {warning}")
    if judgement.problems:
        raise LfpError("\n".join(f"{arguments.source}: {text}" for text in judgement.problems))


def _tell_shares(plan, pixels, arguments):
    """Prints the table of shares: the result of a check, news of a run that writes."""
    tell = print if arguments.check else say
    tell("\n".join(shares_table(plan.table.names, pixels)))


def _report(plan, census, source):
    counted = _task(plan).counted
    num_broken = sum(map(len, census.broken.values()))
    if num_broken:
        raise LfpError(f"{source} has {num_broken} {counted} that cannot be used, named above.")
    for split, samples in census.samples.items():
        show(f"{plan.name} {split}: {len(samples)} {counted}, no problems")


def _write(plan, census, out, workers, arguments):
    splits = write_plan(
        plan,
        census,
        out,
        num_shards=arguments.shards,
        workers=workers,
        overwrite=arguments.overwrite,
    )
    for split, samples in census.samples.items():
        show(f"{out}: {len(samples)} {split} records")
    if plan.inspect is None:  # The labels of drawn images are not known before.
        counts = {split: facts["label_pixels"].items() for split, facts in splits.items()}
        pixels = {split: {int(k): n for k, n in pairs} for split, pairs in counts.items()}
        _tell_shares(plan, pixels, arguments)
    say(next_lines(*after_data(plan.name, out, census.samples)))


def _task(plan):
    """The task whose words a plan is announced in: the first that its records serve."""
    return catalog.named(plan.tasks[0])
