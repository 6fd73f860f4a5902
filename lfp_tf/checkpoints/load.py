"""Putting a file's arrays into a network, with a strict report of what fitted and what did not."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.detectron_config import OLDEST_BOX_WEIGHTS, OLDEST_NOTE, weights_note
from lfp_tf.checkpoints.lineages import Lineage, recognise
from lfp_tf.checkpoints.names import deeplab, detectron, detectron_torch, fpt, lfp, pspnet
from lfp_tf.checkpoints.names.translation import Translation
from lfp_tf.checkpoints.parts import SEPARATOR, Checkpoint
from lfp_tf.checkpoints.presets import preset_options
from lfp_tf.errors import LfpError, printable
from lfp_tf.options import PREPROCESSINGS

TRANSLATIONS = (
    pspnet.TRANSLATIONS
    | deeplab.TRANSLATIONS
    | lfp.TRANSLATIONS
    | fpt.TRANSLATIONS
    | detectron.TRANSLATIONS
    | detectron_torch.TRANSLATIONS
)
SHOWN = 12
# What a graph cannot undo, with the defaults: the file's preset and the network must agree.
_FIXED_BY_THE_GRAPH = {
    "stride_in": "3x3",
    "padding": "symmetric",
    "pooling": "adaptive",
    "stem": "deep",
}


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
    loaded: list[str] = dataclasses.field(default_factory=list)
    missing: list[str] = dataclasses.field(default_factory=list)
    mismatched: dict[str, tuple] = dataclasses.field(default_factory=dict)
    unused: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    preprocess: str | None = None

    def __str__(self) -> str:
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


def match(
    arrays: dict[str, np.ndarray],
    variables: Mapping[str, Any],
    *,
    network: str,
    options: Mapping,
    file: str,
    tolerate: Iterable[str] = (),
    heads: str | None = None,
) -> tuple[dict[str, np.ndarray], Report]:
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
    is_checkpoint = isinstance(arrays, Checkpoint)
    if lineage is None and is_checkpoint and arrays.networks:
        raise LfpError(
            f"{file} holds several networks ({', '.join(map(printable, arrays.networks))}); "
            f"choose one, as {file}{SEPARATOR}{printable(arrays.networks[0])}."
        )
    if lineage is None:
        some = ", ".join(sorted(arrays)[:4])
        raise LfpError(
            f"{file} holds no network of ours that is known by its names ({some}, ...); "
            "`lfp-tf inspect` lists them all."
        )
    if lineage.unread:
        raise LfpError(f"{file} {lineage.unread}")
    tolerate = [*tolerate, *([heads] if heads else [])]
    if lineage.network != network and not heads:
        raise LfpError(_not_whole(lineage, network, file))
    report = Report(lineage.name, preprocess=lineage.preprocess)
    report.notes += _notes_of_file(arrays, options) if is_checkpoint else []
    concat = options.get("concat")
    if lineage.presets and not lineage.form:
        file_options = _options_of_file(lineage, options, file)
        report.preprocess = file_options["preprocess"]
        concat = file_options.get("concat", "ascending")
    else:
        _check_form(lineage, options, file, is_whole=not heads)
    _refuse_other_norms(lineage, options, file)
    matched = translate(
        arrays,
        variables,
        translation=TRANSLATIONS[lineage.names],
        options=options,
        reverse_concat=concat != options.get("concat") and options.get("use_ppm", False),
        report=report,
    )
    _refuse_gaps(report, file, tolerate)
    _refuse_leftovers(report, TRANSLATIONS[lineage.names], file)
    return matched, report


def translate(
    arrays: dict[str, np.ndarray],
    variables: Mapping[str, Any],
    *,
    translation: Translation,
    options: Mapping,
    reverse_concat: bool = False,
    report: Report | None = None,
) -> dict[str, np.ndarray]:
    """Renames and transposes, and notes what fits and what does not in `report`.

    Args:
        arrays: {name in the file: array}.
        variables: {our name: anything with a `shape`}.
        translation: of the file's names.
        options: of the network.
        reverse_concat: whether the file's pyramid has the other order of branches.
        report: takes the notes; None where nobody asks for them.

    Returns:
        {our name: float32 array}.
    """
    report = report or Report(translation.name)
    theirs = translation.plain(arrays, report.notes)
    matched, used, folded = {}, set(), 0
    for name, variable in variables.items():
        sources, array = _folded(name, theirs, translation, options)
        if array is None:
            source = _their_name(name, translation, options)
            if source is None or source not in theirs:
                report.missing.append(name)
                continue
            sources, array = [source], translation.to_ours(np.asarray(theirs[source]), name)
        elif name.endswith(_SCALE):
            folded += 1
        used.update(sources)
        if tuple(array.shape) != tuple(variable.shape):
            report.mismatched[name] = (tuple(variable.shape), tuple(array.shape))
            continue
        if reverse_concat and name == "cls_conv/kernel":
            array = pspnet.swap_concat(array, branches=len(options["bins"]))
            report.notes.append("the pyramid's branches were put into the network's order")
        matched[name] = array.astype(np.float32)
        report.loaded.append(name)
    for name in theirs:
        if name not in used:
            is_trainers = pspnet.TRAINER_VARIABLES.search(name)
            (report.skipped if is_trainers else report.unused).append(name)
    if folded:
        report.notes.append(f"{folded} batch norms were folded into fixed scales and offsets")
    return matched


# Leaves of an affine layer, which stands for a batch norm that no longer learns, and the norm's.
_SCALE, _OFFSET = "/scale", "/offset"
_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
# What all the files that have batch norms were trained with; Keras' are brought to it.
_EPSILON = 1e-5


def _their_name(name, translation, options):
    """The file's name of a variable; None for an affine layer's where files have batch norms."""
    if name.endswith((_SCALE, _OFFSET)) and not translation.has_affine:
        return None
    return translation.their_name(name, options)


def _folded(name, theirs, translation, options):
    """(names in the file, scale or offset of its batch norm): ([], None) where there is none.

    scale = gamma / sqrt(variance + epsilon), offset = beta - mean scale.
    """
    if not name.endswith((_SCALE, _OFFSET)):
        return [], None
    layer = name.rsplit("/", 1)[0]
    sources = [translation.their_name(f"{layer}/{leaf}", options) for leaf in _BATCH_NORM]
    if not all(source is not None and source in theirs for source in sources):
        return [], None
    gamma, beta, mean, variance = (
        np.asarray(theirs[source], np.float64).reshape(-1) for source in sources
    )
    scale = gamma / np.sqrt(variance + _EPSILON)
    return sources, scale if name.endswith(_SCALE) else beta - mean * scale


def _notes_of_file(arrays: Checkpoint, options: Mapping) -> list[str]:
    """The file's notes that this network does not answer already."""
    weights = tuple(options.get("box_weights", ()))
    notes = [n for n in arrays.notes if not (n == OLDEST_NOTE and weights == OLDEST_BOX_WEIGHTS)]
    note = weights_note(arrays, options)
    return notes + ([note] if note else [])


