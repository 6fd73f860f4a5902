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
Left out: splits that are not there.
Refused: images without labels and labels without images; values that are no class; names twice.
"""

import functools
import json
import pathlib
import posixpath
import re
from collections.abc import Sequence

import numpy as np

from lfp_tf.data.census import first_of
from lfp_tf.data.datasets.dataset import (
    Asked,
    Dataset,
    Option,
    Source,
    share,
    whole_number,
    whole_numbers,
)
from lfp_tf.data.datasets.folders import (
    asked_of,
    existing_source,
    files_below,
    first_file,
    listed_samples,
    pair,
    read_list,
    split_by_seed,
)
from lfp_tf.data.datasets.label_colors import ColorCode
from lfp_tf.data.label_shares import judge_labels, total_pixels
from lfp_tf.data.plan import Judgement, Plan
from lfp_tf.data.segmentation.records import (
    LabelRule,
    segmentation_plan,
    values_problem,
    values_rule,
)
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError, nearest
from lfp_tf.images.palette import ClassTable, numbered_table

NAME = "folder"
LAYOUT = (
    "images and labels (both with train and val below, or neither), or train/images and "
    "train/labels, or train and trainannot, or lists train.txt and val.txt of lines IMAGE LABEL; "
    "and classes.txt, one name per line"
)
SPLITS = ("train", "val", "test")

MOST_CLASSES = 255
_LABEL_MAP = "labelmap.txt"
_CLASS_FILES = ("classes.txt", "classes.json", _LABEL_MAP)
_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
_MASK_END = "_mask"
_CVAT_LISTS, _CVAT_IMAGES = "ImageSets/Segmentation", ("JPEGImages", "images")
_FORMS = (
    ("images/{split}", "labels/{split}"),
    ("{split}/images", "{split}/labels"),
    ("{split}", "{split}annot"),
)


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
        asked: the splits to be written.
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
    splits = _splits(root, asked, seed, val_share)
    ignored = frozenset(ignore_values) | {255} | ({0} if label_offset else frozenset())
    named, code = _classes(root, classes)
    options: dict = {"label_offset": label_offset, "ignore_values": sorted(ignore_values)}
    if values:
        table = named or numbered_table(list(dict.fromkeys(name for _, name in values)))
        if label_offset:
            raise LfpError("--values tells the class of every value; leave --label_offset out.")
        rule = _mapped(table, values, ignore_values)
        options |= {"values": {str(value): name for value, name in values}}
        judge = functools.partial(judge_labels, table=table)
    else:
        table = named or _counted(splits, label_offset, ignored)
        rule = _coded(table, code, label_offset, ignored)
        has_plain_values = not label_offset and not ignore_values
        judge = functools.partial(
            _judge, table=table, is_named=named is not None, has_plain_values=has_plain_values
        )
    if len(table) > MOST_CLASSES:
        raise LfpError(f"{len(table)} classes do not fit 8-bit labels; {MOST_CLASSES} do.")
    notes = _unread_folders(root, splits) if asked is None else ()
    return segmentation_plan(NAME, table, splits, rule, options=options, notes=notes, judge=judge)


def _splits(root, asked, seed, val_share):
    for form in _FORMS:
        places = _places(root, form)
        # Where nothing asked for is there, the command tells what is.
        names = asked_of(places, asked) or list(places)
        if names:
            return {split: pair(*places[split]) for split in names}
    if all((root / part).is_dir() for part in ("SegmentationClass", _CVAT_LISTS)):
        return _cvat_splits(root, seed, val_share)
    lists = {split: paths[0] for split, paths in _places(root, ("{split}.txt",)).items()}
    if lists:
        names = asked_of(lists, asked) or list(lists)
        return {split: _listed(root, lists[split]) for split in names}
    if (root / "images").is_dir() and (root / "labels").is_dir():
        samples = pair(root / "images", root / "labels")
        return split_by_seed(samples, seed=seed, share=val_share)
    places = {split: paths[0] for split, paths in _places(root, ("{split}",)).items()}
    places = {split: place for split, place in places.items() if _has_masks(place)}
    if places:
        return {split: _mask_pairs(places[split]) for split in asked_of(places, asked) or places}
    if _has_masks(root):
        return split_by_seed(_mask_pairs(root), seed=seed, share=val_share)
    raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")


def _places(root, form):
    """{split: its paths} of a form, of the splits that have all of them, under any name."""
    places = {}
    for split, names in _NAMES.items():
        paths = [[root / part.format(split=name) for part in form] for name in names]
        paths = [parts for parts in paths if all(path.exists() for path in parts)]
        if len(paths) > 1:
            raise LfpError(f"{paths[0][0]} and {paths[1][0]} are both {split}; keep one of them.")
        if paths:
            places[split] = paths[0]
    return places


def _has_masks(folder):
    return folder.is_dir() and any(_mask_of(stem) for stem in _stems(folder))


def _mask_of(stem):
    """The image of `NAME_mask`, or an empty text."""
    return stem.removesuffix(_MASK_END) if stem.endswith(_MASK_END) else ""


def _stems(folder):
    return [posixpath.splitext(path)[0] for path in files_below(folder)]


def _mask_pairs(folder):
    """Pairs NAME with NAME_mask, both below one folder."""
    images, labels = {}, {}
    for path in files_below(folder):
        stem = posixpath.splitext(path)[0]
        names, stem = (labels, _mask_of(stem)) if _mask_of(stem) else (images, stem)
        if stem in names:
            raise LfpError(f"{folder} holds {names[stem]} and {path}: which one is meant?")
        names[stem] = path
    alone = [images.get(stem) or labels[stem] for stem in sorted(set(images) ^ set(labels))]
    if alone:
        raise LfpError(
            f"{folder} holds {len(alone)} files without their other: {first_of(alone)}; every "
            f"image NAME needs its labels NAME{_MASK_END}."
        )
    return [
        Sample(str(folder / images[stem]), str(folder / labels[stem]), stem)
        for stem in sorted(images)
    ]


def _unread_folders(root, splits):
    """A sentence that names the folders which no sample comes from."""
    files = [path for samples in splits.values() for s in samples for path in (s.image, s.label)]
    used = {root}
    for folder in {pathlib.Path(path).parent for path in files}:
        used |= {place for place in (folder, *folder.parents) if root in place.parents}
    unread = sorted(
        path.relative_to(root).as_posix()
        for folder in used
        for path in folder.iterdir()
        if path not in used and path.is_dir() and not path.name.startswith((".", "ImageSets"))
    )
    return (f"No data is read from {first_of(unread)}.",) if unread else ()


def _cvat_splits(root, seed, val_share):
    """Splits of CVAT's lists; lists of other names are one set that is divided."""
    images = next((root / name for name in _CVAT_IMAGES if (root / name).is_dir()), None)
    if images is None:
        raise LfpError(
            f"{root} has no folder {' or '.join(_CVAT_IMAGES)}; export from CVAT with its images."
        )
    paths = {posixpath.splitext(name)[0]: f"{images.name}/{name}" for name in files_below(images)}
    splits, others = {}, []
    for path in sorted((root / _CVAT_LISTS).glob("*.txt")):
        names = [line.strip('"') for line in read_list(path) if line]
        pairs = [
            (paths.get(name, f"{images.name}/{name}.jpg"), f"SegmentationClass/{name}.png")
            for name in names
        ]
        split = next((key for key, names in _NAMES.items() if path.stem.lower() in names), None)
        if pairs and split:
            splits[split] = listed_samples(root, pairs, str(path))
        elif pairs:
            others += listed_samples(root, pairs, str(path))
    if not splits and not others:
        raise LfpError(f"{root / _CVAT_LISTS} names no images.")
    return splits or split_by_seed(others, seed=seed, share=val_share)


