"""The process that reads one `.h5` for `h5.py`: a damaged file may crash or stall HDF5 itself.

Run as a program, with numpy and h5py alone: `python h5_child.py FILE MOST_BYTES SECONDS`. It
limits its own memory and time before the file is opened, and writes to standard output, per array,
one line of JSON (name, dtype, shape, and the name of the layer in Keras 3's `.weights.h5`) and the
raw values; last a line with `end` or `error`.
"""

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from typing import Any

MOST_LEVELS, MOST_LINKS = 60, 1_000_000
LONGEST_NAME = 1000
HDF5_BYTES = 256 << 20  # What HDF5 itself takes for its caches and buffers.


class Refused(Exception):
    """The rest of the sentence that follows the file's name."""


def limit(most_bytes: int, seconds: int) -> None:
    """Lets this process take `seconds` of CPU and, on Linux, `most_bytes` beyond what it has.

    macOS heeds no such limit of memory; there `h5.py` watches this process.
    """
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as stream:
            now = int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        most = now + most_bytes + HDF5_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def read(path: str, most_bytes: int, write: Callable[[bytes], Any]) -> None:
    """Sends every array of numbers.

    Raises:
        Refused: the file holds what weights do not need.
    """
    import h5py

    with h5py.File(path, "r") as file:
        check_links(h5py, file)
        names = dict(weights(h5py, file) or datasets(h5py, file))
        arrays = {name: item for name, item in names.items() if item.dtype.kind in "fiub"}
        total = sum(item.size * item.dtype.itemsize for item in arrays.values())
        if total > most_bytes:
            raise Refused(f"would unpack to {total} bytes; it is damaged or hostile.")
        for name, item in arrays.items():
            values = item[()]
            values = values.astype(values.dtype.newbyteorder("<"), order="C", copy=False)
            head = {"name": name, "dtype": values.dtype.str, "shape": list(item.shape)}
            if "/vars/" in name:
                head["layer"] = layer_name(item)
            write(json.dumps(head).encode() + b"\n")
            write(values.tobytes())


def check_links(h5py: Any, file: Any) -> None:
    """Refuses what leads out of the file: external and soft links, external and virtual data.

    `h5py` is the module, which is imported late; the others get it likewise.
    """
    waiting, addresses, links = [(file, 0)], {h5py.h5o.get_info(file["/"].id).addr}, 0
    while waiting:
        group, level = waiting.pop()
        if level > MOST_LEVELS:
            raise Refused(f"nests deeper than {MOST_LEVELS} levels; it is hostile.")
        for name in group:
            links += 1
            link = group.get(name, getlink=True)
            where = f"{group.name.rstrip('/')}/{name}"
            if isinstance(link, h5py.ExternalLink):
                raise Refused(f'holds "{where}", a link to another file ({link.filename}).')
            if not isinstance(link, h5py.HardLink) or links > MOST_LINKS:
                raise Refused(f'holds "{where}", a link that weights do not need.')
            item = group[name]
            if isinstance(item, h5py.Dataset) and (item.external or item.is_virtual):
                raise Refused(f'holds "{where}", whose values lie in another file.')
            address = h5py.h5o.get_info(item.id).addr
            if isinstance(item, h5py.Group):
                if address in addresses:  # Paths through it could be without number.
                    raise Refused(f'holds "{where}", a group that lies in two places.')
                addresses.add(address)
                waiting.append((item, level + 1))


def weights(h5py: Any, file: Any) -> list[tuple[str, Any]]:
    """Lists Keras' weights as (name, data set), by `layer_names` and `weight_names`."""
    top = file
    if "layer_names" not in file.attrs and "layer_names0" not in file.attrs:
        top = file.get("model_weights", file)
    entries = []
    for layer in texts(top, "layer_names"):
        group = top.get(layer)
        if not isinstance(group, h5py.Group):
            raise Refused(f'names the layer "{layer}", which is not in it.')
        for name in texts(group, "weight_names"):
            item = group.get(name)
            if not isinstance(item, h5py.Dataset):
                raise Refused(f'names the weight "{name}" of "{layer}", which is not in it.')
            entries.append((layer, name, item))
    names = [name for _, name, _ in entries]
    if len(set(names)) == len(names):
        return [(name, item) for _, name, item in entries]
    return [(f"{layer}/{name}", item) for layer, name, item in entries]


def layer_name(item: Any) -> str | None:
    """What Keras 3 writes beside the variables of a layer: how the layer is called."""
    name = item.parent.attrs.get("name")
    return name if isinstance(name, str) and len(name) <= LONGEST_NAME else None


def texts(group: Any, name: str) -> list[str]:
    """Reads an attribute of names, whole or in pieces NAME0, NAME1, ... as Keras writes it."""
    if name in group.attrs:
        pieces = [group.attrs[name]]
    else:
        pieces, index = [], 0
        while f"{name}{index}" in group.attrs:
            pieces.append(group.attrs[f"{name}{index}"])
            index += 1
    values = (value for piece in pieces for value in piece)
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def datasets(h5py: Any, group: Any, prefix: str = "", level: int = 0) -> Iterator[tuple[str, Any]]:
    """Yields all data sets as (path, data set), for files without Keras' list of layers."""
    for name in group:
        item = group[name]
        if isinstance(item, h5py.Dataset):
            yield f"{prefix}{name}", item
        elif isinstance(item, h5py.Group) and level < MOST_LEVELS:
            yield from datasets(h5py, item, f"{prefix}{name}/", level + 1)


def main(path: str, most_bytes: str, seconds: str) -> None:
    """Reads one file; whatever goes wrong in HDF5 is told in one line."""
    import h5py  # noqa: F401  Loaded before the limits count.

    write = sys.stdout.buffer.write
    try:
        limit(int(most_bytes), int(seconds))
        read(path, int(most_bytes), write)
        write(json.dumps({"end": True}).encode() + b"\n")
    except Refused as error:
        write(json.dumps({"error": str(error)}).encode() + b"\n")
    except MemoryError:
        write(json.dumps({"error": "needs far more memory than its size."}).encode() + b"\n")
    except Exception as error:  # noqa: BLE001  HDF5 raises every kind; this is its border.
        text = " ".join(str(error).split())[:200] or type(error).__name__
        text = f"is damaged: {text.rstrip('.')}; copy or download it again."
        write(json.dumps({"error": text}).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
