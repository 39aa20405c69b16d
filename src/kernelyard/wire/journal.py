"""Journal records as bytes: the form in which they lie on disk and travel on the agent link.

A record is a header, a body and nothing else::

    u32 body length · u32 CRC-32 of the rest of the header and the body ·
    u64 number · u64 time in µs · u32 task · u8 kind · body

all little-endian. A file may end in the middle of a record after a crash; ``split`` tells where the
last whole record ends.
"""

from __future__ import annotations

import struct
import zlib

from kernelyard.model.records import Record, RecordKind

_HEAD = struct.Struct("<II")
_REST = struct.Struct("<QQIB")
HEADER_SIZE = _HEAD.size + _REST.size
LARGEST_BODY = 2**31 - 1

KIND_CODES: dict[RecordKind, int] = {
    RecordKind.STREAM: 1,
    RecordKind.DISPLAY_DATA: 2,
    RecordKind.EXECUTE_RESULT: 3,
    RecordKind.UPDATE_DISPLAY_DATA: 4,
    RecordKind.CLEAR_OUTPUT: 5,
    RecordKind.ERROR: 6,
    RecordKind.CUT: 20,
    RecordKind.GAP: 21,
    RecordKind.STARTED: 30,
    RecordKind.ENDED: 31,
    RecordKind.KERNEL_LAUNCHED: 40,
    RecordKind.KERNEL_READY: 41,
    RecordKind.KERNEL_RESTARTING: 42,
    RecordKind.KERNEL_STOPPING: 43,
    RecordKind.KERNEL_ENDED: 44,
    RecordKind.KERNEL_ACTIVE: 45,
    RecordKind.KERNEL_ENDING_SOON: 46,
    RecordKind.KERNEL_INTERRUPTED: 47,
    RecordKind.KERNEL_SIGNALLED: 48,
}
_KINDS = {code: kind for kind, code in KIND_CODES.items()}


class CorruptRecord(ValueError):
    """A whole record whose checksum, kind or length is wrong."""


def encode(record: Record) -> bytes:
    """Return the bytes of one record."""
    return header_of(record) + record.body


def header_of(record: Record) -> bytes:
    """Return what stands before the body of a record."""
    rest = _REST.pack(record.number, record.at, record.seq, KIND_CODES[record.kind])
    crc = zlib.crc32(record.body, zlib.crc32(rest))
    return _HEAD.pack(len(record.body), crc) + rest


def split(data: bytes | memoryview) -> tuple[list[Record], int]:
    """Return the whole records at the beginning of ``data`` and how many bytes they take.

    What is left is the beginning of a record whose end is missing. Raises CorruptRecord.
    """
    view = memoryview(data)
    records: list[Record] = []
    at, size = 0, len(view)
    while size - at >= HEADER_SIZE:
        length, crc = _HEAD.unpack_from(view, at)
        if length > LARGEST_BODY:
            raise CorruptRecord(f"a record at byte {at} claims {length} bytes")
        end = at + HEADER_SIZE + length
        if end > size:
            break
        if zlib.crc32(view[at + _HEAD.size : end]) != crc:
            raise CorruptRecord(f"the record at byte {at} fails its checksum")
        number, time, seq, code = _REST.unpack_from(view, at + _HEAD.size)
        kind = _KINDS.get(code)
        if kind is None:
            raise CorruptRecord(f"the record at byte {at} is of the unknown kind {code}")
        records.append(Record(number, time, seq, kind, bytes(view[at + HEADER_SIZE : end])))
        at = end
    return records, at


def peek_time(header: bytes | memoryview) -> int:
    """Return the time in µs of the record that begins with ``header``."""
    _, time, _, _ = _REST.unpack_from(header, _HEAD.size)
    return int(time)


def could_begin(header: bytes | memoryview, room: int, most: int) -> bool:
    """Whether a record may begin with ``header``: it fits into ``room`` bytes and is of a known kind.

    No record has a number over ``most``, the size of its file.
    """
    number, _, _, code = _REST.unpack_from(header, _HEAD.size)
    return peek_length(header) <= room and code in _KINDS and 0 < number <= most


def peek_length(header: bytes | memoryview) -> int:
    """Return the size in bytes of the whole record that begins with ``header``."""
    length, _ = _HEAD.unpack_from(header)
    return HEADER_SIZE + int(length)
