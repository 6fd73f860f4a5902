"""ImageNet and whatever is laid out like it: a folder a class, or TFRecords with their labels."""

import json
import pathlib
import re

from lfp_tf.data.census import first_of
from lfp_tf.data.classification.records import ImageOfClass, RecordOfClass, classification_plan
from lfp_tf.data.datasets.folders import files_below, read_list
from lfp_tf.data.datasets.options import Option, whole_number
from lfp_tf.data.records import record_index
from lfp_tf.errors import LfpError

NAME = "imagenet"
SUMMARY = "ImageNet: 1000 classes, or any set with a folder a class; also from TFRecords"
LAYOUT = (
    "train/CLASS/* and val/CLASS/* (or val/* with a list val.txt of lines IMAGE LABEL), perhaps "
    "synsets.txt; or TFRecords train-*-of-* and validation-*-of-*"
)
SPLITS = ("train", "val")
OPTIONS = {
    "classes": Option("file of class folders in order (default SOURCE/synsets.txt)", str),
    "label_offset": whole_number("1: TFRecords or val.txt count from 1 (default 0)", 0, 1),
    "val_list": Option("lines IMAGE LABEL for val/* (default SOURCE/val.txt)", str),
}
NEEDS_SOURCE = True

NUM_CLASSES = 1000  # of TFRecords whose classes nobody names
_CLASS_FILES = ("classes.json", "synset_words.txt", "synsets.txt", "LOC_synset_mapping.txt")
_VAL_LISTS = ("val.txt", "val/val.txt", "caffe_ilsvrc12/val.txt")
_RECORD_SPLITS = {"train": ("train",), "val": ("val", "validation")}


def plan(source, *, classes=None, label_offset=0, val_list=None):
    """The `Plan` of a folder of class folders, or of TFRecords.

    Args:
        source: the folder.
        classes: a file of the class folders' names in order, each perhaps with words behind it;
            None takes one of the usual names in `source`, or else the folders in sorted order.
        label_offset: 1 where TFRecords or the list of val count from 1 on.
        val_list: the list of a val folder without class folders.

    Raises:
        LfpError: the layout, the classes or the list are not as described.
    """
    if source is None:
        raise LfpError(f"{NAME} needs --source DIR, the folder that holds {LAYOUT}.")
    root = pathlib.Path(source)
    if not root.is_dir():
        raise LfpError(f"There is no folder {root}; --source is the folder that holds {LAYOUT}.")
    path = _class_file(root, classes)
    named = _read_classes(path) if path else None
    options = {"label_offset": label_offset}
    if (root / "train").is_dir():
        named = named or [(name, name) for name in _folders(root / "train")]
        splits = {"train": _by_class(root / "train", named, path)}
        if (root / "val").is_dir():
            splits["val"] = _val(root, named, path, val_list, label_offset)
    else:
        splits = _record_splits(root, label_offset)
        named = named or [(f"class {number}",) * 2 for number in range(NUM_CLASSES)]
    synsets, names = zip(*named, strict=True)
    missing = "" if "val" in splits else f"{root} has no val; only train is written."
    return classification_plan(
        NAME, names, synsets, splits, options=options, notes=(missing,) if missing else ()
    )


def _class_file(root, classes):
    if classes is not None:
        if not pathlib.Path(classes).is_file():
            raise LfpError(f"There is no file {classes} for --classes.")
        return pathlib.Path(classes)
    return next((root / name for name in _CLASS_FILES if (root / name).is_file()), None)


def _read_classes(path):
    """[(folder, name)] of a file of classes, in its order."""
    found = _from_json(path) if path.suffix == ".json" else _from_text(path)
    folders = [folder for folder, _ in found]
    twice = sorted({folder for folder in folders if folders.count(folder) > 1})
    if not found or twice:
        what = f'names the class "{twice[0]}" twice' if twice else "names no classes"
        raise LfpError(f"{path} {what}; it needs one class folder a line.")
    return found


def _from_text(path):
    lines = [line.split(maxsplit=1) for line in read_list(path) if line]
    return [(words[0], words[-1]) for words in lines]


