"""Reading any checkpoint the project knows: which format it is, by its content, and its arrays."""

import os
import pathlib
import re

import numpy as np

from lfp_tf.checkpoints.formats import caffe, h5, numpy_files, tf, tfjs, torch, zip_members
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.errors import printable

FORMATS = ("caffemodel", "torch", "npy_dictionary", "npz", "h5", "tfjs", "tf1")
_READERS = {
    "caffemodel": caffe.read_caffe,
    "torch": torch.read_torch,
    "npy_dictionary": numpy_files.read_npy_dictionary,
    "npz": numpy_files.read_npz,
    "h5": h5.read_h5,
    "tfjs": tfjs.read_tfjs,
}
# A pickle: a protocol, or how the older ones begin (an opening mark, a container, a global).
_PICKLE = re.compile(rb"\x80[\x00-\x05]|[(\]}]{1,4}[A-Za-z(\]}.0-9]|c[^\n]{1,200}\n[^\n]{1,200}\n")


def identify(path: str | os.PathLike) -> str:
    """Tells the format of a checkpoint by its content, never by its ending.

    Args:
        path: a file, a folder with a TensorFlow checkpoint or a `model.json`, or the prefix of a
            checkpoint.

    Returns:
        `caffemodel`, `torch`, `npy_dictionary`, `npz`, `h5`, `tfjs` or `tf1` (TensorFlow's, of 1
        and 2).

    Raises:
        LfpError: nothing there, an empty file, a folder without a checkpoint, another format.
    """
    path = _model_json(path) or path
    return "tf1" if tf.find_prefix(path) is not None else _identify(MappedFile(path))


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the arrays of a checkpoint in the file's own names, shapes and layout.

    Nothing in the file is run. Types stay as they are, but for bfloat16, which numpy lacks and
    which becomes float32. Caffe's blobs are called `LAYER:INDEX`; nested dictionaries join their
    keys with `/`.

    Args:
        path: as in `identify`.

    Returns:
        {name: numpy array}, in the file's order.

    Raises:
        LfpError: as `identify`, and whatever in the file is damaged, hostile or not arrays; the
            sentence names the file and what was wrong or asked for.
    """
    path = _model_json(path) or path
    prefix = tf.find_prefix(path)
    if prefix is not None:
        return tf.read_tf(prefix)
    file = MappedFile(path)
    return _READERS[_identify(file)](file)


def _model_json(path):
    """The `model.json` of a folder that holds no TensorFlow checkpoint, or None."""
    inside = pathlib.Path(path) / tfjs.FILE_NAME
    if not os.path.isdir(path) or not inside.is_file():
        return None
    is_checkpoint = (inside.parent / tf.STATE_FILE).is_file() or any(inside.parent.glob("*.index"))
    return None if is_checkpoint else inside


def _identify(file):
    start = bytes(file.view[:512])
    if start.startswith((zip_members.MAGIC, zip_members.EMPTY_MAGIC)):
        return _identify_zip(file)
    if start.startswith(numpy_files.MAGIC):
        return "npy_dictionary"
    if h5.is_h5(file):
        return "h5"
    if tfjs.is_tfjs(file):
        return "tfjs"
    if _PICKLE.match(start):
        return "torch"
    if caffe.is_caffe(file):
        return "caffemodel"
    raise _unknown(file)


def _identify_zip(file: MappedFile) -> str:
    names = [pathlib.PurePosixPath(name) for name in zip_members.read_directory(file)]
    if any(name.name == "data.pkl" for name in names):
        return "torch"
    if any(name.suffix == ".npy" for name in names):
        return "npz"
    raise _unknown(file)


def _unknown(file):
    start = printable(str(file.view[:12], "latin-1"))
    return file.refusal(
        f'is no checkpoint of a known format (it begins with "{start}"); read are Caffe\'s '
        ".caffemodel, torch's .pth, numpy's .npz and .npy dictionaries, Keras' .h5, "
        "TensorFlow's checkpoints and TensorFlow.js' model.json."
    )
