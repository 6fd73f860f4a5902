"""Anybody's own images: two folders of equal file names, classes named in a file or counted.

One of these, the first that is there:

    images/SPLIT/NAME.jpg, labels/SPLIT/NAME.png   an image and its labels
    SPLIT/images/NAME.jpg, SPLIT/labels/NAME.png
    SPLIT/NAME.jpg, SPLITannot/NAME.png
    JPEGImages/NAME.jpg, SegmentationClass/NAME.png   named by ImageSets/Segmentation/SPLIT.txt,
                                                   as CVAT writes them; or images/ for JPEGImages
    SPLIT.txt                                      lines IMAGE LABEL, paths below the folder
    images/NAME.jpg, labels/NAME.png               divided into train and val by --seed
    SPLIT/NAME.jpg, SPLIT/NAME_mask.png            an image beside its labels
    NAME.jpg, NAME_mask.png                        divided likewise

SPLIT is `train`, `val` (or `valid`, `validation`) or `test`. Lines of lists have a space, a tab or
a comma between the paths, which may be absolute. Folders that are not read are named. Classes:

    classes.txt    one per line: `NAME`, or `NAME R G B`
    classes.json   a list of names, or of objects with `index`, `name` and perhaps `color`
    labelmap.txt   CVAT's lines `NAME:R,G,B::`; palette images are then meant by their colours

Labels: k is class k, or k + 1 with --label_offset 1, or what --values names; 255 and
--ignore_values are ignored. Without a file of classes there are as many as the labels hold. Labels
of three channels hold the classes' colours, or where no colours are given, three equal values.
Left out: splits that are empty or missing.
Refused: images without labels and labels without images; values that are no class; names twice.
"""

import functools
import json
from collections.abc import Sequence

import numpy as np

from lfp_tf.data.datasets.class_lists import read_classes
from lfp_tf.data.datasets.dataset import (
    Asked,
    Dataset,
    Option,
    Source,
    share,
    whole_number,
    whole_numbers,
)
from lfp_tf.data.datasets.folder_layouts import find_splits, unread_folders
from lfp_tf.data.datasets.folders import existing_source
from lfp_tf.data.datasets.label_colors import ColorCode
from lfp_tf.data.label_shares import judge_labels, total_pixels
from lfp_tf.data.plan import Judgement, Plan
from lfp_tf.data.segmentation.records import (
    LabelRule,
    segmentation_plan,
    values_problem,
    values_rule,
)
from lfp_tf.errors import LfpError, nearest
from lfp_tf.images.palette import numbered_table

NAME = "folder"
LAYOUT = (
    "images and labels (both with train and val below, or neither), or train/images and "
    "train/labels, or train and trainannot, or lists train.txt and val.txt of lines IMAGE LABEL; "
    "and classes.txt, one name per line"
)
SPLITS = ("train", "val", "test")

MOST_CLASSES = 255


def plan(
    source: Source,
    asked: Asked = None,
    *,
    seed: int = 0,
    classes: str | None = None,
    label_offset: int = 0,
    ignore_values: Sequence[int] = (),
    val_share: float = 0.2,
    values: Sequence[tuple[int, str]] = (),
) -> Plan:
    """Pairs the files of a folder of images and labels.

    Args:
        source: the folder.
        asked: the splits to be written; without a file of classes all are looked at.
        seed: divides a set that has no train and val of its own.
        classes: a file of class names; None takes classes.txt or classes.json in `source`, and
            where neither is, as many numbered classes as the labels hold.
        label_offset: 1 for files that count classes from 1 on and hold 0 for what is ignored.
        ignore_values: file values that are ignored, besides 255.
        val_share: the share of images that `seed` holds out.
        values: (file value, name of its class) of every value that is a class; none where the
            values are the classes' numbers. Classes are numbered as the file of classes has them,
            or where there is none, in this order.

    Raises:
        LfpError: the layout, the pairs or the file of classes are not as described.
    """
    root = existing_source(source, NAME, LAYOUT)
    find = functools.partial(find_splits, root, seed=seed, val_share=val_share)
    splits, notes = find(asked)
    if not splits:
        raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")
    notes += unread_folders(root, splits) if asked is None else ()
    counted = splits
    ignored = frozenset(ignore_values) | {255} | ({0} if label_offset else frozenset())
    named, code = read_classes(root, classes)
    options: dict = {"label_offset": label_offset, "ignore_values": sorted(ignore_values)}
    if values:
        table = named or numbered_table(list(dict.fromkeys(name for _, name in values)))
        if label_offset:
            raise LfpError("--values tells the class of every value; leave --label_offset out.")
        rule = _mapped(table, values, ignore_values)
        options |= {"values": {str(value): name for value, name in values}}
        judge = functools.partial(judge_labels, table=table)
    else:
        if named is None and asked is not None:
            counted, more = _all_splits(find, splits)
            notes += more
        table = named or _counted(counted, label_offset, ignored)
        rule = _coded(table, code, label_offset, ignored)
        has_plain_values = not label_offset and not ignore_values
        judge = functools.partial(
            _judge, table=table, is_named=named is not None, has_plain_values=has_plain_values
        )
    if len(table) > MOST_CLASSES:
        raise LfpError(f"{len(table)} classes do not fit 8-bit labels; {MOST_CLASSES} do.")
    return segmentation_plan(NAME, table, splits, rule, options=options, notes=notes, judge=judge)


