"""Reading any checkpoint the project knows: which format it is, by its content, and its arrays."""

import os
import pathlib
import re

from lfp_tf.checkpoints.detectron_config import BOX_REGRESSOR, OLDEST_NOTE, box_weights
from lfp_tf.checkpoints.formats import (
    caffe,
    detectron,
    h5,
    keras,
    numpy_files,
    safetensors,
    t7,
    tf,
    tfjs,
    torch,
    zip_members,
)
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.parts import (
    Checkpoint,
    choose_part,
    of_tensorflow,
    refuse_part,
    split_part,
)
from lfp_tf.errors import printable

FORMATS = (
    "caffemodel",
    "torch",
    "detectron",
    "npy_dictionary",
    "npz",
    "h5",
    "keras",
    "safetensors",
    "t7",
    "tfjs",
    "tf1",
)
# Under this key Detectron.pytorch's trainer keeps the number of updates so far.
_STEP = "step"
# What `convert --to safetensors` calls its file.
WEIGHTS_FILE = "weights.safetensors"
_READERS = {
    "caffemodel": caffe.read_caffe,
    "npy_dictionary": numpy_files.read_npy_dictionary,
    "npz": numpy_files.read_npz,
    "h5": h5.read_h5,
    "keras": keras.read_keras,
    "safetensors": safetensors.read_safetensors,
    "t7": t7.read_t7,
    "tfjs": tfjs.read_tfjs,
}
# A pickle: a protocol, or how the older ones begin (an opening mark, a container, a global).
_PICKLE = re.compile(rb"\x80[\x00-\x05]|[(\]}]{1,4}[A-Za-z(\]}.0-9]|c[^\n]{1,200}\n[^\n]{1,200}\n")


def identify(path: str | os.PathLike) -> str:
    """Tells the format of a checkpoint by its content, never by its ending.

    Args:
        path: a file, a folder with a TensorFlow checkpoint, a `model.json` or what `convert` wrote,
            or the prefix of a checkpoint; `FILE::PART` means the file.

    Returns:
        One of `FORMATS`; `tf1` is TensorFlow's, of 1 and 2.

    Raises:
        LfpError: nothing there, an empty file, a folder without a checkpoint, another format.
    """
    path = split_part(path)[0]
    path = _file_in_folder(path) or path
    return "tf1" if tf.find_prefix(path) is not None else _identify(MappedFile(path))


def read_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Reads the arrays of a checkpoint in the file's own names, shapes and layout.

    Nothing in the file is run. Types stay as they are, but for bfloat16, which numpy lacks and
    which becomes float32. Caffe's blobs are called `LAYER:INDEX`; nested dictionaries join their
    keys with `/`. Of a training checkpoint of torch the network's dictionary is read.

    Args:
        path: as in `identify`; `FILE::PART` reads one dictionary of a torch file, as
            `old.pth::state_dict_ema`, or the averages of a TensorFlow checkpoint,
            `model.ckpt-60000::ExponentialMovingAverage`.

    Returns:
        {name: numpy array}, in the file's order.

    Raises:
        LfpError: as `identify`, and whatever in the file is damaged, hostile or not arrays; the
            sentence names the file and what was wrong or asked for.
    """
    path, part = split_part(path)
    path = _file_in_folder(path) or path
    prefix = tf.find_prefix(path)
    if prefix is not None:
        return of_tensorflow(tf.read_tf(prefix), part=part, file=path)
    file = MappedFile(path)
    name = _identify(file)
    if name == "torch":
        return _read_torch(file, part)
    refuse_part(part, file=path)
    if name == "detectron":
        return _read_detectron(file)
    return Checkpoint(_READERS[name](file))


def _read_torch(file, part):
    notes, networks, steps = [], [], []

    def choose(parts, numbers):
        key, sentences, choices = choose_part(parts, part=part, file=file.path)
        notes.extend(sentences)
        networks.extend(choices)
        steps.extend(numbers[name] for name in (_STEP,) if name in numbers)
        return key

    arrays = torch.read_torch(file, choose=choose)
    return Checkpoint(arrays, notes, networks, step=next(iter(steps), None))


def _read_detectron(file):
    content = detectron.read_detectron(file)
    weights = box_weights(content.config, file=printable(file.path))
    notes = [] if weights or BOX_REGRESSOR not in content.blobs else [OLDEST_NOTE]
    return Checkpoint(content.blobs | content.momentum, notes, config=content.config)


def _file_in_folder(path):
    """The one file that a folder without a TensorFlow checkpoint stands for, or None."""
    if not os.path.isdir(path):
        return None
    folder = pathlib.Path(path)
    if (folder / tf.STATE_FILE).is_file() or any(folder.glob("*.index")):
        return None
    files = [folder / name for name in (tfjs.FILE_NAME, WEIGHTS_FILE)]
    blobs = list(folder.glob("*.pkl"))
    # What `convert --to NAME.pkl` calls its file is the user's choice.
    files += blobs if len(blobs) == 1 else []
    return next((file for file in files if file.is_file()), None)


def _identify(file):
    tf.refuse_lone_table(file)
    start = bytes(file.view[:512])
    if start.startswith((zip_members.MAGIC, zip_members.EMPTY_MAGIC)):
        return _identify_zip(file)
    if start.startswith(numpy_files.MAGIC):
        return "npy_dictionary"
    if h5.is_h5(file):
        return "h5"
    if safetensors.is_safetensors(file):
        return "safetensors"
    if t7.is_t7(file):
        return "t7"
    if tfjs.is_tfjs(file):
        return "tfjs"
    if _PICKLE.match(start):
        return "detectron" if detectron.is_detectron(file) else "torch"
    if caffe.is_caffe(file):
        return "caffemodel"
    raise _unknown(file)


def _identify_zip(file: MappedFile) -> str:
    names = [pathlib.PurePosixPath(name) for name in zip_members.read_directory(file)]
    if any(name.name == "data.pkl" for name in names):
        return "torch"
    if pathlib.PurePosixPath(keras.WEIGHTS) in names:
        return "keras"
    if any(name.suffix == ".npy" for name in names):
        return "npz"
    raise _unknown(file)


def _unknown(file):
    start = printable(str(file.view[:12], "latin-1"))
    return file.refusal(
        f'is no checkpoint of a known format (it begins with "{start}"); read are Caffe\'s '
        ".caffemodel, torch's .pth, Detectron's .pkl, Torch 7's .t7, numpy's .npz and .npy "
        "dictionaries, Keras' .h5 and .keras, safetensors, TensorFlow's checkpoints and "
        "TensorFlow.js' model.json."
    )
