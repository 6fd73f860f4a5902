"""Anybody's own images: two folders of equal file names, classes named in a file or counted.

One of these, the first that is there:

    images/SPLIT/NAME.jpg, labels/SPLIT/NAME.png   an image and its labels
    SPLIT/images/NAME.jpg, SPLIT/labels/NAME.png
    SPLIT/NAME.jpg, SPLITannot/NAME.png
    SPLIT.txt                                      lines IMAGE LABEL, paths below the folder
    images/NAME.jpg, labels/NAME.png               divided into train and val by --seed

SPLIT is `train`, `val` or `test`. Names of the classes:

    classes.txt    one per line: `NAME`, or `NAME R G B`
    classes.json   a list of names, or of objects with `index`, `name` and perhaps `color`

Labels: k is class k, or k + 1 with --label_offset 1; 255 and --ignore_values are ignored. Without
a file of classes there are as many as the labels hold.
Left out: splits that are not there.
Refused: images without labels and labels without images; values that are no class; names twice.
"""

import functools
import pathlib
from collections.abc import Sequence

import numpy as np

from lfp_tf.data.datasets.dataset import (
    Dataset,
    Option,
    Source,
    share,
    whole_number,
    whole_numbers,
)
from lfp_tf.data.datasets.folders import (
    existing_source,
    first_file,
    listed_samples,
    pair,
    read_list,
    split_by_seed,
)
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_labels
from lfp_tf.images.palette import ClassTable, numbered_table

NAME = "folder"
LAYOUT = (
    "images and labels (both with train and val below, or neither), or train/images and "
    "train/labels, or train and trainannot, or lists train.txt and val.txt of lines IMAGE LABEL; "
    "and classes.txt, one name per line"
)
SPLITS = ("train", "val", "test")

MOST_CLASSES = 255
_FORMS = (
    ("images/{split}", "labels/{split}"),
    ("{split}/images", "{split}/labels"),
    ("{split}", "{split}annot"),
)


def plan(
    source: Source,
    *,
    seed: int = 0,
    classes: str | None = None,
    label_offset: int = 0,
    ignore_values: Sequence[int] = (),
    val_share: float = 0.2,
) -> Plan:
    """Pairs the files of a folder of images and labels.

    Args:
        source: the folder.
        seed: divides a set that has no train and val of its own.
        classes: a file of class names; None takes classes.txt or classes.json in `source`, and
            where neither is, as many numbered classes as the labels hold.
        label_offset: 1 for files that count classes from 1 on and hold 0 for what is ignored.
        ignore_values: file values that are ignored, besides 255.
        val_share: the share of images that `seed` holds out.

    Raises:
        LfpError: the layout, the pairs or the file of classes are not as described.
    """
    root = existing_source(source, NAME, LAYOUT)
    splits = _splits(root, seed, val_share)
    ignored = frozenset(ignore_values) | {255} | ({0} if label_offset else frozenset())
    table = _table(root, classes) or _counted(splits, label_offset, ignored)
    if len(table) > MOST_CLASSES:
        raise LfpError(f"{len(table)} classes do not fit 8-bit labels; {MOST_CLASSES} do.")
    rule = values_rule(
        {*range(label_offset, len(table) + label_offset), *ignored},
        hint=functools.partial(_hint, num_classes=len(table)),
        to_classes=functools.partial(_shifted, label_offset=label_offset, ignored=ignored),
    )
    options = {"label_offset": label_offset, "ignore_values": sorted(ignore_values)}
    return segmentation_plan(NAME, table, splits, rule, options=options)


def _splits(root, seed, val_share):
    for form in _FORMS:
        splits = {}
        for split in SPLITS:
            images, labels = (root / part.format(split=split) for part in form)
            if images.is_dir() and labels.is_dir():
                splits[split] = pair(images, labels)
        if splits:
            return splits
    lists = {split: root / f"{split}.txt" for split in SPLITS}
    lists = {split: path for split, path in lists.items() if path.is_file()}
    if lists:
        return {split: _listed(root, path) for split, path in lists.items()}
    if (root / "images").is_dir() and (root / "labels").is_dir():
        samples = pair(root / "images", root / "labels")
        return split_by_seed(samples, seed=seed, share=val_share)
    raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")


def _listed(root, path):
    """Samples of a list's lines `IMAGE LABEL`, both relative to the folder."""
    pairs = []
    for number, line in enumerate(read_list(path), 1):
        words = line.split()
        if len(words) not in (0, 2):
            raise LfpError(
                f"{path}, line {number} is not IMAGE LABEL, two paths with a space between them; "
                "without such lists images and labels are divided by --seed."
            )
        pairs += [words] if words else []
    return listed_samples(root, pairs, str(path))


def _table(root, classes):
    """The `ClassTable` of a file of names; None where there is none."""
    if classes is not None and not pathlib.Path(classes).is_file():
        raise LfpError(f"There is no file {classes} for --classes.")
    path = pathlib.Path(classes) if classes else first_file(root, ("classes.txt", "classes.json"))
    if path is None:
        return None
    entries = _from_json(path) if path.suffix == ".json" else _from_text(path)
    names = [name for name, _ in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        what = f'names "{twice[0]}" twice' if twice else "names no classes"
        raise LfpError(f"{path} {what}; it needs one name per line.")
    colors = numbered_table(names).colors
    for number, (_, color) in enumerate(entries):
        colors[number] = colors[number] if color is None else color
    return ClassTable(tuple(names), colors)


def _from_text(path):
    """(name, colour or None) of each line `name` or `name R G B`."""
    entries = []
    for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
        words = line.split()
        numbers = [int(word) for word in words[-3:] if word.isdigit() and int(word) < 256]
        has_color = len(words) > 3 and len(numbers) == 3
        entries.append((" ".join(words[:-3]), numbers) if has_color else (line, None))
    return entries


def _from_json(path):
    """A list of names, or of objects with `index` (or `train_id`), `name`, perhaps `color`."""
    try:
        content = load_json(path)
        if not isinstance(content, list):
            raise ValueError("it is no list")
        entries = [
            {"index": number, "name": entry} if isinstance(entry, str) else entry
            for number, entry in enumerate(content)
        ]
        by_index = {entry["index" if "index" in entry else "train_id"]: entry for entry in entries}
        if sorted(by_index) != list(range(len(entries))):
            raise ValueError("the indices are not 0, 1, 2, ...")
        entries = [by_index[number] for number in range(len(entries))]
        return [(str(entry["name"]), entry.get("color")) for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise LfpError(
            f"{path} is no list of class names, nor of objects with index and name ({error})."
        ) from None


def _counted(splits, label_offset, ignored):
    """Numbered classes up to the highest value that any readable label holds."""
    highest = -1
    for samples in splits.values():
        for sample in samples:
            try:
                values = np.unique(read_labels(sample.label))
            except LfpError:
                continue  # The census names it.
            highest = max([highest, *(v for v in values.tolist() if v not in ignored)])
    if highest < label_offset:
        raise LfpError("The labels hold no class at all: every pixel is ignored or unreadable.")
    return numbered_table(highest + 1 - label_offset)


def _shifted(values, *, label_offset, ignored):
    labels = values.astype(np.int32) - label_offset
    labels[np.isin(values, list(ignored))] = 255
    return labels.astype(np.uint8)


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
    },
)
