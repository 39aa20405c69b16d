"""One connection from an agent to the spawner; part of the spawner's program."""

import json
import os
import socket
import struct
from typing import Any

LARGEST_FRAME = 64 * 1024 * 1024
MOST_UNSENT = 4 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_CREDENTIALS = struct.Struct("iII")

Said = dict[str, Any]


class Line:
    """One connection to an agent."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._come = b""
        self._unsent = b""

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def read(self) -> list[Said] | None:
        """Return the frames that have come; None if the other side is gone or talks nonsense."""
        try:
            data = self.end.recv(1024 * 1024)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._come += data
        found: list[Said] = []
        while len(self._come) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._come)
            if length > LARGEST_FRAME:
                return None
            if len(self._come) < _LENGTH.size + length:
                break
            frame = self._come[_LENGTH.size : _LENGTH.size + length]
            self._come = self._come[_LENGTH.size + length :]
            try:
                said = json.loads(frame)
            except ValueError:
                return None
            if not isinstance(said, dict):
                return None
            found.append(said)
        return found

    def is_over(self) -> bool:
        """Whether the other side is gone, and has said nothing more."""
        try:
            return not self.end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def say(self, said: Said) -> bool:
        """Send without ever waiting; False if the other side reads nothing any more."""
        data = json.dumps(said).encode()
        self._unsent += _LENGTH.pack(len(data)) + data
        return self.flush()

    def flush(self) -> bool:
        """Send what can be sent now."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.end.send(self._unsent) :]
        except BlockingIOError:
            return len(self._unsent) <= MOST_UNSENT
        except OSError:
            return False
        return True


def is_own_user(end: socket.socket) -> bool:
    """Whether who is at the other end may ask us."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = _CREDENTIALS.size
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.getuid()
