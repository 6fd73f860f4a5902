"""Putting a file's arrays into a network, with a strict report of what fitted and what did not."""

import dataclasses
import re

import numpy as np

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.names import deeplab, lfp, pspnet
from lfp_tf.checkpoints.presets import preset_options
from lfp_tf.errors import LfpError

TRANSLATIONS = pspnet.TRANSLATIONS | deeplab.TRANSLATIONS | lfp.TRANSLATIONS
SHOWN = 12
# What a graph cannot undo: the file's preset must agree with the network in these.
_FIXED_BY_THE_GRAPH = ("stride_in", "padding", "pooling", "stem")


@dataclasses.dataclass
class Report:
    """What a file gave a network.

    Attributes:
        lineage: where the file comes from, one word.
        loaded: our names that were filled.
        missing: our names that the file does not have.
        mismatched: {our name: (our shape, the file's shape)}.
        unused: the file's names that nobody took.
        skipped: the file's names left by a trainer (momentum, counters).
        notes: sentences on what was permuted or taken over.
        preprocess: the preprocessing that goes with the file, or None where it is not known.
    """

    lineage: str
    loaded: list = dataclasses.field(default_factory=list)
    missing: list = dataclasses.field(default_factory=list)
    mismatched: dict = dataclasses.field(default_factory=dict)
    unused: list = dataclasses.field(default_factory=list)
    skipped: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    preprocess: str | None = None

    def __str__(self):
        lines = [f"lineage {self.lineage}: {len(self.loaded)} variables loaded"]
        shapes = [f"{n} (ours {a}, the file's {b})" for n, (a, b) in self.mismatched.items()]
        for title, names in (
            ("missing in the file", self.missing),
            ("of another shape", shapes),
            ("in the file but not used", self.unused),
            ("left by a trainer, skipped", self.skipped),
        ):
            if names:
                more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
                lines.append(f"{len(names)} {title}: {', '.join(names[:SHOWN])}{more}")
        return "\n".join(lines + self.notes)


def match(arrays, variables, *, network, options, file, tolerate=(), heads=None):
    """Finds the array of each variable, in our layout.

    Args:
        arrays: {name in the file: array}.
        variables: {our name: anything with a `shape`}.
        network: what is filled, as `models.catalog` calls it.
        options: the network's options, with `crop`.
        file: how messages call the file.
        tolerate: regular expressions of our names that may be missing or of another shape.
        heads: regular expression of the names that are the network's heads: they are tolerated
            too, and any file with a fitting backbone will do. None asks for a whole network.

    Returns:
        ({our name: array}, Report).

    Raises:
        LfpError: unknown names, a graph that cannot run the file, something missing that is not
            tolerated.
    """
    lineage = recognise(arrays)
    if lineage is None:
        some = ", ".join(sorted(arrays)[:4])
        raise LfpError(
            f"{file} holds no network of ours that is known by its names ({some}, ...); "
            "`lfp-tf inspect` lists them all."
        )
    tolerate = [*tolerate, *([heads] if heads else [])]
    if lineage.network != network and not heads:
        raise LfpError(_not_whole(lineage, network, file))
    report = Report(lineage.name, preprocess=lineage.preprocess)
    concat = options.get("concat")
    if lineage.presets and not lineage.form:
        file_options = _options_of_file(lineage, options, file)
        report.preprocess = file_options["preprocess"]
        concat = file_options.get("concat", "ascending")
    else:
        _check_form(lineage, options, file)
    found = translate(
        arrays,
        variables,
        translation=TRANSLATIONS[lineage.names],
        options=options,
        reverse_concat=concat != options.get("concat") and options.get("use_ppm", False),
        report=report,
    )
    _refuse_gaps(report, file, tolerate)
    return found, report


