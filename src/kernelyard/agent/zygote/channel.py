"""Frames and lines on sockets, as ``program`` describes them."""

import json
import os
import socket
import struct
import sys
from typing import Any

LARGEST_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct("<I")


def channel_of_stdin() -> socket.socket:
    """Take the socket away from standard input, which from then on is empty."""
    channel = socket.socket(fileno=os.dup(0))
    # As a process has it that was run.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    old: Any = sys.stdin
    # The one that the interpreter has made began with a socket.
    new = open(  # noqa: SIM115 - it stays open
        0, encoding=old.encoding, errors=old.errors, closefd=False
    )
    new.buffer.raw.name = "<stdin>"  # type: ignore[attr-defined]
    new.reconfigure(write_through=old.write_through)
    sys.stdin = new
    setattr(sys, "__stdin__", new)  # noqa: B010 - it is not meant to change
    return channel


def read_frame(end: socket.socket) -> "dict[str, Any] | None":
    """Return what comes; None if the other side is gone."""
    head = read_exactly(end, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    body = read_exactly(end, length) if length <= LARGEST_FRAME else None
    return None if body is None else dict(json.loads(body))


def read_exactly(end: socket.socket, size: int) -> "bytes | None":
    """Return so many bytes; None if the other side is gone before."""
    parts = []
    try:
        while size:
            part = end.recv(min(size, 1024 * 1024))
            if not part:
                return None
            parts.append(part)
            size -= len(part)
    except OSError:
        return None
    return b"".join(parts)


def say(end: socket.socket, said: "dict[str, Any]") -> None:
    """Say a line; nobody may be there to hear it."""
    try:
        end.sendall(json.dumps(said).encode() + b"\n")
    except OSError:
        pass
