"""What readers share: images and labels in folders and lists, and sentences for what is amiss."""

import hashlib
import itertools
import os
import pathlib
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lfp_tf.data.datasets.dataset import Source
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError, first_of

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")


class NoSamples(LfpError):
    """A split is empty or missing: nothing of it can be written."""


def existing_source(source: Source, name: str, layout: str) -> pathlib.Path:
    """The folder that the user gave.

    Args:
        source: what was given.
        name: of the data set.
        layout: text that describes the expected files.

    Raises:
        LfpError: nothing was given, or no folder.
    """
    if source is None:
        raise LfpError(f"{name} needs --source DIR, the folder that holds {layout}.")
    folder = pathlib.Path(source)
    if not folder.is_dir():
        raise LfpError(f"There is no folder {folder}; --source is the folder that holds {layout}.")
    return folder


def source_folder(
    source: Source,
    name: str,
    layout: str,
    parts: Sequence[str | Sequence[str]],
    *,
    places: Sequence[str] = (".",),
) -> pathlib.Path:
    """The folder in which a data set's parts lie: `source` itself or one below it.

    Args:
        source: what the user gave.
        name: of the data set.
        layout: text that describes the expected files.
        parts: files and folders that must be there; of a tuple one is enough.
        places: the folders below `source` that may hold them ("." is itself).

    Raises:
        LfpError: no source, or nowhere all the parts.
    """
    folder = existing_source(source, name, layout)
    choices = [(part,) if isinstance(part, str) else part for part in parts]
    for names in itertools.product(*choices):
        for place in places:
            if all((folder / place / part).exists() for part in names):
                return folder / place
    first_names = [options[0] for options in choices]
    missing = [part for part in first_names if not (folder / part).exists()]
    raise LfpError(
        f"{folder} is not laid out as {name}: it lacks {', '.join(missing)}. Expected: {layout}."
    )


def first_file(folder: pathlib.Path, names: Iterable[str]) -> pathlib.Path | None:
    """The first of these files that is in the folder, or None."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def files_below(folder: str | os.PathLike, suffixes: Sequence[str] = IMAGES) -> list[str]:
    """Paths relative to `folder` of its files of these suffixes, sorted.

    Hidden files and what lies below hidden folders are left out. Linked folders are read;
    `refuse_links_outside` says which links may be there.
    """
    if not os.path.isdir(folder):
        return []
    return sorted(_files(os.fspath(folder), "", suffixes, frozenset()))


def refuse_links_outside(source: str | os.PathLike) -> None:
    """Refuses a folder with symbolic links that lead out of it; hidden ones are never read.

    Raises:
        LfpError: there are some; they are counted, the first few named.
    """
    root, outside, places = os.path.realpath(source), [], [os.fspath(source)]
    while places:
        for entry in _entries(places.pop()):
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                if os.path.commonpath([root, target]) != root:
                    outside.append(entry.path)
            elif entry.is_dir():
                places.append(entry.path)
    if outside:
        raise LfpError(
            f"{source} holds {len(outside)} symbolic links that lead out of it: "
            f"{first_of(sorted(outside))}. Add --follow_links to read what they lead to."
        )


def _files(folder, prefix, suffixes, above):
    """The files below a folder, `prefix` before each; links do not lead in circles."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for entry in _entries(folder):
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _files(entry.path, f"{path}/", suffixes, above | {real})
        elif posixpath.splitext(path)[1].lower() in suffixes and entry.is_file():
            yield path


def _entries(folder):
    """What is in a folder, sorted by name, without what is hidden."""
    try:
        with os.scandir(folder) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise LfpError(f"{folder} cannot be read ({error.strerror}).") from None
    return sorted(visible, key=lambda entry: entry.name)


def folders_in(folder: pathlib.Path) -> list[str]:
    """Names of the folders in a folder, sorted, hidden ones left out; none where it is missing."""
    return [e.name for e in _entries(folder) if e.is_dir()] if folder.is_dir() else []


