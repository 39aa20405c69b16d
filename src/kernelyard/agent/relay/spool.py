"""What waits for a client that reads slowly: in a file that has no name, and no place in memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kernelyard.agent.holes import free_head

MOST_BYTES = 1024 * 1024 * 1024
"""Of one client."""
MOST_OF_ALL = 4 * MOST_BYTES
LEFT_FREE = 512 * 1024 * 1024
"""What is left of the disk for the journals, which are on it, too."""
CHUNK = 256 * 1024
_PUNCH = 16 * CHUNK
"""So much has been read when its space is given back."""


class Room:
    """The space on a disk that all who wait have together."""

    def __init__(
        self, directory: Path, most: int = MOST_OF_ALL, left_free: int = LEFT_FREE
    ) -> None:
        self.directory = directory
        self._most = most
        self._left_free = left_free
        self._used = 0

    def has(self, size: int) -> bool:
        """Whether so many bytes more may be put there."""
        if self._used + size > self._most:
            return False
        try:
            disk = os.statvfs(self.directory)
        except OSError:
            return False
        return disk.f_bavail * disk.f_frsize >= self._left_free + size

    def change(self, size: int) -> None:
        """So many bytes more are used, or less."""
        self._used += size


class Spool:
    """Bytes that go in at one end and come out at the other."""

    def __init__(self, room: Room, most: int = MOST_BYTES, punch: int = _PUNCH) -> None:
        """Make the file. Raises OSError.

        What has been read is given back to the disk each ``punch`` bytes, where that can be done, and
        counts until then.
        """
        self._file = tempfile.TemporaryFile(dir=room.directory, buffering=0)  # noqa: SIM115 - see close
        self._room = room
        self._most = most
        self._punch = punch
        self._freed = self._read = self._written = 0

    def __len__(self) -> int:
        return self._written - self._read

    def write(self, data: bytes) -> bool:
        """Put something in, whole or not at all; return whether there was room for it."""
        held = self._written - self._freed
        if held + len(data) > self._most or not self._room.has(len(data)):
            return False
        return self.write_last(data)

    def write_last(self, data: bytes) -> bool:
        """The same, whatever is in already."""
        at, left = self._written, memoryview(data)
        try:
            while left:
                done = os.pwrite(self._file.fileno(), left, at)
                at, left = at + done, left[done:]
        except OSError:
            return False
        self._written = at
        self._room.change(len(data))
        return True

    def read(self) -> bytes:
        """Take out what comes next; nothing if it is empty."""
        data = os.pread(self._file.fileno(), min(CHUNK, len(self)), self._read)
        self._read += len(data)
        if self._read - self._freed >= self._punch:
            self._give_back()
        return data

    def close(self) -> None:
        """Let go of the file, and so of its space."""
        self._file.close()
        self._room.change(self._freed - self._written)
        self._freed = self._written

    def _give_back(self) -> None:
        try:
            freed = free_head(self._file.fileno(), self._read)
        except OSError:
            return
        self._room.change(self._freed - freed)
        self._freed = freed
