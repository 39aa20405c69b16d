"""What waits for a client that reads slowly: in a file that has no name, and no place in memory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MOST_BYTES = 1024 * 1024 * 1024
CHUNK = 256 * 1024


class Spool:
    """Bytes that go in at one end and come out at the other."""

    def __init__(self, directory: Path, most: int = MOST_BYTES) -> None:
        """Make the file. Raises OSError."""
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115 - see close
        self._most = most
        self._read = self._written = 0

    def __len__(self) -> int:
        return self._written - self._read

    def write(self, data: bytes) -> bool:
        """Put something in, whole or not at all; return whether there was room for it."""
        return self._written + len(data) <= self._most and self.write_last(data)

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
        return True

    def read(self) -> bytes:
        """Take out what comes next; nothing if it is empty."""
        data = os.pread(self._file.fileno(), min(CHUNK, len(self)), self._read)
        self._read += len(data)
        return data

    def close(self) -> None:
        """Let go of the file, and so of its space."""
        self._file.close()
