"""Images that annotations name, wherever they lie below a folder."""

import pathlib
from collections.abc import Callable, Sequence


def image_finder(paths: Sequence[str]) -> Callable[..., list[str]]:
    """A function of an annotation's file name to the paths that it may mean.

    These are the paths that end with the name; of a name with folders of another machine, those
    that end with its last part.

    Args:
        paths: of all images, relative to the folder.

    Returns:
        Function of a file name and names of folders; paths through the first of these come before
        others.

    >>> find = image_finder(["train/a.jpg", "val/a.jpg", "val/b.jpg"])
    >>> find("a.jpg", ["val"]), find("train/a.jpg", ["val"]), find(r"C:\\x\\b.jpg"), find("c.jpg")
    (['val/a.jpg'], ['train/a.jpg'], ['val/b.jpg'], [])
    """
    by_name = paths_by(paths, lambda path: path.rsplit("/", 1)[-1])

    def find(file_name, places=()):
        parts = [part for part in file_name.replace("\\", "/").split("/") if part not in ("", ".")]
        same = by_name.get(parts[-1], []) if parts else []
        ends = [path for path in same if f"/{path}".endswith("/" + "/".join(parts))]
        several = ends or same

        def rank(path):
            return tuple(place not in path.split("/")[:-1] for place in places)

        best = min(map(rank, several), default=None)
        return [path for path in several if rank(path) == best]

    return find


def paths_by(paths: Sequence[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    """The paths by what a function makes of each, in their order."""
    groups = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    return groups


def without_suffix(path: str) -> str:
    """A path as it is without the end of its name.

    >>> without_suffix("train/a.b.jpg")
    'train/a.b'
    """
    return str(pathlib.PurePosixPath(path).with_suffix(""))
