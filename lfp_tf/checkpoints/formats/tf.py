"""TensorFlow's checkpoints (the `Saver` of version 1, the bundles of 2), by its own reader."""

import os
import pathlib
import re

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import (
    BYTES_PER_FILE_BYTE,
    SMALL_FILE_BYTES,
    MappedFile,
)
from lfp_tf.errors import LfpError, printable

STATE_FILE = "checkpoint"
# The last bytes of an `.index` file: the magic of LevelDB's tables.
INDEX_MAGIC = bytes.fromhex("57fb808b247547db")
# The first entry of an index: no key, and the header of a bundle, which begins with its shards.
_INDEX_START = re.compile(rb"\0\0[\x01-\x7f]\x08", re.DOTALL)
_OF_A_PREFIX = re.compile(r"(.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
_LATEST = re.compile(rb'^model_checkpoint_path:\s*"((?:[^"\\\n]|\\.)*)"', re.MULTILINE)
# What the reader raises besides its own errors, by the kind of the C++ status.
_DAMAGE = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
_LONGEST_STATE = 1 << 20


def find_prefix(path: str | os.PathLike) -> pathlib.Path | None:
    """Finds the prefix of the checkpoint that a path means, None where it means none.

    A path may be the prefix, one of its files (`.index`, `.meta`, `.data-00000-of-00001`), or a
    folder: there the file `checkpoint` names the newest, of whose path (often another machine's)
    the last part counts, and without such a file the only `.index` does. The file `checkpoint`
    means its folder.

    Raises:
        LfpError: a folder with no checkpoint or several, or one that `checkpoint` names in vain; a
            `.data` file without its `.index`.
    """
    path = pathlib.Path(path)
    # os.path says no where pathlib raises: names that are too long or hold a zero.
    if os.path.isdir(path):
        return _prefix_in(path)
    if not os.path.isfile(path):
        is_prefix = not os.path.exists(path) and os.path.isfile(f"{path}.index")
        return path if is_prefix else None
    if path.name == STATE_FILE and _latest_named_by(path):
        return _prefix_in(path.parent)
    name = _OF_A_PREFIX.fullmatch(path.name)
    if not name:
        return None
    index = path.with_name(f"{name[1]}.index")
    if os.path.isfile(index) and _is_table(index):
        return index.with_suffix("")
    if path.name.startswith(f"{name[1]}.data-"):
        raise LfpError(
            f"{printable(path)} has no {printable(index.name)} beside it; copy all files of the "
            "checkpoint."
        )
    return None


def refuse_lone_table(file: MappedFile) -> None:
    """Says what a table of TensorFlow's is that no prefix leads to.

    Raises:
        LfpError: a checkpoint of the first format (one file, a table of `SavedTensorSlices`), which
            only TensorFlow itself reads, or an index under another name.
    """
    if bytes(file.view[-len(INDEX_MAGIC) :]) != INDEX_MAGIC:
        return
    if _INDEX_START.match(file.view[:64]):
        raise file.refusal(
            "is the index of a TensorFlow checkpoint under another name; rename it to NAME.index, "
            "beside NAME.data-00000-of-00001."
        )
    path = printable(file.path)
    raise file.refusal(
        "is a checkpoint of TensorFlow's first format (V1), which is not read; if you trust it, "
        "save its arrays with TensorFlow itself: "
        f"python -c \"import numpy, tensorflow as tf; r = tf.train.load_checkpoint('{path}'); "
        f"numpy.savez('{path}.npz', **{{n: r.get_tensor(n) for n in "
        'r.get_variable_to_shape_map()})"'
    )


def read_tf(prefix: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the numeric variables of a checkpoint in its own names.

    Text (the object graph) is left out. bfloat16 becomes float32; all other types stay.

    Args:
        prefix: path without `.index`.

    Raises:
        LfpError: files that are damaged or missing.
    """
    import tensorflow as tf

    prefix = pathlib.Path(prefix)
    shards = sorted(prefix.parent.glob(f"{_escaped(prefix.name)}.data-?????-of-?????"))
    if not shards:
        raise LfpError(
            f"{printable(prefix)}.index has no {printable(prefix.name)}.data-... beside it; "
            "copy all files of the checkpoint."
        )
    most = BYTES_PER_FILE_BYTE * sum(file.stat().st_size for file in shards) + SMALL_FILE_BYTES
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        types = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map()
        names = sorted(name for name, dtype in types.items() if _is_number(dtype))
        total = sum(
            tf.TensorShape(shapes[name]).num_elements() * types[name].size for name in names
        )
        if total > most:
            raise LfpError(f"{printable(prefix)} promises {total} bytes, more than its files hold.")
        return {name: _array(reader.get_tensor(name), types[name], tf.bfloat16) for name in names}
    except (tf.errors.OpError, *_DAMAGE) as error:
        text = printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise LfpError(
            f"{printable(prefix)} is damaged: {text.rstrip('.')}; copy or download it again."
        )


def _array(values, dtype, bfloat16):
    return values.astype("float32") if dtype == bfloat16 else values


def _is_number(dtype):
    return dtype.is_floating or (dtype.is_integer and not dtype.is_quantized) or dtype.is_bool


def _prefix_in(folder):
    state = folder / STATE_FILE
    if state.is_file():
        name = _latest_named_by(state)
        if name is None:
            raise LfpError(f"{printable(state)} names no model_checkpoint_path; give the prefix.")
        if name and os.path.isfile(folder / name):
            refuse_lone_table(MappedFile(folder / name))
        if not name or not os.path.isfile(folder / f"{name}.index"):
            raise LfpError(
                f'{printable(state)} names "{printable(name)}", which is not in this folder; '
                "give the prefix of the checkpoint."
            )
        return folder / name
    indices = sorted(folder.glob("*.index"))
    if not indices:
        raise LfpError(f"{printable(folder)} is a folder without a checkpoint; give its file.")
    if len(indices) > 1:
        raise LfpError(
            f"{printable(folder)} holds {len(indices)} checkpoints and no file `checkpoint`; give "
            f"the prefix of one, such as {printable(indices[-1].with_suffix(''))}."
        )
    return indices[0].with_suffix("")


def _latest_named_by(state):
    """The last part of the path that a file `checkpoint` names; None where it is no such file."""
    with open(state, "rb") as stream:
        latest = _LATEST.search(stream.read(_LONGEST_STATE))
    return re.split(r"[/\\]+", latest[1].decode("utf-8", "replace"))[-1] if latest else None


def _is_table(path):
    with open(path, "rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - len(INDEX_MAGIC)))
        return stream.read() == INDEX_MAGIC


def _escaped(name):
    return re.sub(r"([*?[])", r"[\1]", name)
