"""Finding images and their labels in folders and lists, with sentences for what is amiss."""

import hashlib
import pathlib
import posixpath

import numpy as np

from lfp_tf.data.census import first_of
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")


def source_folder(source, name, layout, *candidates):
    """The folder in which a data set's parts lie: `source` itself or one below it.

    Args:
        source: what the user gave.
        name: the data set.
        layout: text that describes the expected folders.
        candidates: for each folder below `source` that is looked at ("." is itself), a pair of it
            and a list of what must be there.

    Raises:
        LfpError: no source, or nowhere all the parts.
    """
    if source is None:
        raise LfpError(f"{name} needs --source DIR, the folder that holds {layout}.")
    source = pathlib.Path(source)
    if not source.is_dir():
        raise LfpError(f"There is no folder {source}; --source is the folder that holds {layout}.")
    for below, parts in candidates:
        if all((source / below / part).exists() for part in parts):
            return source / below
    below, parts = candidates[0]
    missing = [part for part in parts if not (source / below / part).exists()]
    raise LfpError(
        f"{source} is not laid out as {name}: it lacks {', '.join(missing)}. Expected: {layout}."
    )


def files_below(folder, suffixes=IMAGES):
    """Paths relative to `folder` of its files of these suffixes, sorted, hidden ones left out."""
    folder = pathlib.Path(folder)
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in found
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def pair(images, labels, *, label_of=None):
    """Pairs the images below one folder with the label files below another by their names.

    Args:
        images: folder of images.
        labels: folder of label files.
        label_of: from an image's relative path without suffix to that of its label; the same by
            default.

    Returns:
        List of `Sample`, sorted by name.

    Raises:
        LfpError: no images, images without labels, labels without images, two files of one
            name; all are counted, the first few named.
    """
    image_names, label_names = _by_stem(images), _by_stem(labels)
    if not image_names:
        raise LfpError(f"{images} holds no images ({', '.join(IMAGES)}).")
    wanted = {stem: label_of(stem) if label_of else stem for stem in image_names}
    without = [image_names[stem] for stem, target in wanted.items() if target not in label_names]
    used = set(wanted.values())
    extra = [path for stem, path in label_names.items() if stem not in used]
    sentences = []
    if without:
        sentences.append(
            f"{len(without)} of {len(image_names)} images in {images} have no label of their name "
            f"in {labels}: {first_of(without)}."
        )
    if extra and not label_of:
        sentences.append(
            f"{len(extra)} labels in {labels} have no image of their name in {images}: "
            f"{first_of(extra)}."
        )
    if sentences:
        raise LfpError(" ".join(sentences))
    images, labels = pathlib.Path(images), pathlib.Path(labels)
    return [
        Sample(str(images / image_names[stem]), str(labels / label_names[wanted[stem]]), stem)
        for stem in sorted(image_names)
    ]


def listed_samples(root, entries, where):
    """Samples of a list's (image, label) paths relative to `root`.

    Raises:
        LfpError: a path leads outside `root`, or files are missing; all counted, first named.
    """
    samples = [
        Sample(inside(root, image, where), inside(root, label, where), posixpath.splitext(image)[0])
        for image, label in entries
    ]
    wanted = [path for sample in samples for path in (sample.image, sample.label)]
    missing = [path for path in wanted if not pathlib.Path(path).is_file()]
    if missing:
        raise LfpError(f"{len(missing)} files that {where} names are missing: {first_of(missing)}.")
    if not samples:
        raise LfpError(f"{where} names no images.")
    return samples


def read_list(path):
    """The lines of a list, without the spaces around them; some may be empty.

    Raises:
        LfpError: the file cannot be read, or is no text.
    """
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LfpError(f"{path} cannot be read as a list of names ({error}).") from None
    return [line.strip() for line in text.splitlines()]


def inside(root, relative, where):
    """The path of a list's entry below `root`; one that leads out of it is refused."""
    path = posixpath.normpath(relative)
    if posixpath.isabs(path) or path.split("/")[0] == "..":
        raise LfpError(f'{where} names "{relative}", which lies outside {root}.')
    return str(pathlib.Path(root) / path)


def split_by_seed(samples, *, seed, share):
    """Divides samples by their names: equal names and seed give equal splits, in any order.

    Returns:
        {"train": ..., "val": ...}; val has `share` of them, at least one.

    Raises:
        LfpError: there are fewer than two samples.
    """
    if len(samples) < 2:
        raise LfpError(f"{len(samples)} image cannot be divided into train and val.")
    draws = [hashlib.sha256(f"{seed}/{sample.name}".encode()).digest() for sample in samples]
    order = sorted(range(len(samples)), key=lambda number: draws[number])
    num_val = min(max(1, round(share * len(samples))), len(samples) - 1)
    is_val = np.zeros(len(samples), bool)
    is_val[order[:num_val]] = True
    parts = {"train": [], "val": []}
    for sample, held_out in zip(samples, is_val, strict=True):
        parts["val" if held_out else "train"].append(sample)
    return parts


def _by_stem(folder):
    found = {}
    for path in files_below(folder):
        stem = posixpath.splitext(path)[0]
        if stem in found:
            raise LfpError(f"{folder} holds {found[stem]} and {path}: which one is meant?")
        found[stem] = path
    return found