def pair(images: str | os.PathLike, labels: str | os.PathLike) -> list[Sample]:
    """Pairs the images below one folder with the label files of the same names below another.

    Returns:
        The samples, sorted by name.

    Raises:
        NoSamples: there are no images.
        LfpError: images without labels, labels without images, two files of one name; all are
            counted, the first few named.
    """
    images, labels = pathlib.Path(images), pathlib.Path(labels)
    image_names, label_names = _both_by_stem(images, labels)
    without = [path for stem, path in image_names.items() if stem not in label_names]
    extra = [path for stem, path in label_names.items() if stem not in image_names]
    sentences = []
    if without:
        sentences.append(
            f"{len(without)} of {len(image_names)} images in {images} have no label of their name "
            f"in {labels}: {first_of(without)}."
        )
    if extra:
        sentences.append(
            f"{len(extra)} labels in {labels} have no image of their name in {images}: "
            f"{first_of(extra)}."
        )
    if sentences:
        raise LfpError(" ".join(sentences))
    return [
        Sample(str(images / image_names[stem]), str(labels / label_names[stem]), stem)
        for stem in sorted(image_names)
    ]


def pair_present(
    images: str | os.PathLike, labels: str | os.PathLike
) -> tuple[list[Sample], list[str]]:
    """As `pair`, but images without labels, and labels without images, are left out.

    Returns:
        The samples, sorted by name, and sentences about what is left out.

    Raises:
        NoSamples: there are no images, or none has labels.
        LfpError: there are no labels at all, or two files of one name.
    """
    images, labels = pathlib.Path(images), pathlib.Path(labels)
    image_names, label_names = _both_by_stem(images, labels)
    common = sorted(set(image_names) & set(label_names))
    if not common:
        raise NoSamples(
            f"None of the {len(image_names)} images in {images} has a label of its name among the "
            f"{len(label_names)} in {labels}: {first_of(image_names.values())}."
        )
    samples = [
        Sample(str(images / image_names[stem]), str(labels / label_names[stem]), stem)
        for stem in common
    ]
    notes = left_out_note(images, set(image_names) - set(common), len(image_names))
    alone = sorted(set(label_names) - set(common))
    if alone:
        notes.append(
            f"{len(alone)} of {len(label_names)} labels in {labels} have no image and are left "
            f"out: {first_of(alone)}."
        )
    return samples, notes


def left_out_note(images: pathlib.Path, names: Iterable[str], count: int) -> list[str]:
    """A sentence about images of a folder of `count` that have no labels; none without names."""
    names = sorted(names)
    if not names:
        return []
    return [
        f"{len(names)} of {count} images in {images} have no label and are left out: "
        f"{first_of(names)}."
    ]


def asked_of(splits: Iterable[str], asked: Iterable[str] | None) -> list[str]:
    """The splits that --splits asks for, in their own order; all where it asks for none."""
    return [split for split in splits if asked is None or split in asked]


