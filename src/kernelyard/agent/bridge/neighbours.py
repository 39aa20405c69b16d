"""Whose process is at the other end of a connection on this machine."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_TABLE = Path("/proc/net/tcp")


def is_ours(connection: socket.socket) -> bool:
    """Whether a loopback connection was made by a process of our own user, or of root.

    Where the system does not tell, as on macOS, it counts as ours: the key protects what matters.
    """
    uid = _owner(connection)
    return uid is None or uid in (0, os.getuid())


def _owner(connection: socket.socket) -> int | None:
    """The user of the process at the other end; None where nobody can tell.

    To the system our peer is a socket of this machine whose local end is our remote end.
    """
    try:
        here, there = _as_in_table(connection.getsockname()), _as_in_table(connection.getpeername())
        table = _TABLE.read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[1] == there and fields[2] == here:
            return int(fields[7])
    return None


def _as_in_table(address: tuple[str, int]) -> str:
    host, port = address
    (number,) = struct.unpack("=I", socket.inet_aton(host))
    return f"{number:08X}:{port:04X}"
