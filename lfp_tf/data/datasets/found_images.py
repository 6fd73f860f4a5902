"""Images that annotations name, wherever they lie below a folder."""

from collections.abc import Callable, Sequence


def image_finder(paths: Sequence[str], places: Sequence[str] = ()) -> Callable[[str], list[str]]:
    """A function of an annotation's file name to the paths that it may mean.

    These are the paths that end with the name; of a name with folders of another machine, those
    that end with its last part.

    Args:
        paths: of all images, relative to the folder.
        places: names of folders; paths through the first of them come before others.

    >>> find = image_finder(["train/a.jpg", "val/a.jpg", "val/b.jpg"], ["val"])
    >>> find("a.jpg"), find("train/a.jpg"), find(r"C:\\\\x\\\\b.jpg"), find("c.jpg")
    (['val/a.jpg'], ['train/a.jpg'], ['val/b.jpg'], [])
    """
    by_name = {}
    for path in paths:
        by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)

    def rank(path):
        return tuple(place not in path.split("/")[:-1] for place in places)

    def find(file_name):
        parts = [part for part in file_name.replace("\\", "/").split("/") if part not in ("", ".")]
        same = by_name.get(parts[-1], []) if parts else []
        ends = [path for path in same if f"/{path}".endswith("/" + "/".join(parts))]
        several = ends or same
        best = min(map(rank, several), default=None)
        return [path for path in several if rank(path) == best]

    return find
