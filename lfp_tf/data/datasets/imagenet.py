"""ImageNet and whatever is laid out like it: a folder per class, or TFRecords with their labels.

    train/CLASS/NAME.jpg        an image of train and its class
    val/CLASS/NAME.jpg          the same of val, or
    val/NAME.jpg                an image of val, whose class stands in
    val.txt                     lines IMAGE LABEL; LABEL is a number or a class folder's name
    synsets.txt                 the class folders in order, perhaps with names behind them

or

    train-00000-of-NNNNN        records with image/encoded and image/class/label
    validation-00000-of-NNNNN   the same of val

Classes: numbered in the order of `synsets.txt` (or what --classes names), else the folders sorted.
Left out: a split that is empty or missing, which is noted; images below val that its list does not
name.
Refused: class folders that are missing, too many or empty; labels that are no class.
"""

import pathlib
import re

from lfp_tf.data.classification.records import ImageOfClass, RecordOfClass, classification_plan
from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source, whole_number
from lfp_tf.data.datasets.folders import (
    NoSamples,
    check_files,
    existing_source,
    files_below,
    first_file,
    folders_in,
    inside,
    read_list,
    read_splits,
)
from lfp_tf.data.plan import Plan
from lfp_tf.data.records import record_index
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, first_of

NAME = "imagenet"
LAYOUT = (
    "train/CLASS/* and val/CLASS/* (or val/* with a list val.txt of lines IMAGE LABEL), perhaps "
    "synsets.txt; or TFRecords train-*-of-* and validation-*-of-*"
)
SPLITS = ("train", "val")

NUM_CLASSES = 1000  # of TFRecords whose classes nobody names
_CLASS_FILES = ("classes.json", "synset_words.txt", "synsets.txt", "LOC_synset_mapping.txt")
_VAL_LISTS = ("val.txt", "val/val.txt", "caffe_ilsvrc12/val.txt")
_RECORD_SPLITS = {"train": ("train",), "val": ("val", "validation")}


def plan(
    source: Source,
    asked: Asked = None,
    *,
    classes: str | None = None,
    label_offset: int = 0,
    val_list: str | None = None,
) -> Plan:
    """Lists the images of a folder of class folders, or the records of TFRecords.

    Args:
        source: the folder.
        asked: the splits to be written.
        classes: a file of the class folders' names in order, each perhaps with words behind it;
            None takes one of the usual names in `source`, or else the folders in sorted order.
        label_offset: 1 where TFRecords or the list of val count from 1 on.
        val_list: the list of a val folder without class folders.

    Raises:
        LfpError: the layout, the classes or the list are not as described.
    """
    root = existing_source(source, NAME, LAYOUT)
    path = _class_file(root, classes)
    named = _read_classes(path) if path else None
    if any((root / split).is_dir() for split in SPLITS):
        first = "val" if folders_in(root / "val") and not folders_in(root / "train") else "train"
        listed = f"that {path} lists" if path else f"that {first} has"
        named = named or [(folder, folder) for folder in _class_folders(root / first)]

        def read(split):
            if split == "val" and (root / split).is_dir() and not folders_in(root / split):
                return _by_list(root, named, val_list, label_offset)
            return _by_class(root / split, named, listed)
    elif any(_shard_words(root, split) for split in SPLITS):
        named = named or [(f"class {number}",) * 2 for number in range(NUM_CLASSES)]

        def read(split):
            return _records(root, split, label_offset)
    else:
        raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")

    splits, notes = read_splits(SPLITS, asked, read, layout=LAYOUT)
    synsets, names = zip(*named, strict=True)
    options = {"label_offset": label_offset}
    return classification_plan(NAME, names, synsets, splits, options=options, notes=notes)


def _class_file(root, classes):
    if classes is None:
        return first_file(root, _CLASS_FILES)
    if not pathlib.Path(classes).is_file():
        raise LfpError(f"There is no file {classes} for --classes.")
    return pathlib.Path(classes)


def _read_classes(path):
    """[(folder, name)] of a file of classes, in its order."""
    named = _from_json(path) if path.suffix == ".json" else _from_text(path)
    folders = [folder for folder, _ in named]
    twice = sorted({folder for folder in folders if folders.count(folder) > 1})
    if not named or twice:
        what = f'names the class "{twice[0]}" twice' if twice else "names no classes"
        raise LfpError(f"{path} {what}; it needs one class folder per line.")
    return named


def _from_text(path):
    lines = [line.split(maxsplit=1) for line in read_list(path) if line]
    return [(words[0], words[-1]) for words in lines]


