"""Runs a SavedModel through TensorFlow's C API alone: no Keras, no TensorFlow for Python, no lfp_tf.

Arguments: the folder of the tensorflow package, the SavedModel, a folder with the inputs of its
signatures: `image_bytes.png` and, of the others, NAME.npy. Calls every signature and writes its
outputs beside them, SIGNATURE.NAME.npy, or of texts the first as SIGNATURE.NAME.
"""

import ctypes
import pathlib
import struct
import sys

import numpy as np

library_folder, saved_model, place = map(pathlib.Path, sys.argv[1:])
ctypes.CDLL(str(library_folder / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
tf = ctypes.CDLL(str(library_folder / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)

STRING = 7
NUMPY = {1: np.float32, 3: np.int32, 4: np.uint8, 9: np.int64}
STRING_BYTES = 24


class Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("free", ctypes.c_void_p),
    ]


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


for name in (
    "TF_NewStatus",
    "TF_NewGraph",
    "TF_NewSessionOptions",
    "TF_NewBuffer",
    "TF_LoadSessionFromSavedModel",
    "TF_GraphOperationByName",
    "TF_AllocateTensor",
    "TF_TensorData",
    "TF_StringGetDataPointer",
):
    getattr(tf, name).restype = ctypes.c_void_p
tf.TF_NewBuffer.restype = ctypes.POINTER(Buffer)
tf.TF_Message.restype = ctypes.c_char_p
tf.TF_StringGetSize.restype = ctypes.c_size_t
tf.TF_Dim.restype = ctypes.c_int64
tf.TF_TensorByteSize.restype = ctypes.c_size_t


def pointer(value):
    return ctypes.c_void_p(value)


status = tf.TF_NewStatus()


def check():
    if tf.TF_GetCode(pointer(status)):
        raise SystemExit(tf.TF_Message(pointer(status)).decode())


def fields(message):
    """(field, content) of a protobuf message; numbers are skipped over."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = varint()
        kind = key & 7
        if kind == 0:
            varint()
        elif kind == 2:
            length = varint()
            yield key >> 3, message[place : place + length]
            place += length
        else:
            place += {1: 8, 5: 4}[kind]


def entries(message, field):
    """{key: value} of a protobuf map."""
    words = {}
    for number, content in fields(message):
        if number == field:
            parts = dict(fields(content))
            words[parts[1].decode()] = parts[2]
    return words


def tensor_names(signature, field):
    """{argument: name of its tensor} of a SignatureDef."""
    infos = entries(signature, field)
    return {key: dict(fields(info))[1].decode() for key, info in infos.items()}


def output(name):
    operation, index = name.split(":")
    operation_pointer = tf.TF_GraphOperationByName(pointer(graph), operation.encode())
    assert operation_pointer, name
    return Output(operation_pointer, int(index))


def tensor_of(value):
    if isinstance(value, np.ndarray):
        shape = (ctypes.c_int64 * value.ndim)(*value.shape)
        (kind,) = (number for number, own in NUMPY.items() if value.dtype == own)
        made = tf.TF_AllocateTensor(kind, shape, value.ndim, ctypes.c_size_t(value.nbytes))
        ctypes.memmove(tf.TF_TensorData(pointer(made)), value.tobytes(), value.nbytes)
        return made
    shape = (ctypes.c_int64 * 1)(len(value))
    made = tf.TF_AllocateTensor(STRING, shape, 1, ctypes.c_size_t(STRING_BYTES * len(value)))
    start = tf.TF_TensorData(pointer(made))
    for number, text in enumerate(value):
        slot = pointer(start + STRING_BYTES * number)
        tf.TF_StringInit(slot)
        tf.TF_StringCopy(slot, text, ctypes.c_size_t(len(text)))
    return made


def value_of(tensor):
    kind = tf.TF_TensorType(pointer(tensor))
    shape = [tf.TF_Dim(pointer(tensor), n) for n in range(tf.TF_NumDims(pointer(tensor)))]
    data = tf.TF_TensorData(pointer(tensor))
    if kind != STRING:
        raw = ctypes.string_at(data, tf.TF_TensorByteSize(pointer(tensor)))
        return np.frombuffer(raw, NUMPY[kind]).reshape(shape)
    slots = [pointer(data + STRING_BYTES * number) for number in range(shape[0])]
    return [
        ctypes.string_at(tf.TF_StringGetDataPointer(slot), tf.TF_StringGetSize(slot))
        for slot in slots
    ]


def call(signature, inputs):
    """{output: value} of a signature."""
    takes, gives = tensor_names(signature, 1), tensor_names(signature, 2)
    assert takes.keys() == inputs.keys(), takes
    names = sorted(gives)
    fed = (Output * len(inputs))(*(output(takes[name]) for name in inputs))
    fed_tensors = (ctypes.c_void_p * len(inputs))(*(tensor_of(v) for v in inputs.values()))
    outputs = (Output * len(names))(*(output(gives[name]) for name in names))
    results = (ctypes.c_void_p * len(names))()
    tf.TF_SessionRun(
        pointer(session), None, fed, fed_tensors, len(inputs), outputs, results, len(names),
        None, 0, None, pointer(status),
    )  # fmt: skip
    check()
    return {name: value_of(result) for name, result in zip(names, results, strict=True)}


graph, meta_graph = tf.TF_NewGraph(), tf.TF_NewBuffer()
tags = (ctypes.c_char_p * 1)(b"serve")
session = tf.TF_LoadSessionFromSavedModel(
    pointer(tf.TF_NewSessionOptions()), None, str(saved_model).encode(), tags, 1,
    pointer(graph), meta_graph, pointer(status),
)  # fmt: skip
check()
signatures = entries(ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length), 5)


def given(name):
    """The value of an input by its name."""
    if name == "image_bytes":
        return [(place / "image_bytes.png").read_bytes()]
    return np.load(place / f"{name}.npy")


for signature in signatures.keys() - {"__saved_model_init_op"}:
    names = tensor_names(signatures[signature], 1)
    outputs = call(signatures[signature], {name: given(name) for name in names})
    for name, value in outputs.items():
        if isinstance(value, list):
            (place / f"{signature}.{name}").write_bytes(value[0])
        else:
            np.save(place / f"{signature}.{name}.npy", value)
assert not {"tensorflow", "tf_keras", "keras", "lfp_tf"} & set(sys.modules)
print(struct.calcsize("P"), sorted(signatures))
