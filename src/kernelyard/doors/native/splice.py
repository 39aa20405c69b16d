"""Journal records as JSON, with the kernel's own bytes put in as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kernelyard.doors.native.translate import time_text
from kernelyard.model.outputs import OutputPage
from kernelyard.model.records import Record, RecordKind

PIECE = 128 * 1024
"""Bytes that are put together before they are sent, unless one output alone is larger."""
_KINDS = {kind: kind.value.encode() for kind in RecordKind}
_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")


def output_bytes(record: Record) -> bytes:
    """Return one output as one line of JSON.

    A raw line end can only be white space between JSON tokens, so a space says the same.
    """
    return b"%b%b}" % (_beginning(record), _on_one_line(record.body))


def event_bytes(record: Record) -> bytes:
    """Return one output as a server-sent event."""
    return b"id: %d\nevent: %b\ndata: %b%b}\n\n" % (
        record.number,
        _KINDS[record.kind],
        _beginning(record),
        _on_one_line(record.body),
    )


def _beginning(record: Record) -> bytes:
    """The JSON of an output up to its content, which may be large and is put behind it once."""
    return b'{"number":%d,"at":"%b","task":%d,"kind":"%b","content":' % (
        record.number,
        time_text(record.at).encode(),
        record.seq,
        _KINDS[record.kind],
    )


def _on_one_line(body: bytes) -> bytes:
    return body.translate(_LINE_ENDS) if b"\n" in body or b"\r" in body else body


class Pieces:
    """Pieces of an answer that are made when the first needs them, and kept for all who follow."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._rest = pieces
        self._made: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        place = 0
        while place < len(self._made) or self._make():
            yield self._made[place]
            place += 1

    def _make(self) -> bool:
        piece = next(self._rest, None)
        if piece is None:
            return False
        self._made.append(piece)
        return True


def page_pieces(page: OutputPage) -> Iterator[bytes]:
    """Yield a page of outputs as JSON, one output at a time."""
    yield b'{"items":['
    for place, record in enumerate(page.records):
        if place:
            yield b","
        yield output_bytes(record)
    yield b'],"last":%d,"complete":%b}' % (page.last, b"true" if page.complete else b"false")


def joined(pieces: Iterable[bytes], size: int = PIECE) -> Iterator[bytes]:
    """Yield ``pieces`` put together, so that few are much smaller than ``size``."""
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= size:
            yield b"".join(waiting) if len(waiting) > 1 else piece
            waiting.clear()
            length = 0
    if waiting:
        yield b"".join(waiting)
