"""Writes a network as a SavedModel: a plain `tf.Module` of variables and signatures, no Keras.

A module that holds the Keras model itself takes ten times as long to write and five times the
graph, for traces that nobody calls.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any, Protocol

import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.facts import versions
from lfp_tf.files import atomic_folder, remove_debris, sha256, write_json, write_text
from lfp_tf.serving.limits import Limits
from lfp_tf.serving.network import DTYPES, served_network, served_variables
from lfp_tf.serving.warmup import write_warmup
from lfp_tf.training.saving import saving

FORMAT_VERSION = 1
_NOT_APPLIED = "EXIF orientation is not applied; turn images upright before sending them."


class Signatures(Protocol):
    """What a task's module `signatures` offers."""

    def signature_functions(
        self, model: tf_keras.Model, /, *, protocol: Any, limits: Limits
    ) -> dict[str, Any]:
        """Gives {signature: `tf.function`}."""
        ...

    def warmup_requests(self, recipe: Any, limits: Limits, /) -> list[tuple[str, dict]]:
        """Lists (signature, {input: values})."""
        ...


@dataclasses.dataclass(frozen=True)
class ServedForm:
    """How an exported network is computed.

    Attributes:
        dtype: `float32` or `bfloat16`, of its convolutions.
        optimize: whether batch norm is folded into the convolutions.

    Raises:
        LfpError: another type.
    """

    dtype: str = "float32"
    optimize: bool = True

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise LfpError(f"--dtype is {self.dtype}, but must be {' or '.join(DTYPES)}.")


@dataclasses.dataclass(frozen=True)
class Origin:
    """What is known of exported weights.

    Attributes:
        checkpoint: the file that they come from; its digest is noted.
        scores: what is known of the network's quality.
    """

    checkpoint: str | os.PathLike | None = None
    scores: Mapping[str, Any] | None = None


def export(
    model: tf_keras.Model,
    folder: str | os.PathLike,
    *,
    signatures: Signatures,
    protocol: Any,
    version: int | None = None,
    limits: Limits | None = None,
    form: ServedForm = ServedForm(),
    origin: Origin = Origin(),
) -> pathlib.Path:
    """Writes FOLDER/VERSION; a server that watches FOLDER never sees half of it.

    Args:
        model: from `recipes.networks`, with weights and `recipe`.
        folder: of all versions.
        signatures: of the model's task.
        protocol: how that task evaluates images; it has `describe()`.
        version: whole number; None takes the next free one.
        limits: what requests may ask for; None takes the defaults.
        form: how the network is computed.
        origin: what is known of the weights, noted in `export.json`.

    Returns:
        The folder written.

    Raises:
        LfpError: the version exists, or a protocol or type that is not exported.
    """
    folder, limits = pathlib.Path(folder), limits or Limits()
    version = next_version(folder) if version is None else version
    served = served_network(model, dtype=form.dtype, optimize=form.optimize)
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
        "checkpoint": checkpoint_digest(origin.checkpoint) if origin.checkpoint else None,
        "protocol": protocol.describe(),
        "signatures": list(functions),
        "dtype": form.dtype,
        "batch_norm_folded": form.optimize,
        "limits": {
            "max_pixels": limits.max_pixels,
            "max_batch": limits.max_batch,
            "input_size": list(limits.input_size) if limits.input_size else None,
            "max_boxes": limits.max_boxes,
        },
        "notes": [_NOT_APPLIED],
        "scores": origin.scores,
        "versions": versions(),
    }
    remove_debris(folder)
    with saving(folder), atomic_folder(folder / str(version)) as new_folder:
        _write(new_folder, served, functions, requests, facts)
    return folder / str(version)


def next_version(folder: str | os.PathLike) -> int:
    """Gives the whole number after the highest version in a folder; 1 where there is none."""
    folder = pathlib.Path(folder)
    paths = folder.iterdir() if folder.is_dir() else ()
    return 1 + max((int(p.name) for p in paths if re.fullmatch(r"\d+", p.name)), default=0)


def checkpoint_digest(path: str | os.PathLike) -> dict[str, Any]:
    """Computes the digests of a file, or of a TensorFlow checkpoint's files.

    Returns:
        {"path", "sha256": {file name: digest}}.
    """
    path = pathlib.Path(path)
    files = [path] if path.is_file() else sorted(path.parent.glob(f"{path.name}.*"))
    return {"path": str(path), "sha256": {file.name: sha256(file) for file in files}}


class _Served(tf.Module):
    """What the SavedModel keeps alive: variables, and the names of the classes as an asset."""

    def __init__(self, weights: list[tf.Variable], labels: tf.saved_model.Asset):
        super().__init__()
        self.weights, self.labels = weights, labels


def _write(folder, served, functions, requests, facts):
    labels = folder / "labels.txt"
    write_text(labels, "".join(f"{name}\n" for name in facts["classes"]))
    tf.saved_model.save(
        _Served(served_variables(served), tf.saved_model.Asset(str(labels))),
        str(folder),
        signatures={name: f.get_concrete_function() for name, f in functions.items()},
        # What serves is not trained.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    labels.unlink()
    extra = folder / "assets.extra"
    extra.mkdir()
    write_warmup(extra / "tf_serving_warmup_requests", requests, model=facts["experiment"])
    write_json(folder / "export.json", facts)
