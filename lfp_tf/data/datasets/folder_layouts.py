"""How anybody's folder of images and labels may be laid out; `folder.py` draws the forms."""

import pathlib
import posixpath
import re
from collections.abc import Sequence

from lfp_tf.data.datasets.folders import (
    NoSamples,
    asked_of,
    files_below,
    listed_samples,
    pair,
    read_list,
    read_splits,
    split_by_seed,
    unique,
)
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError, first_of

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


def find_splits(
    root: pathlib.Path, asked: Sequence[str] | None, *, seed: int, val_share: float
) -> tuple[dict[str, list[Sample]], tuple[str, ...]]:
    """The samples of each split by the first layout that a folder has.

    Args:
        root: the folder.
        asked: the splits to look at; None is all.
        seed: divides images that have no splits.
        val_share: the share of val in these.

    Returns:
        {split: samples}, empty where it has none of the layouts; and a sentence about every split
        that is left out.

    Raises:
        LfpError: images and labels do not pair, a list is not as it must be, or a split that is
            asked for is empty.
    """
    for form in _FORMS:
        if places := _places(root, form):
            return _read_places(places, asked, lambda paths: pair(*paths))
    if all((root / part).is_dir() for part in ("SegmentationClass", _CVAT_LISTS)):
        return _cvat_splits(root, asked, seed, val_share)
    if lists := _places(root, ("{split}.txt",)):
        return _read_places(lists, asked, lambda paths: _listed(root, *paths))
    if (root / "images").is_dir() and (root / "labels").is_dir():
        samples = pair(root / "images", root / "labels")
        return split_by_seed(samples, seed=seed, share=val_share), ()
    places = _places(root, ("{split}",))
    if any(_has_masks(*paths) for paths in places.values()):
        return _read_places(places, asked, lambda paths: _mask_pairs(*paths))
    if _has_masks(root):
        return split_by_seed(_mask_pairs(root), seed=seed, share=val_share), ()
    return {}, ()


def _read_places(places, asked, read):
    """As `read_splits`; where nothing asked for is there, the command tells what is."""
    is_there = bool(asked_of(places, asked))
    return read_splits(places, asked if is_there else None, lambda split: read(places[split]))


def unread_folders(root: pathlib.Path, splits: dict[str, list[Sample]]) -> tuple[str, ...]:
    """A sentence that names the folders which no sample comes from."""
    files = [
        path for samples in splits.values() for s in samples for path in (s.image, s.label) if path
    ]
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
    paths = {path: posixpath.splitext(path)[0] for path in files_below(folder)}
    images = unique(folder, ((stem, path) for path, stem in paths.items() if not _mask_of(stem)))
    masks = ((_mask_of(stem), path) for path, stem in paths.items() if _mask_of(stem))
    labels = unique(folder, masks)
    if not labels:
        raise NoSamples(f"{folder} holds no labels NAME{_MASK_END}.")
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


def _cvat_splits(root, asked, seed, val_share):
    """Splits of CVAT's lists; lists of other names are one set that is divided."""
    images = next((root / name for name in _CVAT_IMAGES if (root / name).is_dir()), None)
    if images is None:
        raise LfpError(
            f"{root} has no folder {' or '.join(_CVAT_IMAGES)}; export from CVAT with its images."
        )
    paths = {posixpath.splitext(name)[0]: f"{images.name}/{name}" for name in files_below(images)}
    lists, others = {}, []
    for path in [root / _CVAT_LISTS / name for name in files_below(root / _CVAT_LISTS, (".txt",))]:
        names = [line.strip('"') for line in read_list(path) if line]
        split = next((key for key, known in _NAMES.items() if path.stem.lower() in known), None)
        pairs = [
            (paths.get(name, f"{images.name}/{name}.jpg"), f"SegmentationClass/{name}.png")
            for name in names
        ]
        if split:
            lists[split] = (root, pairs, str(path))
        elif pairs:
            others += listed_samples(root, pairs, str(path))
    if any(pairs for _, pairs, _ in lists.values()):
        return _read_places(lists, asked, lambda of_split: listed_samples(*of_split))
    if not others:
        raise NoSamples(f"{root / _CVAT_LISTS} names no images.")
    return split_by_seed(others, seed=seed, share=val_share), ()


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
