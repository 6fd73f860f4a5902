import io
import struct
import zipfile

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.zip_members import read_directory, unpack
from lfp_tf.errors import LfpError

PACKED = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}


def archive_of(members, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, raw in members:
            archive.writestr(name, raw)
    return stream.getvalue()


def read(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    file = MappedFile(path)
    return {name: bytes(unpack(file, member)) for name, member in read_directory(file).items()}


@pytest.mark.parametrize("method", PACKED)
def test_members_come_back(tmp_path, method):
    members = {
        "a": b"",
        "b/c": bytes(range(256)) * 20,
        "d": np.random.RandomState(0).bytes(3 << 20),
    }
    assert read(tmp_path, archive_of(members.items(), PACKED[method])) == members


def test_sizes_of_64_bits_come_back(tmp_path):
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w") as archive,
        archive.open("a", "w", force_zip64=True) as member,
    ):
        member.write(b"abc")
    assert read(tmp_path, stream.getvalue()) == {"a": b"abc"}


def test_member_that_occurs_twice(tmp_path):
    with pytest.warns(UserWarning):
        data = archive_of([("a", b"1"), ("a", b"2")])
    with pytest.raises(LfpError, match='"a" twice'):
        read(tmp_path, data)


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b"])
def test_names_that_point_outside(tmp_path, name):
    with pytest.raises(LfpError, match="points outside"):
        read(tmp_path, archive_of([(name, b"1")]))


def test_bomb_is_refused_before_it_is_unpacked(tmp_path, peak_of):
    data = archive_of([("a", bytes(200 << 20))], zipfile.ZIP_DEFLATED)

    def attempt():
        with pytest.raises(LfpError, match="far more than"):
            read(tmp_path, data)

    assert peak_of(attempt) < 4 << 20


def change_sizes(data, packed=None, unpacked=None):
    """Writes other sizes into the directory's first entry."""
    at = data.index(b"PK\x01\x02")
    old = struct.unpack_from("<II", data, at + 20)
    new = struct.pack(
        "<II", old[0] if packed is None else packed, old[1] if unpacked is None else unpacked
    )
    return data[: at + 20] + new + data[at + 28 :]


@pytest.mark.parametrize("unpacked", [0, 10, 999, 1001, 5000])
def test_member_that_unpacks_to_another_size(tmp_path, unpacked):
    data = archive_of([("a", bytes(1000))], zipfile.ZIP_DEFLATED)
    with pytest.raises(LfpError, match="damaged"):
        read(tmp_path, change_sizes(data, unpacked=unpacked))


def test_members_that_lie_over_one_another(tmp_path):
    data = archive_of([("a", b"x" * 100), ("b", b"y" * 10)])
    with pytest.raises(LfpError, match="over another"):
        read(tmp_path, change_sizes(data, packed=120, unpacked=120))


def test_changed_byte_is_seen_by_its_checksum(tmp_path):
    data = bytearray(archive_of([("a", b"x" * 100)]))
    data[60] ^= 1
    with pytest.raises(LfpError, match='"a" is not what was put in'):
        read(tmp_path, bytes(data))


def test_cut_archive(tmp_path):
    data = archive_of([("a", b"x" * 100)])
    for length in range(1, len(data), 7):
        with pytest.raises(LfpError):
            read(tmp_path, data[:length])
