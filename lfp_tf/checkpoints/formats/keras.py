"""Keras' `.keras`: a zip of the model's description, which is never built, and an HDF5 file."""

import tempfile

import numpy as np

from lfp_tf.checkpoints.formats import h5, zip_members
from lfp_tf.checkpoints.formats.json_text import parse_json
from lfp_tf.checkpoints.formats.keras_weights import layers_of, name_weights
from lfp_tf.checkpoints.formats.mapped_file import MappedFile

DESCRIPTION, WEIGHTS = "config.json", "model.weights.h5"


def read_keras(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the weights of a `.keras` as `LAYER/LEAF`, by the names in its description.

    The HDF5 file inside is read as any other, in a process of its own.

    Args:
        file: the `.keras`.

    Raises:
        LfpError: a description that is none, and as `h5.read_h5`.
    """
    members = zip_members.read_directory(file)
    if DESCRIPTION not in members:
        raise file.damage(f"its member {DESCRIPTION} is missing")
    text = bytes(zip_members.unpack(file, members[DESCRIPTION]))
    layers = layers_of(file, parse_json(file, text, what=f"its member {DESCRIPTION}"))
    data = zip_members.unpack(file, members[WEIGHTS])
    try:
        with tempfile.NamedTemporaryFile(suffix=".h5") as copy:
            copy.write(data)
            copy.flush()
            arrays, names = h5.receive(file, copy.name, num_bytes=len(data))
    except OSError as error:
        raise file.refusal(f"cannot be unpacked into a temporary file ({error.strerror}).")
    return name_weights(arrays, names | layers)
