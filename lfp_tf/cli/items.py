"""What `lfp-tf predict` is to look at: files found, and what their results are called."""

import dataclasses
import pathlib

from lfp_tf.errors import LfpError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True)
class Item:
    """One image or video: where it is, and what its results are called without their endings."""

    source: pathlib.Path
    target: pathlib.Path
    is_video: bool = False

    def path(self, ending):
        """Where a result of that ending is written."""
        return self.target.with_name(self.target.name + ending)


def find_items(inputs, out):
    """The images and videos among files and folders, in order, with the names of their results.

    Folders are searched whole and keep their inner paths. Files that differ in their ending
    alone keep it in the results' names.

    Raises:
        LfpError: something that is not there, or a folder without an image or video.
    """
    found = []
    for text in inputs:
        place = pathlib.Path(text)
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if _is_image(p) or is_video(p))
            if not inside:
                raise LfpError(f"{place} holds no images ({', '.join(SUFFIXES)}) and no videos.")
            found += [(path, path.relative_to(place)) for path in inside]
        elif place.exists():
            found.append((place, pathlib.Path(place.name)))
        else:
            raise LfpError(f"There is no image, video or folder {place}.")
    stems = [inner.with_suffix("") for _, inner in found]
    names = [
        inner if stems.count(stem) > 1 else stem
        for (_, inner), stem in zip(found, stems, strict=True)
    ]
    for (path, _), name in zip(found, names, strict=True):
        if names.count(name) > 1:
            raise LfpError(f"Two inputs would both be written as {name}; one is {path}.")
    return [
        Item(path, out / name, is_video(path)) for (path, _), name in zip(found, names, strict=True)
    ]


def is_video(path):
    """Whether a path ends as a video's does."""
    from lfp_tf.images.video import VIDEO_SUFFIXES

    return path.suffix.lower() in VIDEO_SUFFIXES


def _is_image(path):
    return path.suffix.lower() in SUFFIXES