def _from_json(path):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        found = {entry["index"]: (str(entry["wnid"]), str(entry["name"])) for entry in found}
        return [found[number] for number in range(len(found))]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise LfpError(
            f"{path} is no list of objects with index, wnid and name ({error!r})."
        ) from None


def _folders(root):
    names = sorted(
        path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if not names:
        raise LfpError(f"{root} holds no class folders. Expected: {LAYOUT}.")
    return names


def _by_class(root, named, path):
    """The images of a folder of class folders, which must be those that are named."""
    present, wanted = _folders(root), [folder for folder, _ in named]
    listed = f"that {path} lists" if path else "that train has"
    missing = [folder for folder in wanted if folder not in set(present)]
    if missing:
        raise LfpError(
            f"{root} lacks {len(missing)} of the {len(wanted)} classes {listed}: "
            f"{first_of(missing)}."
        )
    extra = [folder for folder in present if folder not in set(wanted)]
    if extra:
        raise LfpError(
            f"{root} holds {len(extra)} class folders beside the {len(wanted)} {listed}: "
            f"{first_of(extra)}."
        )
    samples, empty = [], []
    for label, folder in enumerate(wanted):
        files = files_below(root / folder)
        samples += [
            ImageOfClass(str(root / folder / file), label, f"{folder}/{file}") for file in files
        ]
        empty += [] if files else [folder]
    if empty:
        raise LfpError(
            f"{root} has no images in {len(empty)} of its {len(wanted)} class folders: "
            f"{first_of(empty)}."
        )
    return samples


def _val(root, named, path, val_list, label_offset):
    folder = root / "val"
    if any(entry.is_dir() for entry in folder.iterdir()):
        return _by_class(folder, named, path)
    places = [pathlib.Path(val_list)] if val_list else [root / name for name in _VAL_LISTS]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        what = f"there is no file {val_list}" if val_list else "there is no list of their classes"
        raise LfpError(
            f"{folder} holds images without class folders and {what}; give --val_list FILE with "
            "lines IMAGE LABEL."
        )
    numbers = {wnid: number for number, (wnid, _) in enumerate(named)}
    samples = [
        _listed(folder, found, number, line, numbers, label_offset)
        for number, line in enumerate(read_list(found), 1)
        if line
    ]
    missing = [sample.image for sample in samples if not pathlib.Path(sample.image).is_file()]
    if missing:
        raise LfpError(f"{len(missing)} files that {found} names are missing: {first_of(missing)}.")
    if not samples:
        raise LfpError(f"{found} names no images.")
    return samples


def _listed(folder, path, number, line, numbers, label_offset):
    """The sample of a line `IMAGE LABEL`; the label is a number or a class folder's name."""
    words = line.split()
    if len(words) != 2 or not (words[1] in numbers or re.fullmatch(r"-?\d+", words[1])):
        raise LfpError(f"{path}, line {number} is not IMAGE LABEL with a label of the classes.")
    name = pathlib.PurePosixPath(words[0]).name
    label = numbers[words[1]] if words[1] in numbers else int(words[1]) - label_offset
    if not 0 <= label < len(numbers):
        hint = ""
        if label == len(numbers) and not label_offset:
            hint = " Does it count from 1? Then add --label_offset 1."
        raise LfpError(
            f"{path}, line {number} has the label {words[1]}, but {label_offset}-"
            f"{len(numbers) - 1 + label_offset} are expected.{hint}"
        )
    return ImageOfClass(str(folder / name), label, name)


def _record_splits(root, label_offset):
    """The records of each split that has shards."""
    names, splits = {path.name for path in root.iterdir()}, {}
    for split, words in _RECORD_SPLITS.items():
        for word in words:
            if any(re.fullmatch(rf"{word}-\d{{5}}-of-\d{{5}}(\.tfrecord)?", n) for n in names):
                splits[split] = _records(root, word, label_offset)
    if "train" not in splits and "val" not in splits:
        raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")
    return splits


def _records(root, word, label_offset):
    index, first = record_index(root, word), {}
    samples = []
    for place, (file, offset, length) in enumerate(
        zip(index.file.tolist(), index.offset.tolist(), index.length.tolist(), strict=True)
    ):
        number = place - first.setdefault(file, place)
        samples.append(RecordOfClass(index.paths[file], offset, length, number, label_offset))
    return samples
