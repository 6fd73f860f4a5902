"""`lfp-tf data`: checks a data set and writes it as sharded TFRecords."""

import argparse
import os
import pathlib
import sys

from lfp_tf.data.datasets.catalog import DATASETS, dataset
from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks import catalog

HELP = "check a data set and write it as sharded TFRecords"
EXAMPLE = """\
lfp-tf data scenes                                      # drawn, needs no download
lfp-tf data cityscapes --source /data/cityscapes --check
lfp-tf data cityscapes --source /data/cityscapes --out data/cityscapes
lfp-tf data folder --source my_images --out data/mine --show 8"""


def add_arguments(parser):
    """Adds the arguments of `lfp-tf data` and the options of every data set."""
    sets = "\n".join(f"  {name:17} {module.summary}" for name, module in DATASETS.items())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"data sets:\n{sets}"
    parser.add_argument("dataset", metavar="DATASET", help="a name from the list below")
    group = parser.add_argument_group("where")
    group.add_argument("--source", metavar="DIR", help="the data set as it was downloaded")
    group.add_argument("--out", metavar="DIR", help="where to write (default data/DATASET)")
    group.add_argument("--overwrite", action="store_true", help="replace other records in --out")
    group = parser.add_argument_group("what")
    group.add_argument("--check", action="store_true", help="look at every file, write no records")
    group.add_argument("--show", type=int, metavar="N", help="draw N images into OUT/show")
    group.add_argument("--splits", metavar="A,B", help="only these splits (default all)")
    group.add_argument("--shards", type=int, metavar="N", help="files a split (default by size)")
    group.add_argument("--workers", type=int, metavar="N", help="processes (default all cores)")
    group.add_argument(
        "--max_pixels", type=int, metavar="N", help="refuse larger images (default 178956970)"
    )
    group = parser.add_argument_group("options of some data sets")
    for name, takers in _options_by_name().items():
        text = "; ".join(f"{taker}: {option.help}" for taker, option in takers.items())
        is_flag = all(option.parse is None for option in takers.values())
        kind = {"action": "store_true", "default": None} if is_flag else {"metavar": "X"}
        group.add_argument(f"--{name}", help=text, **kind)


def run(arguments):
    """Carries out `lfp-tf data`.

    Returns:
        The exit status, 0.

    Raises:
        LfpError: a name, a path, an option or the data set itself is not as it must be.
        WorkFailed: the disk is full, or a worker died.
    """
    module = dataset(arguments.dataset)
    options = _options(module, arguments)
    out = pathlib.Path(arguments.out or pathlib.Path("data") / module.name)
    _check_numbers(arguments)
    _check_out(out)
    if module.needs_source and arguments.source is None:
        raise LfpError(f"{module.name} needs --source DIR, the folder that holds {module.layout}.")
    _prepare(module.plan(arguments.source, **options), out, arguments)
    return 0


def _prepare(plan, out, arguments):
    from lfp_tf.data.plan import with_max_pixels
    from lfp_tf.data.prepare import show_samples, write_plan

    workers = arguments.workers or os.cpu_count()
    if arguments.max_pixels:
        plan = with_max_pixels(plan, arguments.max_pixels)
    _keep_splits(plan, arguments.splits)
    census = _census(plan, workers)
    census.refuse(arguments.source)
    if arguments.show:
        for path in show_samples(plan, census, out / "show", arguments.show):
            print(path)
    if arguments.check:
        _report_check(plan, census, arguments.source)
        return
    write_plan(
        plan,
        census,
        out,
        num_shards=arguments.shards,
        workers=workers,
        overwrite=arguments.overwrite,
    )
    for split, samples in census.samples.items():
        print(f"{out}: {len(samples)} {split} records")
    _say(f"Next: lfp-tf train --experiment E --data_dir {out}; `lfp-tf experiments` lists them.")


def _options_by_name():
    """{option: {data set: its Option}} over all data sets."""
    found = {}
    for module in DATASETS.values():
        for name, option in module.options.items():
            found.setdefault(name, {})[module.name] = option
    return found


def _options(module, arguments):
    """The options given, for this data set's `plan`; one that it does not take is an error."""
    options = {}
    for name in _options_by_name():
        text = getattr(arguments, name)
        if text is None:
            continue
        if name not in module.options:
            takes = ", ".join(f"--{option}" for option in module.options) or "no options of its own"
            raise LfpError(f"--{name} is not for {module.name}, which takes {takes}.")
        options[name] = module.options[name].read(name, text)
    return options


def _check_numbers(arguments):
    for name in ("show", "shards", "workers", "max_pixels"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise LfpError(f"--{name} is a whole number from 1 on, not {value}.")


def _check_out(out):
    """Refuses an --out that can never be written, before every file is read."""
    place = out.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise LfpError(f"{place} is a file, so {out} cannot be written; give another --out.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise LfpError(f"{place} cannot be written (Permission denied); give another --out.")


def _keep_splits(plan, text):
    if text is None:
        return
    wanted = [word.strip() for word in text.split(",")]
    for split in wanted:
        if split not in plan.splits:
            raise LfpError(
                f'{plan.name} has no split "{split}" here.{nearest(split, plan.splits)} '
                f"It has {', '.join(plan.splits)}."
            )
    for split in set(plan.splits) - set(wanted):
        del plan.splits[split]


def _census(plan, workers):
    from lfp_tf.data.census import first_of, take_census
    from lfp_tf.progress import Progress

    counts = ", ".join(f"{len(samples)} {split}" for split, samples in plan.splits.items())
    task = _task(plan)
    _say(f"{plan.name}: {len(plan.table)} {task.outputs}, {counts} {task.counted}")
    for note in plan.notes:
        _say(note)
    if plan.inspect is None:
        return take_census(plan)
    total = sum(map(len, plan.splits.values()))
    with Progress("checking", total=total, unit=task.counted) as progress:
        census = take_census(plan, workers=workers, progress=progress)
    broken = [text for texts in census.broken.values() for text in texts]
    if broken:
        _say(f"Left out, because they cannot be used ({len(broken)}):\n{first_of(broken, chr(10))}")
    return census


def _report_check(plan, census, source):
    broken = sum(map(len, census.broken.values()))
    if broken:
        counted = _task(plan).counted
        raise LfpError(f"{source} has {broken} {counted} that cannot be used, named above.")
    for split, samples in census.samples.items():
        print(f"{plan.name} {split}: {len(samples)} {_task(plan).counted}, no problems")


def _task(plan):
    """The task whose words a plan is told in: the first that its records serve."""
    return catalog.named(plan.tasks[0])


def _say(text):
    print(text, file=sys.stderr)
