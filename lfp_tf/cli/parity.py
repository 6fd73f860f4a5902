"""`lfp-tf parity`: our networks against the numbers that the originals gave."""

import argparse
import os
import pathlib
import sys

from lfp_tf.cli.output import show
from lfp_tf.errors import LfpError

HELP = "run golden cases: the originals' numbers against ours"
EXAMPLE = """
lfp-tf parity tests/golden/pspnet
lfp-tf parity tests/golden --kind forward --match torch50
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf parity`."""
    parser.add_argument("folders", nargs="+", metavar="DIR", help="folders of golden cases")
    parser.add_argument("--kind", action="append", default=[], help="only this kind; repeatable")
    parser.add_argument("--without", action="append", default=[], help="not this kind")
    parser.add_argument("--match", default="", help="only ids that contain this text")
    parser.add_argument("--slow", action="store_true", help="slow cases too")
    parser.add_argument("--json", help="write the outcomes to this file")


def run(arguments: argparse.Namespace) -> int:
    """Runs the cases, prints a line per case and a count; 1 if any fails.

    Raises:
        LfpError: no such folder, or no case is left to run.
    """
    _check_folders(arguments.folders)
    # Its sums depend on the number of threads; those of the plain kernels lie closer to the exact.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    from lfp_tf.parity.runner import find_cases, run_case, write_outcomes

    cases = find_cases(
        arguments.folders,
        kinds=arguments.kind,
        without=arguments.without,
        match=arguments.match,
        slow=arguments.slow,
    )
    if not cases:
        raise LfpError("No case is left to run; are --kind, --match and --without as meant?")
    outcomes = []
    for system, case in cases:
        outcomes.append(run_case(system, case))
        _print(system, outcomes[-1])
    run = [outcome for outcome in outcomes if not outcome.needs]
    num_passed = sum(outcome.passed for outcome in run)
    not_run = len(outcomes) - len(run)
    show(f"{num_passed} of {len(run)} cases hold" + (f", {not_run} not run" if not_run else ""))
    if arguments.json:
        write_outcomes(arguments.json, outcomes)
    return 0 if num_passed == len(run) else 1


def _check_folders(folders):
    for folder in folders:
        if not pathlib.Path(folder).is_dir():
            raise LfpError(
                f"{folder} is no folder; give one that holds cases.json (a checkout of the library "
                "has them in tests/golden)."
            )


def _print(system, outcome):
    verdict = "not run" if outcome.needs else "ok" if outcome.passed else "FAILED"
    show(f"{verdict:7} {system}/{outcome.id} ({outcome.kind}, {outcome.seconds:.1f} s)")
    for text in [*outcome.problems, *filter(None, [outcome.needs])]:
        show(f"        {text}")
    sys.stdout.flush()
