"""What the head of a journal had told, written down before it is cut away.

The file lies beside the journal. It names the record up to which all may be gone, and holds what
those before it have told; so an agent that comes later need not read them.
"""

from __future__ import annotations

import json
import os
import stat
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kernelyard.agent.holes import begin_of_data
from kernelyard.agent.places import write_private
from kernelyard.agent.recall import Recollection
from kernelyard.wire import journal as wire

_CRC = struct.Struct("<I")
_LARGEST = 256 * 1024 * 1024
_WINDOW = 256 * 1024
"""How far behind a hole a record is looked for; it begins in the first block behind it."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where to begin, and what is known by then."""

    number: int
    """The first record that is surely in the file."""
    offset: int
    memory: Recollection
    """What the records before it have told."""

    @property
    def place(self) -> tuple[int, int]:
        return self.number, self.offset


def checkpoint_path(journal: Path) -> Path:
    """Where the checkpoint of a journal lies."""
    return journal.with_name("checkpoint")


def write_checkpoint(journal: Path, checkpoint: Checkpoint) -> None:
    """Write it down, whole or not at all, and see it on the disk."""
    plain = msgspec.to_builtins(checkpoint, str_keys=True)
    # Not by msgspec: kernels may say what is no valid Unicode.
    text = json.dumps(plain, separators=(",", ":")).encode()
    write_private(checkpoint_path(journal), _CRC.pack(zlib.crc32(text)) + text)


def read_checkpoint(journal: Path) -> Checkpoint | None:
    """Return the checkpoint of a journal; None if there is none that is whole."""
    try:
        data = _bytes_of(checkpoint_path(journal))
        (crc,) = _CRC.unpack_from(data)
        if zlib.crc32(data[_CRC.size :]) != crc:
            return None
        return msgspec.convert(json.loads(data[_CRC.size :]), Checkpoint, str_keys=True)
    except (OSError, struct.error, ValueError, RecursionError):
        return None


def _bytes_of(path: Path) -> bytes:
    """Read an ordinary file of a size that it may have; the kernel's own code could put others there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise OSError(f"{path} is not what was written there")
        return os.pread(descriptor, found.st_size, 0)
    finally:
        os.close(descriptor)


def stands_at(descriptor: int, place: tuple[int, int]) -> bool:
    """Whether the file has the record with this number, whole, at this offset."""
    number, offset = place
    return _number_at(descriptor, offset, os.fstat(descriptor).st_size) == number


def first_behind_hole(descriptor: int) -> tuple[int, int] | None:
    """Find the first whole record behind the hole at a file's head; return its number and offset."""
    begin, size = begin_of_data(descriptor), os.fstat(descriptor).st_size
    window = os.pread(descriptor, _WINDOW + wire.HEADER_SIZE, begin)
    for at in range(min(_WINDOW, len(window) - wire.HEADER_SIZE + 1)):
        header = window[at : at + wire.HEADER_SIZE]
        if wire.could_begin(header, size - begin - at, size):
            number = _number_at(descriptor, begin + at, size)
            if number is not None:
                return number, begin + at
    return None


def _number_at(descriptor: int, offset: int, size: int) -> int | None:
    header = os.pread(descriptor, wire.HEADER_SIZE, offset)
    if len(header) < wire.HEADER_SIZE or not wire.could_begin(header, size - offset, size):
        return None
    try:
        records, _ = wire.split(os.pread(descriptor, wire.peek_length(header), offset))
    except wire.CorruptRecord:
        return None
    return records[0].number if records else None