def _not_whole(lineage: Lineage, network: str, file: str) -> str:
    """Says why a file cannot fill a whole network."""
    if lineage.network is None:
        return (
            f"{file} is an ImageNet file ({lineage.name}) without the heads of a {network}; "
            "give it to --init to start a training from it."
        )
    return (
        f"{file} is a whole {lineage.network} ({lineage.name}), not a {network}; choose an "
        "experiment of that network, or give the file to --init for its backbone."
    )


def _check_form(lineage: Lineage, options: Mapping, file: str, *, is_whole: bool) -> None:
    """Refuses a graph that has the shapes of a file but would compute something else."""
    form = lineage.form | (lineage.form_of_heads if is_whole else {})
    differing = _differing(form, options, options.get("depth", 50))
    if differing:
        words = ", ".join(f"{n} {form[n]} (not {options[n]})" for n in differing)
        fields = ",".join(f"task.model.{n}={form[n]}" for n in differing)
        raise LfpError(
            f"{file} is of the lineage {lineage.name}, whose network has {words}; "
            f"build it with --params_override={fields}."
        )


def _refuse_other_norms(lineage: Lineage, options: Mapping, file: str) -> None:
    """Refuses what would fill a network's norms with numbers that mean something else there."""
    if lineage.preprocess is None or options.get("norm") in (None, "batch"):
        return
    if options["norm"] == "group" and not TRANSLATIONS[lineage.names].has_affine:
        raise LfpError(
            f"{file} is of the lineage {lineage.name}, which has batch norms; a network with "
            "group norms cannot start from it: build it with task.model.norm=affine or batch."
        )
    ours, theirs = options.get("preprocess"), lineage.preprocess
    if options["norm"] == "affine" and ours in PREPROCESSINGS and _is_other(ours, theirs):
        raise LfpError(
            f"{file} is of the lineage {lineage.name}, whose fixed norms expect the preprocessing "
            f"{theirs} (not {ours}); build the network with task.model.preprocess={theirs}."
        )


def _is_other(first: str, second: str) -> bool:
    """Whether two ways of preprocessing differ in more than the means of the data set."""
    rules = [PREPROCESSINGS[name] for name in (first, second)]
    return len({(rule.std, rule.order) for rule in rules}) > 1


def _options_of_file(lineage: Lineage, options: Mapping, file: str) -> dict:
    """Gives the options of the preset of the lineage that the network agrees with.

    Of several, it is the one whose preprocessing the network has: an explicit preset stands.
    """
    refusals, agreeing = [], []
    for preset in lineage.presets:
        theirs = preset_options(preset, depth=options["depth"], crop=options["crop"])
        fixed = {name: theirs.get(name, usual) for name, usual in _FIXED_BY_THE_GRAPH.items()}
        differing = _differing(fixed, options, options["depth"])
        if not differing:
            agreeing.append(theirs)
            continue
        words = ", ".join(f"{n} {fixed[n]} (not {options[n]})" for n in differing)
        refusals.append(
            f"{file} is a {lineage.name} file, whose network has {words}; build it with "
            f'preset="{preset}" (on the command line: --preset={preset}).'
        )
    if not agreeing:
        raise LfpError(refusals[0])
    of_network = options.get("preprocess")
    return next((one for one in agreeing if one["preprocess"] == of_network), agreeing[0])


def _differing(form: Mapping, options: Mapping, depth: int) -> list[str]:
    """Lists the options of a form that a network of this depth has with another value."""
    names = [name for name, value in form.items() if options.get(name, value) != value]
    # A basic block has one place for its stride only.
    return [name for name in names if name != "stride_in" or depth >= 50]


def _refuse_leftovers(report: Report, translation: Translation, file: str) -> None:
    if translation.indispensable is None:
        return
    names = [name for name in report.unused if re.search(translation.indispensable, name)]
    if names:
        raise LfpError(
            f"{file} holds {names[0]}, which this network computes from another array; build the "
            "network in the form that the file was trained in."
        )


def _refuse_gaps(report: Report, file: str, tolerate: list[str]) -> None:
    gaps = [n for n in report.missing if not any(re.match(p, n) for p in tolerate)]
    if gaps:
        raise LfpError(
            f"{file} lacks {len(gaps)} of the network's variables ({', '.join(gaps[:3])}, ...); "
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