def _listed(root, path):
    """Samples of a list's lines `IMAGE LABEL`, both relative to the folder."""
    pairs = []
    for number, line in enumerate(read_list(path), 1):
        if not line:
            continue
        pair_of_line = _pair_of(root, line)
        if pair_of_line is None:
            raise LfpError(
                f"{path}, line {number} is not IMAGE LABEL, two paths with a space, a tab or a "
                "comma between them; without such lists images and labels are divided by --seed."
            )
        pairs.append(pair_of_line)
    return listed_samples(root, pairs, str(path))


def _pair_of(root, line):
    """(image, label) of a line; names with spaces or commas are told by the files there are."""
    separators = [mark for mark in ("\t", ",", " ") if mark in line]
    choices = [_cuts(line, mark) for mark in separators]
    if choices and len(choices[0]) == 1:
        (only,) = choices[0]
        if len(separators) == 1 or _are_files(root, only):
            return only
    for cuts in choices:
        for cut in cuts:
            if _are_files(root, cut):
                return cut
    return choices[0][0] if choices and len(choices[0]) == 1 else None


def _cuts(line, mark):
    """Every way to cut a line in two at a mark."""
    places = re.finditer(r"\s+" if mark == " " else mark, line)
    pairs = [(line[: place.start()], line[place.end() :]) for place in places]
    return [(image.strip().strip('"'), label.strip().strip('"')) for image, label in pairs]


