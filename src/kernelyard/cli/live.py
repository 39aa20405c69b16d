"""Outputs on a terminal or a pipe while they come: to the stream that they belong to."""

from __future__ import annotations

import re
import sys
from typing import TextIO

from kernelyard.cli.remarks import gap_line
from kernelyard.cli.script_exit import exit_code, last_words, without_noise
from kernelyard.cli.showing import human_size, note
from kernelyard.client import Output

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "application/pdf")


class LivePrinter:
    """Prints outputs in order, each at the beginning of a line where it should be."""

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, *, program: bool = False
    ) -> None:
        """Of a ``program``, ``sys.exit()`` is its end and no error that is to be shown."""
        self._program = program
        self._out = sys.stdout if out is None else out
        self._err = sys.stderr if err is None else err
        self._open_line = {id(self._out): False, id(self._err): False}

    def show(self, output: Output) -> None:
        """Print one output; marks that tell nothing new are passed over."""
        match output.kind:
            case "stream":
                self._stream(output)
            case "display_data" | "execute_result" | "update_display_data":
                self._show_rich(output)
            case "error":
                self._error(output)
            case "cut":
                dropped = human_size(int(output.content.get("bytes", 0)))
                self.note(f"[{dropped} of output over the task's limit were dropped here]")
            case "gap":
                self.note(gap_line(output.content))

    def note(self, text: str) -> None:
        """Say something of our own, on a line of its own on standard error."""
        self.finish()
        note(text)

    def finish(self) -> None:
        """End a line that was begun on a terminal."""
        for stream in (self._out, self._err):
            if self._open_line[id(stream)] and stream.isatty():
                self._write(stream, "\n")

    def _stream(self, output: Output) -> None:
        if output.stream != "stderr":
            self._write(self._out, output.text)
        else:
            self._write(self._err, without_noise(output.text) if self._program else output.text)

    def _error(self, output: Output) -> None:
        name, value = (str(output.content.get(key, "")) for key in ("ename", "evalue"))
        if not self._program or exit_code(name, value) is None:
            self._line(self._err, _coloured(output.text, self._err))
        elif words := last_words(name, value):
            self._line(self._err, words)

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