def _from_json(path):
    try:
        entries = load_json(path)
        named = {entry["index"]: (str(entry["wnid"]), str(entry["name"])) for entry in entries}
        return [named[number] for number in range(len(named))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LfpError(
            f"{path} is no list of objects with index, wnid and name ({error!r})."
        ) from None


def _class_folders(root):
    names = folders_in(root)
    if not names:
        what = f"{root} holds no class folders" if root.is_dir() else f"There is no folder {root}"
        raise NoSamples(f"{what}.")
    return names


def _by_class(root, named, listed):
    """The images of a folder of class folders, which must be those that are named."""
    present, expected = _class_folders(root), [folder for folder, _ in named]
    missing = [folder for folder in expected if folder not in set(present)]
    if missing:
        raise LfpError(
            f"{root} lacks {len(missing)} of the {len(expected)} classes {listed}: "
            f"{first_of(missing)}."
        )
    extra = [folder for folder in present if folder not in set(expected)]
    if extra:
        raise LfpError(
            f"{root} holds {len(extra)} class folders beside the {len(expected)} {listed}: "
            f"{first_of(extra)}."
        )
    samples, empty = [], []
    for label, folder in enumerate(expected):
        files = files_below(root / folder)
        samples += [
            ImageOfClass(str(root / folder / file), label, f"{folder}/{file}") for file in files
        ]
        empty += [] if files else [folder]
    if empty:
        kind = LfpError if samples else NoSamples
        raise kind(
            f"{root} has no images in {len(empty)} of its {len(expected)} class folders: "
            f"{first_of(empty)}."
        )
    return samples


def _by_list(root, named, val_list, label_offset):
    """The images of `val` that a list names with their classes."""
    folder = root / "val"
    if not files_below(folder):
        raise NoSamples(f"{folder} holds no images.")
    path = pathlib.Path(val_list) if val_list else first_file(root, _VAL_LISTS)
    if path is None or not path.is_file():
        what = f"there is no file {val_list}" if val_list else "there is no list of their classes"
        raise LfpError(
            f"{folder} holds images without class folders and {what}; give --val_list FILE with "
            "lines IMAGE LABEL."
        )
    numbers = {wnid: number for number, (wnid, _) in enumerate(named)}
    samples = []
    for number, line in enumerate(read_list(path), 1):
        if line:
            name, label = _listed(line, f"{path}, line {number}", numbers, label_offset)
            samples.append(ImageOfClass(inside(folder, name, str(path)), label, name))
    check_files([sample.image for sample in samples], where=str(path))
    return samples


def _listed(line, where, numbers, label_offset):
    """(name, class) of a line `IMAGE LABEL`; the label is a number or a class folder's name."""
    words = line.split()
    if len(words) != 2 or not (words[1] in numbers or re.fullmatch(r"-?\d+", words[1])):
        raise LfpError(f"{where} is not IMAGE LABEL with a label of the classes.")
    label = numbers[words[1]] if words[1] in numbers else int(words[1]) - label_offset
    if not 0 <= label < len(numbers):
        hint = ""
        if label == len(numbers) and not label_offset:
            hint = " Does it count from 1? Then add --label_offset 1."
        raise LfpError(
            f"{where} has the label {words[1]}, but {label_offset}-"
            f"{len(numbers) - 1 + label_offset} are expected.{hint}"
        )
    return pathlib.PurePosixPath(words[0]).name, label


def _shard_words(root, split):
    """What the shards of a split in a folder are called before their numbers."""
    names = [path.name for path in root.iterdir()]
    return [
        word
        for word in _RECORD_SPLITS[split]
        if any(re.fullmatch(rf"{word}-\d{{5}}-of-\d{{5}}(\.tfrecord)?", name) for name in names)
    ]


def _records(root, split, label_offset):
    """The records of a split."""
    words = _shard_words(root, split)
    if not words:
        raise NoSamples(f"{root} has no records of {split}.")
    index, first = record_index(root, words[-1]), {}
    samples = []
    for place, (file, offset, length) in enumerate(
        zip(index.file.tolist(), index.offset.tolist(), index.length.tolist(), strict=True)
    ):
        number = place - first.setdefault(file, place)
        samples.append(RecordOfClass(index.paths[file], offset, length, number, label_offset))
    return samples


DATASET = Dataset(
    name=NAME,
    summary="ImageNet: 1000 classes, or any set with a folder per class; also from TFRecords",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "classes": Option("file of class folders in order (default SOURCE/synsets.txt)", str),
        "label_offset": whole_number("1: TFRecords or val.txt count from 1 (default 0)", 0, 1),
        "val_list": Option("lines IMAGE LABEL for val/* (default SOURCE/val.txt)", str),
    },
)