def _all_splits(find, splits):
    """Every split, so that classes which only some have are counted too, and what to say."""
    try:
        return find(None)[0], ()
    except LfpError as error:
        names = ", ".join(splits)
        return splits, (f"Classes are counted in {names} alone, as others cannot be read: {error}",)


def _counted(splits, label_offset, ignored):
    """Numbered classes up to the highest value that any readable label holds."""
    highest, refusals = -1, []
    read = ColorCode("classes.txt", ()).read
    for samples in splits.values():
        for sample in samples:
            try:
                values = np.unique(read(sample.label))
            except LfpError as error:
                refusals.append(str(error))
                continue  # The census names it.
            highest = max([highest, *(v for v in values.tolist() if v not in ignored)])
    if highest < label_offset and refusals:
        raise LfpError(f"No label file can be used; the first of {len(refusals)}: {refusals[0]}")
    if highest < label_offset:
        raise LfpError("The labels hold no class at all: every pixel is ignored or unreadable.")
    return numbered_table(highest + 1 - label_offset)


def _coded(table, code, label_offset, ignored):
    """The `LabelRule` of files that hold classes, from `label_offset` on, or their colours."""
    allowed = frozenset({*range(label_offset, len(table) + label_offset), *ignored})
    hint = functools.partial(_hint, num_classes=len(table))
    return LabelRule(
        problem=functools.partial(_problem, code=code, allowed=allowed, hint=hint),
        read=code.read,
        to_classes=functools.partial(
            _to_classes, code=code, label_offset=label_offset, ignored=ignored
        ),
        code=json.dumps(code.classes),
        unknown_colors=code.unknown,
    )


def _problem(values, *, code, allowed, hint):
    if values.ndim == 3:
        return code.problem()
    return values_problem(values, allowed=allowed, hint=hint)


def _to_classes(values, *, code, label_offset, ignored):
    if values.ndim == 3:
        return code.to_classes(values)
    return _shifted(values, label_offset=label_offset, ignored=ignored)


def _shifted(values, *, label_offset, ignored):
    labels = values.astype(np.int32) - label_offset
    labels[np.isin(values, list(ignored))] = 255
    return labels.astype(np.uint8)


def _mapped(table, values, ignore_values):
    """The `LabelRule` of file values that --values names the classes of."""
    for value, name in values:
        if value in ignore_values or name in ("ignore", "ignored"):
            raise LfpError(
                f"--values names a class for {value}, which is to be ignored; leave it out there "
                "and give --ignore_values."
            )
    unknown = [name for _, name in values if name not in table.names]
    if unknown:
        raise LfpError(
            f'--values names "{unknown[0]}", which the file of classes does not.'
            f"{nearest(unknown[0], table.names)}"
        )
    classes = {value: table.names.index(name) for value, name in values}
    return values_rule(
        {*classes, *ignore_values, 255},
        hint=_values_hint,
        to_classes=functools.partial(_looked_up, classes=classes),
    )


def _looked_up(values, *, classes):
    labels = np.full(values.shape, 255, np.uint8)
    for value, label in classes.items():
        labels[values == value] = label
    return labels


def _values_hint(wrong, _):
    return f"Add {min(wrong)}=NAME to --values, or --ignore_values {min(wrong)}."


def _judge(pixels, *, table, is_named, has_plain_values):
    """As `judge_labels`, with what this data set's options can do about it."""
    total = total_pixels(pixels.values())
    hint = ""
    if has_plain_values and set(total) == {0, 255}:
        first, second = [*table.names, "object"][:2] if is_named else ("background", "object")
        hint = f"If 255 is a class and not ignored, add --values 0={first},255={second}."
    judgement = judge_labels(pixels, table=table, one_class_hint=hint)
    if judgement.problems or is_named or min(total, default=0) == 0:
        return judgement
    text = (
        f"The labels start at {min(total)} and there is no file of classes, so "
        f"{table.names[0]} is one too many: add --label_offset 1 if they count from 1, or name the "
        "classes in classes.txt."
    )
    return Judgement(warnings=(text, *judgement.warnings))


def _values(text):
    """(value, name) of each part of `0=background,255=object`."""
    pairs = [part.split("=", 1) for part in text.split(",")]
    values = [(int(value), name.strip()) for value, name in pairs]
    numbers = [number for number, _ in values]
    if not all(name for _, name in values) or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise ValueError
    return tuple(values)


def _hint(wrong, present, *, num_classes):
    if wrong == {num_classes} and 0 not in present:
        return "Do the files count from 1? Then add --label_offset 1."
    if len(wrong) == 1:
        value = min(wrong)
        return f"If {value} is a value to ignore, add --ignore_values {value}."
    return "Does the file of classes name them all?"


DATASET = Dataset(
    name=NAME,
    summary="your own images: images/ and labels/ of equal file names, classes.txt",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "seed": whole_number("divides a set without train and val (default 0)"),
        "val_share": share("the share so held out (default 0.2)"),
        "classes": Option("file of class names, one per line (default SOURCE/classes.txt)", str),
        "label_offset": whole_number("1: files count from 1, 0 is ignored (default 0)", 0, 1),
        "ignore_values": whole_numbers("file values to ignore besides 255, as 11,12"),
        "values": Option(
            "the class of each file value, as 0=background,255=object",
            _values,
            "a class for each value, as 0=background,255=object",
        ),
    },
)
