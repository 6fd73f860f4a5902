"""TensorFlow's checkpoints (the `Saver` of version 1, the bundles of 2), by its own reader."""

import os
import pathlib
import re

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import (
    BYTES_PER_FILE_BYTE,
    SMALL_FILE_BYTES,
)
from lfp_tf.errors import LfpError, printable

STATE_FILE = "checkpoint"
# The last bytes of an `.index` file: the magic of LevelDB's tables.
INDEX_MAGIC = bytes.fromhex("57fb808b247547db")
_LATEST = re.compile(rb'^model_checkpoint_path:\s*"((?:[^"\\\n]|\\.)*)"', re.MULTILINE)
# What the reader raises besides its own errors, by the kind of the C++ status.
_DAMAGE = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
_LONGEST_STATE = 1 << 20


def find_prefix(path: str | os.PathLike) -> pathlib.Path | None:
    """Finds the prefix of the checkpoint that a path means, None where it means none.

    A path may be the prefix, its `.index` file, or a folder: there the file `checkpoint` names the
    newest, of whose path (often another machine's) the last part counts, and without such a file
    the only `.index` does.

    Raises:
        LfpError: a folder with no checkpoint or several, or one that `checkpoint` names in vain.
    """
    path = pathlib.Path(path)
    # os.path says no where pathlib raises: names that are too long or hold a zero.
    if os.path.isdir(path):
        return _prefix_in(path)
    if path.suffix == ".index" and os.path.isfile(path) and _is_index(path):
        return path.with_suffix("")
    return path if not os.path.exists(path) and os.path.isfile(f"{path}.index") else None


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
        with open(state, "rb") as stream:
            latest = _LATEST.search(stream.read(_LONGEST_STATE))
        if not latest:
            raise LfpError(f"{printable(state)} names no model_checkpoint_path; give the prefix.")
        name = re.split(r"[/\\]+", latest[1].decode("utf-8", "replace"))[-1]
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


def _is_index(path):
    with open(path, "rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - len(INDEX_MAGIC)))
        return stream.read() == INDEX_MAGIC


def _escaped(name):
    return re.sub(r"([*?[])", r"[\1]", name)
