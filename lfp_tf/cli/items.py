"""The inputs of `lfp-tf predict`: images and videos, and what their results are called."""

import dataclasses
import pathlib
from collections.abc import Iterable

from lfp_tf.errors import LfpError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True)
class Item:
    """One image or video.

    Attributes:
        source: where it is.
        target: path of its results, without their endings.
        is_video: whether it is a video.
    """

    source: pathlib.Path
    target: pathlib.Path
    is_video: bool = False

    def path(self, ending: str) -> pathlib.Path:
        """Where a result of that ending is written."""
        return self.target.with_name(self.target.name + ending)

    def refusal(self, error: LfpError) -> str:
        """The sentence of an error, which names the input."""
        text = str(error)
        return text if str(self.source) in text else f"{self.source}: {text}"


def find_items(inputs: Iterable[str], out: pathlib.Path) -> list[Item]:
    """The images and videos among files and folders, in order, with the names of their results.

    Folders are searched whole, but for what is hidden, and keep their inner paths. Files that
    differ in their ending alone keep it in the results' names.

    Raises:
        LfpError: something that is not there, or a folder without an image or video.
    """
    paths = [pair for text in inputs for pair in _paths(pathlib.Path(text))]
    stems = [inner.with_suffix("") for _, inner in paths]
    names = [
        inner if stems.count(stem) > 1 else stem
        for (_, inner), stem in zip(paths, stems, strict=True)
    ]
    sources = [path for path, _ in paths]
    for source, name in zip(sources, names, strict=True):
        if names.count(name) > 1:
            raise LfpError(f"Two inputs would both be written as {name}; one is {source}.")
    return [
        Item(source, out / name, _is_video(source))
        for source, name in zip(sources, names, strict=True)
    ]


def _paths(place):
    """(path, path inside of the results) of a file, or of each file of a folder."""
    if place.is_dir():
        paths = [path for path in sorted(place.rglob("*")) if _is_visible(path.relative_to(place))]
        paths = [path for path in paths if _is_image(path) or _is_video(path)]
        if not paths:
            raise LfpError(f"{place} holds no images ({', '.join(SUFFIXES)}) and no videos.")
        return [(path, path.relative_to(place)) for path in paths]
    if place.exists():
        return [(place, pathlib.Path(place.name))]
    raise LfpError(f"There is no image, video or folder {place}.")


def _is_visible(inner):
    return not any(part.startswith(".") for part in inner.parts)


def _is_image(path):
    return path.suffix.lower() in SUFFIXES


def _is_video(path):
    from lfp_tf.images.video import VIDEO_SUFFIXES  # Late: it loads OpenCV.

    return path.suffix.lower() in VIDEO_SUFFIXES
