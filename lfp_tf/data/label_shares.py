"""What the label values of a whole data set show: shares of pixels, and what is amiss in them."""

import collections
from collections.abc import Iterable, Mapping, Sequence

from lfp_tf.data.description import IGNORE_LABEL
from lfp_tf.data.plan import Judgement
from lfp_tf.errors import first_of
from lfp_tf.images.palette import ClassTable

MOST_IGNORED = 0.5
_LEAST_SHOWN = 0.0005  # a smaller share would be shown as 0.0 %
Pixels = Mapping[int, int]  # {class, or 255 for ignored: pixels}


def total_pixels(counts: Iterable[Pixels]) -> dict[int, int]:
    """The sum of several counts, without values that no pixel has."""
    total = collections.Counter()
    for count in counts:
        total.update(count)
    return {value: number for value, number in sorted(total.items()) if number}


def judge_labels(
    pixels: Mapping[str, Pixels], *, table: ClassTable, one_class_hint: str = ""
) -> Judgement:
    """Judges the labels of a data set by the pixels of each class.

    Args:
        pixels: {split: {class, or 255 for ignored: pixels}}.
        table: names of the classes.
        one_class_hint: what to do where there is one class alone; "" says it in general.

    Returns:
        A problem where training would see fewer than two classes; else warnings of classes that
        train lacks, and of labels that are ignored for the most part.
    """
    total = total_pixels(pixels.values())
    train = total_pixels([pixels["train"]]) if "train" in pixels else total
    classes = [value for value in train if value != IGNORE_LABEL]
    if not total:
        return Judgement()
    if len(classes) < 2:
        what = f"is {table.names[classes[0]]} or ignored" if classes else "is ignored"
        text = f"Every pixel of the labels {what}, and fewer than two classes teach nothing."
        hint = one_class_hint or "Mark what lies around the objects as a class of its own."
        if "train" in pixels or one_class_hint:
            return Judgement(problems=(f"{text} {hint}",))
        return Judgement(warnings=(text,))  # Labels to be scored by may hold one class alone.
    warnings = []
    missing = [name for number, name in enumerate(table.names) if number not in train]
    if missing and "train" in pixels:
        warnings.append(
            f"{len(missing)} of {len(table)} classes have no pixel in train: {first_of(missing)}."
        )
    ignored = total.get(IGNORE_LABEL, 0) / sum(total.values())
    if ignored > MOST_IGNORED:
        warnings.append(
            f"{ignored:.0%} of all pixels are ignored; they count in no loss and in no score."
        )
    return Judgement(warnings=tuple(warnings))


def shares_table(names: Sequence[str], pixels: Mapping[str, Pixels]) -> list[str]:
    """Lines that tell the share of every label value in every split.

    Args:
        names: of the classes.
        pixels: as of `judge_labels`.
    """
    labels = dict(enumerate(names)) | {IGNORE_LABEL: "ignored"}
    width = max(len(name) for name in labels.values())
    lines = [f"label {'':{width}}" + "".join(f"{split:>9}" for split in pixels)]
    for value, name in labels.items():
        shares = "".join(f"{_share(counts, value):>9}" for counts in pixels.values())
        lines.append(f"{value:>5} {name:{width}}{shares}")
    return lines


def _share(counts, value):
    if not counts.get(value):
        return "0"
    share = counts[value] / sum(counts.values())
    return f"{share:.1%}" if share >= _LEAST_SHOWN else "<0.1%"
