"""Caffe's `.caffemodel`: names and blobs of the layers, read from the protobuf wire format.

Forks give one field number different meanings, so only names and blobs are decoded and all else is
skipped by its wire type. Field numbers: `hszhao/PSPNet src/caffe/proto/caffe.proto`; half precision
(`raw_data`): NVIDIA's fork.
"""

import dataclasses
import itertools

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_pickle import ARRAY_BYTES, MOST_AXES, num_elements
from lfp_tf.errors import printable
from lfp_tf.protobuf import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    Damaged,
    fields,
    fixed_values,
    varints,
)

NET_LAYERS_V1, NET_LAYERS = 2, 100


@dataclasses.dataclass(frozen=True)
class LayerFields:
    """Where a generation of layers keeps its name and its blobs."""

    name: int
    blobs: int


LAYERS = {NET_LAYERS_V1: LayerFields(name=4, blobs=6), NET_LAYERS: LayerFields(name=1, blobs=7)}
# A network begins with its name, layers (either kind) or inputs.
FIRST_FIELDS = (1, NET_LAYERS_V1, 3, NET_LAYERS)
# BlobProto: the old shape is num, channels, height, width in fields 1 to 4.
OLD_SHAPE, DATA, SHAPE, DOUBLE_DATA, RAW_TYPE, RAW_DATA = (1, 2, 3, 4), 5, 7, 8, 10, 12
SHAPE_SIZES = 1
FLOAT, DOUBLE = np.dtype("<f4"), np.dtype("<f8")
RAW_TYPES = {0: DOUBLE, 1: FLOAT, 2: np.dtype("<f2")}
_VALUE_BYTES = 200


def is_caffe(file: MappedFile) -> bool:
    """Tells whether the file begins like a network with layers; one that was cut does too."""
    begun = False
    try:
        for number, wire, _ in fields(file.view, cut=True):
            if not begun and (number not in FIRST_FIELDS or wire != LENGTH):
                return False
            if number in LAYERS and wire == LENGTH:
                return True
            begun = True
    except Damaged:
        return False
    return False


def read_caffe(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the blobs of a `.caffemodel` as `LAYER:INDEX`, in their own shapes and types.

    Old files tell a shape as (num, channels, height, width), so a bias may be [1, 1, 1, N].
    Layers without blobs give nothing.

    Args:
        file: the `.caffemodel`.

    Raises:
        LfpError: a file that is cut, shapes that do not fit their values, no blobs at all.
    """
    blobs = {}
    try:
        for number, wire, value in fields(file.view):
            if number in LAYERS and wire == LENGTH:
                _read_layer(file, value, LAYERS[number], blobs)
    except Damaged as error:
        raise file.damage(str(error))
    if not blobs:
        raise file.refusal("holds a network without weights; give the trained .caffemodel.")
    return blobs


def _read_layer(file, span, layer, blobs):
    name, spans = b"", []
    for number, wire, value in fields(file.view, *span):
        if wire == LENGTH and number == layer.name:
            name = bytes(file.view[slice(*value)])
        elif wire == LENGTH and number == layer.blobs:
            file.charge(ARRAY_BYTES + len(name))
            spans.append(value)
    if not spans:
        return
    try:
        name = name.decode("utf-8")
    except UnicodeDecodeError:
        raise file.damage("a layer's name is no text")
    for index, blob_span in enumerate(spans):
        key = f"{name}:{index}"
        if key in blobs:
            raise file.refusal(f'holds the layer "{printable(name)}" twice.')
        blobs[key] = _read_blob(file, blob_span, key)


def _read_blob(file, span, key):
    runs, raw_values, raw_type = {FLOAT: [], DOUBLE: []}, None, 0
    old_shape, shape = {}, None
    for number, wire, value in fields(file.view, *span):
        packed = wire == LENGTH
        if number == DATA and wire in (LENGTH, FIXED32):
            file.charge(_VALUE_BYTES)
            runs[FLOAT].append(fixed_values(file.view, value, FLOAT, packed=packed))
        elif number == DOUBLE_DATA and wire in (LENGTH, FIXED64):
            file.charge(_VALUE_BYTES)
            runs[DOUBLE].append(fixed_values(file.view, value, DOUBLE, packed=packed))
        elif number == SHAPE and packed:
            shape = _read_shape(file, value)
        elif number in OLD_SHAPE and wire == VARINT:
            old_shape[number] = value
        elif number == RAW_TYPE and wire == VARINT:
            raw_type = value
        elif number == RAW_DATA and packed:
            raw_values = value
    if old_shape:
        shape = tuple(old_shape.get(number, 0) for number in OLD_SHAPE)
    for runs_of_type in (runs[FLOAT], runs[DOUBLE]):
        if runs_of_type:
            return _shaped(file, runs_of_type, shape or (), key)
    if raw_values is None:
        return _shaped(file, [np.empty(0, FLOAT)], shape or (), key)
    if raw_type not in RAW_TYPES:
        raise file.refusal(
            f'holds the blob "{printable(key)}" of raw type {raw_type}; 0, 1, 2 are read.'
        )
    values = fixed_values(file.view, raw_values, RAW_TYPES[raw_type], packed=True)
    return _shaped(file, [values], shape or (), key)


def _read_shape(file, span):
    """BlobShape's sizes, packed or not."""
    sizes = []
    for number, wire, value in fields(file.view, *span):
        if number == SHAPE_SIZES and wire == VARINT:
            sizes.append(value)
        elif number == SHAPE_SIZES and wire == LENGTH:
            sizes.extend(itertools.islice(varints(file.view, value), MOST_AXES + 1))
        if len(sizes) > MOST_AXES:
            raise file.damage(f"a blob has more than {MOST_AXES} axes")
    return tuple(sizes)


def _shaped(file, runs, shape, key):
    count = sum(len(run) for run in runs)
    try:
        is_whole = count == num_elements(shape)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise file.damage(
            f'the blob "{printable(key)}" has {count} values for the shape {str(shape)[:80]}'
        )
    file.charge(count * runs[0].dtype.itemsize)
    return np.concatenate(runs).reshape(shape)
