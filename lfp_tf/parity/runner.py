"""Runs golden cases, which alone decide what is built and compared."""

import dataclasses
import importlib
import json
import pathlib
import time
import traceback
from collections.abc import Sequence

from lfp_tf.errors import LfpError, nearest
from lfp_tf.parity.golden import Case
from lfp_tf.parity.golden import cases as read_cases
from lfp_tf.parity.words import NotAtHand

# A golden folder's name is its system; each lists its kinds in `KINDS`.
SYSTEMS = {
    "pspnet": "lfp_tf.parity.pspnet.kinds",
    "deeplabv2": "lfp_tf.parity.deeplabv2.kinds",
    "lfp": "lfp_tf.parity.lfp.kinds",
    "fpt": "lfp_tf.parity.fpt.kinds",
    "maskx": "lfp_tf.parity.maskx.kinds",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one case; no problems mean that it holds.

    `needs` says what the user must give for the case to be run; it was not run where it says so.
    """

    system: str
    id: str
    kind: str
    problems: list
    seconds: float
    needs: str = ""

    @property
    def passed(self) -> bool:
        """Whether the case was run and holds."""
        return not self.problems and not self.needs


def find_cases(
    folders: Sequence,
    *,
    kinds: Sequence = (),
    without: Sequence = (),
    match: str = "",
    slow: bool = False,
) -> list[tuple[str, Case]]:
    """The cases of some golden folders, or of the golden folders inside them.

    Args:
        folders: paths.
        kinds: only these kinds, if any are given.
        without: not these kinds.
        match: a text that the id must contain.
        slow: slow cases too.

    Returns:
        List of (system, case).

    Raises:
        LfpError: a folder without `cases.json`, or of no known system.
    """
    pairs = []
    for folder in map(pathlib.Path, folders):
        inner = sorted(path.parent for path in folder.glob("*/cases.json"))
        for place in [folder] if (folder / "cases.json").exists() else inner:
            system = place.resolve().name
            if system not in SYSTEMS:
                raise LfpError(f"{place} is of no known system.{nearest(system, SYSTEMS)}")
            pairs += [(system, case) for case in _cases(place)]
        if not (folder / "cases.json").exists() and not inner:
            raise LfpError(f"{folder} holds no cases.json; give a folder of golden cases.")
    return [
        (system, case)
        for system, case in pairs
        if (not kinds or case.kind in kinds)
        and case.kind not in without
        and match in case.id
        and (slow or not case.entry.get("slow"))
    ]


def run_case(system: str, case: Case) -> Outcome:
    """Runs one case.

    Returns:
        `Outcome`; whatever goes wrong in the case is one of its problems.
    """
    begin, needs = time.monotonic(), ""
    try:
        kinds = importlib.import_module(SYSTEMS[system]).KINDS
        if case.kind not in kinds:
            problems = [f'unknown kind "{case.kind}"']
        else:
            problems = case.problems(kinds[case.kind](case))
    except NotAtHand as error:
        problems, needs = [], str(error)
    except LfpError as error:
        problems = [str(error)]
    except Exception as error:  # noqa: BLE001 - a broken case must not end the others
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{pathlib.Path(place.filename).name}:{place.lineno}"
        problems = [f"{type(error).__name__}: {error} ({where})"]
    return Outcome(system, case.id, case.kind, problems, time.monotonic() - begin, needs)


def _cases(folder):
    try:
        return read_cases(folder)
    except (OSError, ValueError, KeyError) as error:
        raise LfpError(f"{folder / 'cases.json'} cannot be read as cases ({error}).") from error


def write_outcomes(path: str, outcomes: list) -> None:
    """Writes the outcomes as JSON."""
    text = json.dumps([dataclasses.asdict(outcome) for outcome in outcomes], indent=1)
    pathlib.Path(path).write_text(text + "\n", encoding="utf-8")
