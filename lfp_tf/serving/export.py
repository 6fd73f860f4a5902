"""Writes a network as a SavedModel: a plain `tf.Module` of variables and signatures, no Keras.

A module that holds the Keras model itself takes ten times as long to write and five times the
graph, for traces that nobody calls.
"""

import pathlib
import re

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.facts import versions
from lfp_tf.files import atomic_folder, sha256, write_json, write_text
from lfp_tf.serving.limits import Limits
from lfp_tf.serving.network import DTYPES, served_network, served_variables
from lfp_tf.serving.warmup import write_warmup
from lfp_tf.training.saving import saving

FORMAT_VERSION = 1
_NOT_APPLIED = "EXIF orientation is not applied; turn images upright before sending them."


def export(
    model,
    folder,
    *,
    signatures,
    protocol,
    version=None,
    limits=None,
    dtype="float32",
    optimize=True,
    checkpoint=None,
    scores=None,
):
    """Writes FOLDER/VERSION; a server that watches FOLDER never sees half of it.

    Args:
        model: from `recipes.networks`, with weights and `recipe`.
        folder: of all versions.
        signatures: a task's module `signatures`, or what else has its `signature_functions` and
            `warmup_requests`.
        protocol: how images are looked at, of that task.
        version: whole number; None takes the next free one.
        limits: `Limits`.
        dtype: `float32` or `bfloat16`, what convolutions are computed in.
        optimize: whether batch norm is folded into the convolutions.
        checkpoint: where the weights come from, whose digest is noted.
        scores: what is known of the network's quality, noted too.

    Returns:
        The folder written.

    Raises:
        LfpError: the version exists, or a protocol or type that is not exported.
    """
    if dtype not in DTYPES:
        raise LfpError(f"--dtype is {dtype}, but must be {' or '.join(DTYPES)}.")
    folder, limits = pathlib.Path(folder), limits or Limits()
    version = next_version(folder) if version is None else version
    served = served_network(model, dtype=dtype, optimize=optimize)
    functions = signatures.signature_functions(served, protocol=protocol, limits=limits)
    requests = signatures.warmup_requests(served.recipe, limits)
    facts = {
        "format_version": FORMAT_VERSION,
        "task": model.recipe.task,
        "experiment": model.recipe.experiment,
        "dataset": model.recipe.dataset,
        "classes": list(model.recipe.classes),
        "colors": [list(color) for color in model.recipe.colors],
        "preprocess": model.recipe.preprocess,
        "checkpoint": checkpoint_digest(checkpoint) if checkpoint else None,
        "protocol": protocol.describe(),
        "signatures": list(functions),
        "dtype": dtype,
        "batch_norm_folded": optimize,
        "limits": {
            "max_pixels": limits.max_pixels,
            "max_batch": limits.max_batch,
            "input_size": list(limits.input_size) if limits.input_size else None,
        },
        "notes": [_NOT_APPLIED],
        "scores": scores,
        "versions": versions(),
    }
    with saving(folder), atomic_folder(folder / str(version)) as place:
        _write(place, served, functions, requests, facts)
    return folder / str(version)


def next_version(folder):
    """The whole number after the highest version in a folder; 1 where there is none."""
    folder = pathlib.Path(folder)
    found = folder.iterdir() if folder.is_dir() else ()
    return 1 + max((int(p.name) for p in found if re.fullmatch(r"\d+", p.name)), default=0)


def checkpoint_digest(path):
    """{"path", "sha256": {file name: digest}} of a file, or of a TensorFlow checkpoint's files."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else sorted(path.parent.glob(f"{path.name}.*"))
    return {"path": str(path), "sha256": {file.name: sha256(file) for file in files}}


def _write(place, served, functions, requests, facts):
    labels = place / "labels.txt"
    write_text(labels, "".join(f"{name}\n" for name in facts["classes"]))
    module = tf.Module()
    module.weights = served_variables(served)
    module.labels = tf.saved_model.Asset(str(labels))
    tf.saved_model.save(
        module,
        str(place),
        signatures={name: f.get_concrete_function() for name, f in functions.items()},
        # What serves is not trained.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    labels.unlink()
    extra = place / "assets.extra"
    extra.mkdir()
    write_warmup(extra / "tf_serving_warmup_requests", requests, model=facts["experiment"])
    write_json(place / "export.json", facts)
