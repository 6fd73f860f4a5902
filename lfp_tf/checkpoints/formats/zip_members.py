"""The members of a zip file, every size and place checked before anything is unpacked.

Python's own zipfile lets members overlap, occur twice and unpack to more than they declare, and it
keeps a large object for each; a weights file needs none of this.
"""

import dataclasses
import struct
import zlib

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.errors import printable

MAGIC, EMPTY_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
STORED, DEFLATED = 0, 8
ENCRYPTED = 1
MEMBER_BYTES = 500
_LONGEST_COMMENT = 65535
_CHUNK = 1 << 20
_LOCAL, _ENTRY, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), "<4s4H2IH"
_LOCATOR, _END64 = struct.Struct("<4sIQI"), struct.Struct("<4sQ2H2I4Q")


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One entry of the directory: where its bytes lie and what they unpack to."""

    name: str
    method: int
    packed: int
    unpacked: int
    crc: int
    start: int


def read_directory(file: MappedFile) -> dict[str, Member]:
    """Reads the members of a zip file by name.

    Raises:
        LfpError: a broken directory, members that overlap, point outside or occur twice.
    """
    try:
        return _read_directory(file)
    except (struct.error, UnicodeDecodeError):
        raise file.damage("its zip directory breaks off")


def unpack(file: MappedFile, member: Member) -> memoryview:
    """Gives the bytes of a member: a view of the file where they are stored as they are.

    Raises:
        LfpError: another size or checksum than declared, or a packing other than deflate.
    """
    packed = file.view[member.start : member.start + member.packed]
    if member.method == STORED:
        data = packed
    else:
        file.charge(member.unpacked)
        data = _inflate(file, member, packed)
    if len(data) != member.unpacked or zlib.crc32(data) != member.crc:
        raise file.damage(f'its member "{printable(member.name)}" is not what was put in')
    return data


def _inflate(file, member, packed):
    data, filled, machine = np.empty(member.unpacked, np.uint8), 0, zlib.decompressobj(-15)
    try:
        for at in range(0, len(packed), _CHUNK):
            rest = packed[at : at + _CHUNK]
            while len(rest):
                # One byte beyond the declared size shows a member that unpacks to more.
                piece = machine.decompress(rest, min(_CHUNK, member.unpacked - filled + 1))
                if filled + len(piece) > member.unpacked:
                    raise file.damage(
                        f'its member "{printable(member.name)}" unpacks to more than told'
                    )
                data[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
                filled += len(piece)
                rest = machine.unconsumed_tail
                if machine.eof:
                    break
    except zlib.error:
        raise file.damage(f'its member "{printable(member.name)}" cannot be unpacked')
    if not machine.eof and filled < member.unpacked:
        raise file.damage(f'its member "{printable(member.name)}" breaks off')
    return data[:filled].data


def _read_directory(file):
    start, size, count = _find_directory(file)
    members, at, end = {}, start, start + size
    for _ in range(count):
        if at + _ENTRY.size > end:
            raise file.damage("its zip directory breaks off")
        member, at = _read_entry(file, at)
        file.charge(MEMBER_BYTES)
        if member.name in members:
            raise file.refusal(f'holds the member "{printable(member.name)}" twice.')
        members[member.name] = member
    if at != end:
        raise file.damage("its zip directory has another length than told")
    _check_places(file, members.values(), start)
    return members


def _find_directory(file):
    """Reads start, length and number of entries of the directory at the file's end."""
    size = struct.calcsize(_END)
    tail_start = max(0, file.size - size - _LONGEST_COMMENT)
    tail = bytes(file.view[tail_start:])
    at = tail.rfind(EMPTY_MAGIC)
    if at < 0:
        raise file.damage("its zip directory is missing, as in a file that was cut")
    _, _, _, _, count, length, start, _ = struct.unpack_from(_END, tail, at)
    end = tail_start + at
    if 0xFFFF in (count,) or 0xFFFFFFFF in (length, start):
        magic, _, end, _ = _LOCATOR.unpack_from(file.view, end - _LOCATOR.size)
        if magic != b"PK\x06\x07" or end > file.size:
            raise file.damage("its zip directory is missing")
        magic, *_, count, length, start = _END64.unpack_from(file.view, end)
        if magic != b"PK\x06\x06":
            raise file.damage("its zip directory is missing")
    elif end >= _LOCATOR.size and bytes(file.view[end - 20 : end - 16]) == b"PK\x06\x07":
        end = _LOCATOR.unpack_from(file.view, end - _LOCATOR.size)[2]
    if start + length != end:
        raise file.damage("its zip directory does not lie where told")
    return start, length, count


def _read_entry(file, at):
    """Reads one member of the directory; gives the byte behind its entry, too."""
    (
        magic, _, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length,
        comment_length, _, _, _, offset,
    ) = _ENTRY.unpack_from(file.view, at)  # fmt: skip
    if magic != b"PK\x01\x02":
        raise file.damage("its zip directory makes no sense")
    at += _ENTRY.size
    raw_name = bytes(file.view[at : at + name_length])
    name = raw_name.decode("utf-8")
    at += name_length
    unpacked, packed, offset = _long_sizes(
        file.view[at : at + extra_length], [unpacked, packed, offset]
    )
    if flags & ENCRYPTED or method not in (STORED, DEFLATED):
        raise file.refusal(
            f'holds the member "{printable(name)}", encrypted or packed in an unknown way.'
        )
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise file.refusal(f'holds the member "{printable(name)}", which points outside.')
    if method == STORED and packed != unpacked:
        raise file.damage(f'its member "{printable(name)}" has two sizes')
    start = _data_start(file, offset, raw_name)
    return (
        Member(name, method, packed, unpacked, crc, start),
        at + extra_length + comment_length,
    )


def _long_sizes(extra, sizes):
    """The sizes that do not fit into 32 bits, from the extra field 1, in its fixed order."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            longs = iter(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            return [next(longs, size) if size == 0xFFFFFFFF else size for size in sizes]
        at += 4 + length
    return sizes


def _data_start(file, offset, raw_name):
    if offset + _LOCAL.size > file.size:
        raise file.damage("a zip member lies outside")
    magic, *_, name_length, extra_length = _LOCAL.unpack_from(file.view, offset)
    at = offset + _LOCAL.size
    if magic != MAGIC or bytes(file.view[at : at + name_length]) != raw_name:
        raise file.damage(f'its zip member "{printable(raw_name)}" has another name where it lies')
    return at + name_length + extra_length


def _check_places(file, members, directory_start):
    end = 0
    for member in sorted(members, key=lambda member: member.start):
        # The header before the bytes is at least as long as its fixed part and the name.
        if member.start - _LOCAL.size - len(member.name.encode()) < end:
            raise file.refusal(f'holds the member "{printable(member.name)}" over another one.')
        end = member.start + member.packed
        if end > directory_start:
            raise file.damage(f'its member "{printable(member.name)}" lies outside')
