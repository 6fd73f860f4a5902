"""The TFRecord framing without TensorFlow: length, its checksum, payload, its checksum.

A record is `uint64 length, uint32 masked crc of the length, payload, uint32 masked crc of it`,
little-endian (`tensorflow/core/lib/io/record_writer.cc`). The checksum is CRC-32C. A loop over
bytes in Python takes a second for an image of a few megabytes; here the bytes are cut into lanes
of 128 that numpy walks side by side, and the lanes' remainders are joined in a tree: about
200 MB/s.
"""

import functools
import os
import struct

import numpy as np

from lfp_tf.errors import LfpError

HEADER_BYTES = 12
FOOTER_BYTES = 4
# How the sentence about a damaged record goes on, behind its file and number.
DAMAGE = (
    " cannot be read, or its checksum does not agree; copy the file again, or write the records "
    "again with `lfp-tf data` and `--overwrite`."
)
_POLYNOMIAL = 0x82F63B78  # Castagnoli, reflected
_MASK_DELTA = 0xA282EAD8
_LANE_POWER = 7  # lanes of 2**7 bytes


def crc32c(data: bytes) -> int:
    """The CRC-32C of a byte string (RFC 3720, appendix B.4).

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    size = len(data)
    lane = 1 << _LANE_POWER
    lanes = -(-size // lane)
    # Zeros in front change nothing while the register is zero; the register's start value of all
    # ones is brought in by turning the first four bytes over.
    padded = np.zeros(lanes * lane, np.uint8)
    padded[lanes * lane - size :] = np.frombuffer(data, np.uint8)
    padded[lanes * lane - size :][:4] ^= 0xFF
    register = _walk(padded.reshape(lanes, lane)) if lanes else np.zeros(1, np.uint32)
    power = _LANE_POWER
    while len(register) > 1:
        if len(register) % 2:
            register = np.concatenate([np.zeros(1, np.uint32), register])
        register = _apply(_shift(power), register[0::2]) ^ register[1::2]
        power += 1
    left_over = 0xFFFFFFFF >> (8 * size) if size < 4 else 0
    return int(register[0]) ^ left_over ^ 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """The bytes of one record around `payload`."""
    length = struct.pack("<Q", len(payload))
    masked = (struct.pack("<I", _masked(crc32c(part))) for part in (length, payload))
    return b"".join((length, next(masked), payload, next(masked)))


def scan(path: str | os.PathLike) -> np.ndarray:
    """Where the records of a TFRecord file lie, from their headers alone.

    Returns:
        int64 [n, 2]: offset and length in bytes of each payload.

    Raises:
        LfpError: the file is cut short, compressed or no TFRecord file.
    """
    spans, headers = [], []
    with open(path, "rb") as stream:
        end, position = os.fstat(stream.fileno()).st_size, 0
        while position < end:
            header = os.pread(stream.fileno(), HEADER_BYTES, position)
            length = int.from_bytes(header[:8], "little")
            following = position + HEADER_BYTES + length + FOOTER_BYTES
            if len(header) < HEADER_BYTES or following > end:
                raise LfpError(_broken(path, header, len(spans), end))
            headers.append(header)
            spans.append((position + HEADER_BYTES, length))
            position = following
    _check_headers(path, headers)
    return np.array(spans, np.int64).reshape(-1, 2)


def payload_at(path: str | os.PathLike, offset: int, length: int, *, number: int) -> bytes:
    """The payload of one record, its checksum checked.

    Args:
        path: a TFRecord file.
        offset: of the payload's first byte, as `scan` gives it.
        length: of the payload in bytes.
        number: of the record in its file, for the sentence.

    Raises:
        LfpError: the file is shorter than said, or its bytes are not those that were written.
    """
    with open(path, "rb") as stream:
        stream.seek(offset)
        payload, footer = stream.read(length), stream.read(FOOTER_BYTES)
    if len(footer) < FOOTER_BYTES or struct.unpack("<I", footer)[0] != _masked(crc32c(payload)):
        raise LfpError(f"{path}, record {number}{DAMAGE}")
    return payload


def _broken(path, header, count, size):
    if len(header) == HEADER_BYTES and _length_agrees(np.frombuffer(header, np.uint8)[None])[0]:
        return (
            f"{path} is cut short after {count} whole records ({size} bytes); "
            "remove it and write the records again with `lfp-tf data`."
        )
    if header[:2] == b"\x1f\x8b" and count == 0:
        return f"{path} is compressed with gzip; records here are uncompressed: gunzip it first."
    if count == 0:
        return f"{path} is no TFRecord file: its first record's length does not agree."
    return (
        f"{path} is damaged or cut short after {count} whole records; "
        "remove it and write the records again with `lfp-tf data`."
    )


def _check_headers(path, headers):
    if not headers:
        return
    rows = np.frombuffer(b"".join(headers), np.uint8).reshape(-1, HEADER_BYTES)
    agrees = _length_agrees(rows)
    if not agrees.all():
        first = int(np.argmin(agrees))
        raise LfpError(_broken(path, bytes(rows[first]), first, os.path.getsize(path)))


def _length_agrees(headers):
    """Whether the length's checksum holds, per row of uint8 [n, 12]."""
    rows = headers[:, :8].copy()
    rows[:, :4] ^= 0xFF
    crc = _walk(rows) ^ np.uint32(0xFFFFFFFF)
    rotated = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    stored = np.ascontiguousarray(headers[:, 8:12]).view("<u4")[:, 0]
    return rotated + np.uint32(_MASK_DELTA) == stored


def _masked(crc):
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def _walk(rows):
    """The registers after the bytes of uint8 [n, length], each begun at zero: uint32 [n]."""
    table = _byte_table()
    register = np.zeros(len(rows), np.uint32)
    for column in np.ascontiguousarray(rows.T):
        register = table[(register ^ column) & np.uint32(0xFF)] ^ (register >> np.uint32(8))
    return register


@functools.lru_cache(maxsize=1)
def _byte_table():
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, np.uint32(_POLYNOMIAL), np.uint32(0))
    return table


@functools.cache
def _shift(power):
    """The effect of 2**power zero bytes on a register, by its four bytes: uint32 [4, 256]."""
    if power:
        half = _shift(power - 1)
        return _apply(half, half)
    table = _byte_table()
    values = np.arange(256, dtype=np.uint32)[None] << np.uint32(8) * np.arange(
        4, dtype=np.uint32
    ).reshape(4, 1)
    return table[values & np.uint32(0xFF)] ^ (values >> np.uint32(8))


def _apply(tables, register):
    result = np.zeros_like(register)
    for place in range(4):
        result ^= tables[place][(register >> np.uint32(8 * place)) & np.uint32(0xFF)]
    return result
