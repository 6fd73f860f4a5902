"""Files that name the classes of anybody's labels, perhaps with their colours."""

import pathlib

from lfp_tf.data.datasets.folders import first_file, read_list
from lfp_tf.data.datasets.label_colors import ColorCode
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import ClassTable, numbered_table

_LABEL_MAP = "labelmap.txt"
_CLASS_FILES = ("classes.txt", "classes.json", _LABEL_MAP)


def read_classes(root: pathlib.Path, classes: str | None) -> tuple[ClassTable | None, ColorCode]:
    """Names of classes, and the colours that stand for them in label files.

    Args:
        root: the folder that may hold one of the usual files.
        classes: another file, or None.

    Returns:
        The `ClassTable`, None where there is no file, and the `ColorCode`, perhaps empty.

    Raises:
        LfpError: no such file, or no list of classes.
    """
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
        color = [int(word) for word in words if word.strip().isdecimal() and int(word) < 256]
        if len(words) not in (0, 3) or len(color) != len(words):
            raise LfpError(f"{path}, line {number} is not NAME:R,G,B:: with a colour of 0 to 255.")
        entries.append((name.strip(), color or None))
    return entries


def _from_text(path):
    """(name, colour or None) of each line `name` or `name R G B`."""
    entries = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise LfpError(f"{path} is no UTF-8 text; save it as UTF-8.") from None
    for line in filter(None, map(str.strip, text.splitlines())):
        words = line.split()
        numbers = [int(word) for word in words[-3:] if word.isdecimal() and int(word) < 256]
        has_color = len(words) > 3 and len(numbers) == 3
        entries.append((" ".join(words[:-3]), numbers) if has_color else (line, None))
    return entries


def _from_json(path):
    """A list of names, or of objects with `index` (or `train_id`), `name`, perhaps `color`."""
    try:
        content = load_json(path)
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
