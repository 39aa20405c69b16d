"""How much output a task may keep. What is over it is counted, never dropped in silence."""

from __future__ import annotations

from kernelyard.agent.endings import body
from kernelyard.model.records import RecordKind
from kernelyard.wire.messages import shorten_stream, split_stream

LARGEST_RECORD = 200 * 1024 * 1024
"""Bytes of one record; more fits neither a frame of the link nor, by far, a row of a database."""
STREAM_PIECE = 16 * 1024 * 1024
"""Characters of one piece of a stream that is over that size. As JSON each may take six bytes."""
MOST_BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait in memory for space on the disk before output is cut."""


class Allowance:
    """Counts the output of one task against its limit; 0 for no limit."""

    __slots__ = (
        "_cut_bytes",
        "_cut_messages",
        "_kept",
        "_limit",
        "_refused_bytes",
        "_refused_messages",
    )

    def __init__(self, limit: int, *, kept: int = 0) -> None:
        self._limit = limit
        self._kept = kept
        self._cut_bytes = 0
        self._cut_messages = 0
        self._refused_bytes = 0
        self._refused_messages = 0

    def admit(self, kind: RecordKind, content: bytes, *, backlog: int = 0) -> bytes | None:
        """Return the content to keep, None if it is over the limit.

        Of the text that reaches the limit the beginning is kept; everything after it is cut.
        """
        size = len(content)
        fits = not self._limit or self._kept + size <= self._limit
        if fits and not self._cut_messages and backlog <= MOST_BACKLOG:
            self._kept += size
            return content
        kept = None
        if not self._cut_messages and kind is RecordKind.STREAM and backlog <= MOST_BACKLOG:
            kept = shorten_stream(content, self._limit - self._kept) or None
        self._cut_bytes += size - min(size, len(kept or b""))
        self._cut_messages += 1
        return kept

    def pieces(
        self,
        kind: RecordKind,
        content: bytes,
        *,
        largest: int = LARGEST_RECORD,
        stream_piece: int = STREAM_PIECE,
    ) -> list[bytes]:
        """Return the content as records that can be kept: text in pieces, anything else or nothing."""
        if len(content) <= largest:
            return [content]
        whole = split_stream(content, stream_piece) if kind is RecordKind.STREAM else [content]
        kept = [piece for piece in whole if len(piece) <= largest]
        if len(kept) < len(whole):
            self._refused_bytes += sum(len(piece) for piece in whole if len(piece) > largest)
            self._refused_messages += len(whole) - len(kept)
        return kept

    def cut(self) -> bytes | None:
        """Return the body of the record that tells what was cut; None if nothing was."""
        messages = self._cut_messages + self._refused_messages
        if not messages:
            return None
        return body(bytes=self._cut_bytes + self._refused_bytes, messages=messages)