def _are_files(root, paths):
    return all(path and (root / path).is_file() for path in paths)


def _classes(root, classes):
    """The `ClassTable` of a file of names, None where there is none, and its `ColorCode`."""
    if classes is not None and not pathlib.Path(classes).is_file():
        raise LfpError(f"There is no file {classes} for --classes.")
    path = pathlib.Path(classes) if classes else first_file(root, _CLASS_FILES)
    if path is None:
        return None, ColorCode("classes.txt", ())
    is_label_map = path.name == _LABEL_MAP
    if is_label_map:
        entries = _from_label_map(path)
    else:
        entries = _from_json(path) if path.suffix == ".json" else _from_text(path)
    names = [name for name, _ in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        what = f'names "{twice[0]}" twice' if twice else "names no classes"
        raise LfpError(f"{path} {what}; it needs one name per line.")
    colors = numbered_table(names).colors
    for number, (_, color) in enumerate(entries):
        colors[number] = colors[number] if color is None else color
    coded = tuple((tuple(color), n) for n, (_, color) in enumerate(entries) if color is not None)
    return ClassTable(tuple(names), colors), ColorCode(str(path), coded, is_label_map)


def _from_label_map(path):
    """(name, colour or None) of each line `name:r,g,b:parts:actions` (opencv/cvat)."""
    entries = []
    for number, line in enumerate(read_list(path), 1):
        if not line or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        words = rest.split(":")[0].split(",") if rest.split(":")[0] else []
        color = [int(word) for word in words if word.strip().isdigit() and int(word) < 256]
        if len(words) not in (0, 3) or len(color) != len(words):
            raise LfpError(f"{path}, line {number} is not NAME:R,G,B:: with a colour of 0 to 255.")
        entries.append((name.strip(), color or None))
    return entries


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
        content = json.loads(path.read_text(encoding="utf-8"))
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
        return [(str(entry["name"]), _color(entry.get("color"))) for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise LfpError(
            f"{path} is no list of class names, nor of objects with index and name ({error})."
        ) from None


def _color(numbers):
    """Three whole numbers 0..255, or None."""
    if numbers is None:
        return None
    color = [int(number) for number in numbers]
    if len(color) != 3 or not 0 <= min(color) <= max(color) < 256:
        raise ValueError(f"{numbers} is no colour")
    return color


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
    )


def _problem(values, *, code, allowed, hint):
    if values.ndim == 3:
        return code.problem(values)
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
