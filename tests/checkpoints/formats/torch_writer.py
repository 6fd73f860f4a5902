"""Writes torch files opcode by opcode, since the tests have no torch."""

import struct
import zipfile

import numpy as np

HEADER = (
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    b"\x80\x02M\xe9\x03."
    b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."
)
KINDS = {"f4": "Float", "f8": "Double", "f2": "Half", "i8": "Long", "u1": "Byte", "?": "Bool"}


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(values):
    return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in values) + b"t"


def storage(key, kind, count, view=None):
    tail = b"" if view is None else view
    location = text("cpu") + b"J" + struct.pack("<i", count) + tail
    return (
        b"(" + text("storage") + f"ctorch\n{kind}Storage\n".encode() + text(key) + location + b"tQ"
    )


def tensor(stored, offset, size, stride):
    place = stored + b"J" + struct.pack("<i", offset) + numbers(size) + numbers(stride)
    hooks = b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + place + hooks + b"tR"


def whole(key, values, kind=None):
    strides = [step // values.itemsize for step in values.strides]
    kind = kind or KINDS[values.dtype.str.lstrip("<|")]
    return tensor(storage(key, kind, values.size), 0, values.shape, strides)


def dictionary(entries):
    content = b"".join(text(key) + value for key, value in entries.items())
    return b"\x80\x02}(" + content + b"u."


def write_zip(path, pickled, storages, extra=()):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, raw in storages.items():
            archive.writestr(f"archive/data/{key}", np.asarray(raw).tobytes())
        for name, raw in extra:
            archive.writestr(name, raw)
    return path


def write_legacy(path, pickled, storages, header=HEADER):
    keys = b"\x80\x02](" + b"".join(text(key) for key in storages) + b"e."
    raw = b"".join(struct.pack("<q", v.size) + v.tobytes() for v in storages.values())
    path.write_bytes(header + pickled + keys + raw)
    return path
