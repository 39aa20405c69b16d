"""How much output a task may keep. What is over it is counted, never dropped in silence."""

from __future__ import annotations

from kernelyard.agent.endings import body
from kernelyard.model.records import RecordKind
from kernelyard.wire.messages import shorten_stream

MOST_BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait in memory for space on the disk before output is cut."""


class Allowance:
    """Counts the output of one task against its limit; 0 for no limit."""

    __slots__ = ("_cut_bytes", "_cut_messages", "_kept", "_limit")

    def __init__(self, limit: int, *, kept: int = 0) -> None:
        self._limit = limit
        self._kept = kept
        self._cut_bytes = 0
        self._cut_messages = 0

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

    def cut(self) -> bytes | None:
        """Return the body of the record that tells what was cut; None if nothing was."""
        if not self._cut_messages:
            return None
        return body(bytes=self._cut_bytes, messages=self._cut_messages)
