"""Frames of the agent link: each a little-endian u32 length and that many bytes."""

from __future__ import annotations

import struct

LARGEST_FRAME = 256 * 1024 * 1024
_LENGTH = struct.Struct("<I")
LENGTH_SIZE = _LENGTH.size


def frame(payload: bytes) -> bytes:
    """Return ``payload`` with its length before it."""
    return _LENGTH.pack(len(payload)) + payload


def frame_length(head: bytes) -> int:
    """Return the length that the first four bytes of a frame tell; raise ValueError if too large."""
    (length,) = _LENGTH.unpack(head)
    if length > LARGEST_FRAME:
        raise ValueError(f"a frame of {length} bytes is over the link's limit")
    return int(length)


class Splitter:
    """Takes in pieces of a stream and returns the payloads of frames that are whole."""

    __slots__ = ("_pieces", "_size", "_wanted")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._wanted = LENGTH_SIZE
        """Bytes that there must be before it is worth to look."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the payloads that are whole now. Raises ValueError for a frame that is too large."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < self._wanted:
            return []
        data = piece if len(self._pieces) == 1 else b"".join(self._pieces)
        payloads: list[bytes] = []
        at, size = 0, len(data)
        self._wanted = LENGTH_SIZE
        while size - at >= LENGTH_SIZE:
            end = at + LENGTH_SIZE + frame_length(data[at : at + LENGTH_SIZE])
            if end > size:
                self._wanted = end - at
                break
            payloads.append(data[at + LENGTH_SIZE : end])
            at = end
        rest = data[at:]
        self._pieces, self._size = ([rest] if rest else []), size - at
        return payloads
