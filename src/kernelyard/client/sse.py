"""Server-sent events: bytes go in, events come out. Holds no socket.

A line may end in LF, CRLF or CR; data may have many lines; an event that was cut before its empty
line never comes out. Large events cost no more than their size: pieces of an unfinished line are
joined once, when the line ends.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event as it was sent."""

    kind: str
    data: bytes
    id: str | None = None


class SseParser:
    """Takes a stream of bytes apart."""

    def __init__(self) -> None:
        self.comments = 0
        """Comment lines seen: the server's signs of life."""
        self._pieces: list[bytes] = []
        self._after_cr = False
        self._kind = b""
        self._data: list[bytes] = []
        self._id: bytes | None = None

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take in the next bytes and return the events that they complete."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        lines = chunk.splitlines()
        open_ended = not chunk.endswith((b"\n", b"\r"))
        if self._pieces and (len(lines) > 1 or not open_ended):
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces.clear()
        if open_ended:
            self._pieces.append(lines.pop())
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[SseEvent]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line:
                self._field(line)
            else:
                if self._data:
                    events.append(self._event())
                self._kind, self._data, self._id = b"", [], None
        return events

    def _field(self, line: bytes) -> None:
        if line.startswith(b":"):
            self.comments += 1
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._kind = value
        elif name == b"id":
            self._id = value
        elif name == b"data":
            self._data.append(value)

    def _event(self) -> SseEvent:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        return SseEvent(
            kind=self._kind.decode("utf-8", "replace") or "message",
            data=data,
            id=None if self._id is None else self._id.decode("utf-8", "replace"),
        )
