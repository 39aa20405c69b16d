"""Outputs on a terminal or a pipe while they come: to the stream that they belong to."""

from __future__ import annotations

import re
import sys
from typing import TextIO

from kernelyard.cli.showing import human_size, note
from kernelyard.client import Output

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "application/pdf")


class LivePrinter:
    """Prints outputs in order, each at the beginning of a line where it should be."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err
        self._open_line = {id(self._out): False, id(self._err): False}

    def show(self, output: Output) -> None:
        """Print one output; marks that tell nothing new are passed over."""
        match output.kind:
            case "stream":
                self._write(self._err if output.stream == "stderr" else self._out, output.text)
            case "display_data" | "execute_result" | "update_display_data":
                self._show_rich(output)
            case "error":
                self._line(self._err, _coloured(output.text, self._err))
            case "cut":
                dropped = human_size(int(output.content.get("bytes", 0)))
                self.note(f"[{dropped} of output over the task's limit were dropped here]")
            case "gap":
                self.note("[nobody listened for a while; output may be missing here]")

    def note(self, text: str) -> None:
        """Say something of our own, on a line of its own on standard error."""
        self.finish()
        note(text)

    def finish(self) -> None:
        """End a line that was begun on a terminal."""
        for stream in (self._out, self._err):
            if self._open_line[id(stream)] and stream.isatty():
                self._write(stream, "\n")

    def _show_rich(self, output: Output) -> None:
        picture = next((mime for mime in _PICTURES if mime in output.data), None)
        if picture is not None and self._out.isatty():
            self._line(self._out, f"[{picture}, {human_size(_length(output, picture))}]")
        elif output.text:
            self._line(self._out, output.text)
        elif output.data:
            self._line(self._out, f"[{', '.join(sorted(output.data))}]")

    def _line(self, stream: TextIO, text: str) -> None:
        begin = "\n" if self._open_line[id(stream)] else ""
        self._write(stream, f"{begin}{text}\n")

    def _write(self, stream: TextIO, text: str) -> None:
        if text:
            stream.write(text)
            stream.flush()
            self._open_line[id(stream)] = not text.endswith("\n")


def _coloured(text: str, stream: TextIO) -> str:
    return text if stream.isatty() else _COLOURS.sub("", text)


def _length(output: Output, mime: str) -> int:
    value = output.data[mime]
    text = value if isinstance(value, str) else "".join(value)
    return len(text) if mime == "image/svg+xml" else len(text.strip()) * 3 // 4