def translate(arrays, variables, *, translation, options, reverse_concat=False, report=None):
    """Renames and transposes, and notes what fits and what does not in `report`.

    Args:
        arrays: {name in the file: array}.
        variables: {our name: anything with a `shape`}.
        translation: `names.translation.Translation`.
        options: of the network.
        reverse_concat: whether the file's pyramid has the other order of branches.

    Returns:
        {our name: float32 array}.
    """
    report = report or Report(translation.name)
    theirs = translation.plain(arrays, report.notes)
    found, used = {}, set()
    for name, variable in variables.items():
        source = translation.their_name(name, options)
        if source not in theirs:
            report.missing.append(name)
            continue
        used.add(source)
        array = translation.to_ours(np.asarray(theirs[source]), name)
        if tuple(array.shape) != tuple(variable.shape):
            report.mismatched[name] = (tuple(variable.shape), tuple(array.shape))
            continue
        if reverse_concat and name == "cls_conv/kernel":
            array = pspnet.swap_concat(array, branches=len(options["bins"]))
            report.notes.append("the pyramid's branches were put into the network's order")
        found[name] = array.astype(np.float32)
        report.loaded.append(name)
    for name in theirs:
        if name not in used:
            is_trainers = pspnet.TRAINER_VARIABLES.search(name)
            (report.skipped if is_trainers else report.unused).append(name)
    return found


def _not_whole(lineage, network, file):
    """Why a file cannot fill a whole network."""
    if lineage.network is None:
        return (
            f"{file} is an ImageNet file ({lineage.name}) without a segmentation head; "
            "give it to --init to start a training from it."
        )
    return (
        f"{file} is a whole {lineage.network} ({lineage.name}), not a {network}; choose an "
        "experiment of that network, or give the file to --init for its backbone."
    )


def _check_form(lineage, options, file):
    """Refuses a graph that has the shapes of a file but would compute something else."""
    differing = [n for n, value in lineage.form.items() if options.get(n, value) != value]
    # A basic block has one place for its stride only.
    if options.get("depth", 50) < 50 and "stride_in" in differing:
        differing.remove("stride_in")
    if differing:
        words = ", ".join(f"{n} {lineage.form[n]} (not {options[n]})" for n in differing)
        fields = ",".join(f"task.model.{n}={lineage.form[n]}" for n in differing)
        raise LfpError(
            f"{file} is of the lineage {lineage.name}, whose network has {words}; "
            f"build it with --params_override={fields}."
        )


def _options_of_file(lineage, options, file):
    """The options of the first preset of the lineage that the network agrees with."""
    defaults = {"stride_in": "3x3", "padding": "symmetric", "pooling": "adaptive", "stem": "deep"}
    for preset in lineage.presets:
        theirs = preset_options(preset, depth=options["depth"], crop=options["crop"])
        fixed = defaults | theirs
        # A basic block has one place for its stride only.
        names = [n for n in _FIXED_BY_THE_GRAPH if n != "stride_in" or options["depth"] >= 50]
        if all(options.get(name, fixed[name]) == fixed[name] for name in names):
            return theirs
    fixed = defaults | preset_options(
        lineage.presets[0], depth=options["depth"], crop=options["crop"]
    )
    differing = [n for n in _FIXED_BY_THE_GRAPH if options.get(n, fixed[n]) != fixed[n]]
    words = ", ".join(f"{n} {fixed[n]} (not {options[n]})" for n in differing)
    raise LfpError(
        f"{file} is a {lineage.name} file, whose network has {words}; build it with "
        f'preset="{lineage.presets[0]}" (on the command line: --preset={lineage.presets[0]}).'
    )


def _refuse_gaps(report, file, tolerate):
    wrong = [n for n in report.missing if not any(re.match(p, n) for p in tolerate)]
    if wrong:
        raise LfpError(
            f"{file} lacks {len(wrong)} of the network's variables ({', '.join(wrong[:3])}, ...); "
            "is it a checkpoint of another network or depth?"
        )
    shapes = {
        n: s for n, s in report.mismatched.items() if not any(re.match(p, n) for p in tolerate)
    }
    for name, (ours, theirs) in shapes.items():
        raise LfpError(
            f"{file} holds {name} as {list(theirs)} where the network has {list(ours)}; "
            f"{len(shapes)} variables differ so. Another number of classes, depth or width?"
        )