def read_splits(
    names: Iterable[str],
    asked: Iterable[str] | None,
    read: Callable[[str], Any],
    *,
    layout: str | None = None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Reads the splits that are there; one that is not asked for may be empty or missing.

    Args:
        names: of the splits that there can be.
        asked: those of --splits; None where it is absent.
        read: function of a split's name to its samples, which raises `NoSamples`.
        layout: text that describes the expected files, for the sentence; None leaves it out.

    Returns:
        {split: samples}, and a sentence about every split that is left out.

    Raises:
        NoSamples: a split that is asked for is empty or missing, or every split is.
    """
    splits, reasons = {}, {}
    expected = f" Expected: {layout}." if layout else ""
    for split in asked_of(names, asked):
        try:
            splits[split] = read(split)
        except NoSamples as error:
            if asked is not None:
                raise NoSamples(f"{error}{expected}") from None
            reasons[split] = str(error)
    if not splits:
        raise NoSamples(" ".join(dict.fromkeys(reasons.values())) + expected)
    return splits, tuple(f"{split} is left out: {reason}" for split, reason in reasons.items())


def unique(folder: pathlib.Path, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """{name: path} of (name, path) below a folder.

    Raises:
        LfpError: two paths have one name.
    """
    paths = {}
    for name, path in pairs:
        if name in paths:
            raise LfpError(f"{folder} holds {paths[name]} and {path}: which one is meant?")
        paths[name] = path
    return paths


def listed_samples(root: pathlib.Path, pairs: Iterable[Sequence[str]], where: str) -> list[Sample]:
    """Samples of a list's (image, label) paths relative to `root`.

    Args:
        root: the folder that the paths start from.
        pairs: (image, label) of each line.
        where: how sentences call the list.

    Raises:
        NoSamples: the list is empty.
        LfpError: a path leads outside `root`, or files are missing; all counted, first named.
    """
    samples = []
    for image, label in pairs:
        paths = inside(root, image, where), inside(root, label, where)
        samples.append(Sample(*paths, name=posixpath.splitext(below(root, image, where))[0]))
    labels = [sample.label for sample in samples if sample.label]
    check_files([sample.image for sample in samples], labels, where=where)
    return samples


def check_files(images: Sequence[str], labels: Sequence[str] = (), *, where: str) -> None:
    """Refuses a list whose files are missing.

    Args:
        images: paths.
        labels: paths.
        where: how sentences call the list.

    Raises:
        NoSamples: there are no images.
        LfpError: files are missing; all counted, the first few named.
    """
    if not images:
        raise NoSamples(f"{where} names no images.")
    missing = [path for path in (*images, *labels) if not os.path.isfile(path)]
    if missing:
        raise LfpError(f"{len(missing)} files that {where} names are missing: {first_of(missing)}.")


def read_list(path: str | os.PathLike) -> list[str]:
    """The lines of a list, without the spaces around them; some may be empty.

    Raises:
        LfpError: the file cannot be read, or is no text.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LfpError(f"{path} cannot be read as a list of names ({error}).") from None
    return [line.strip() for line in text.splitlines()]


def inside(root: str | os.PathLike, relative: str, where: str) -> str:
    """The path of a list's entry below `root`; one that leads out of it is refused."""
    return str(pathlib.Path(root) / below(root, relative, where))


def below(root: str | os.PathLike, path: str, where: str) -> str:
    """A list's entry relative to `root`, where it may be written as an absolute path.

    Raises:
        LfpError: it leads out of `root`, or is hidden there.
    """
    inner = posixpath.normpath(path)
    if posixpath.isabs(inner):
        inner = os.path.relpath(inner, os.path.abspath(root))
    if inner.split("/")[0] == "..":
        raise LfpError(f'{where} names "{path}", which lies outside {root}.')
    if any(part.startswith(".") for part in inner.split("/")):
        raise LfpError(f'{where} names "{path}", which is hidden; rename it to have it read.')
    return inner


def split_by_seed(samples: Sequence[Sample], *, seed: int, share: float) -> dict[str, list[Sample]]:
    """Divides samples by their names: equal names and seed give equal splits, in any order.

    Returns:
        {"train": ..., "val": ...}; val has `share` of them, at least one.

    Raises:
        LfpError: there are fewer than two samples.
    """
    if len(samples) < 2:
        raise LfpError(f"{len(samples)} image cannot be divided into train and val.")
    names = [f"{seed}/{sample.name}".encode(errors="backslashreplace") for sample in samples]
    draws = [hashlib.sha256(name).digest() for name in names]
    order = sorted(range(len(samples)), key=lambda number: draws[number])
    num_val = min(max(1, round(share * len(samples))), len(samples) - 1)
    held_out = set(order[:num_val])
    return {
        "train": [sample for n, sample in enumerate(samples) if n not in held_out],
        "val": [sample for n, sample in enumerate(samples) if n in held_out],
    }


def _both_by_stem(images, labels):
    """`_by_stem` of a folder of images and of one of labels; none may be empty."""
    return _some_by_stem(images, "images", NoSamples), _some_by_stem(labels, "labels", LfpError)


def _some_by_stem(folder, content, kind):
    names = _by_stem(folder)
    if not folder.is_dir():
        raise kind(f"There is no folder {folder} with {content}.")
    if not names:
        raise kind(f"{folder} holds no {content} ({', '.join(IMAGES)}).")
    return names


def _by_stem(folder):
    """{path without suffix: path} of the images below a folder."""
    return unique(folder, ((posixpath.splitext(path)[0], path) for path in files_below(folder)))
