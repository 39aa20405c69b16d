"""What commands print: tables on a terminal, tab-separated lines when piped, JSON when asked."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

Row = Sequence[object]


class Format(StrEnum):
    """How a command shows what it found."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("-o", "--format", help="How to show the answer.", show_default=True)
]


def show_json(value: object) -> None:
    """Print a value as JSON; data of the client as objects with the field names of the API."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def show_json_line(value: object) -> None:
    """Print a value as one line of JSON, for streams of them."""
    print(json.dumps(plain(value), ensure_ascii=False), flush=True)


def plain(value: Any) -> Any:
    """Return ``value`` in the types that JSON has."""
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case str() | int() | float() | None:
            return value
        case list() | tuple():
            return [plain(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    return str(value)


def show_table(
    columns: Sequence[str], rows: Iterable[Row], *, empty: str, spare: Sequence[str] = ()
) -> None:
    """Print rows under their columns; ``empty`` goes to standard error if there are none.

    On a terminal, ids are never shortened: where there is no room, the ``spare`` columns are left
    out, the first of them first, and long text is shortened. In a pipe everything is there.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in ([column.lower() for column in columns], *cells):
            print("\t".join(row))
        return
    if not cells:
        note(empty)
        return
    from kernelyard.cli.terminal_table import print_table

    print_table(columns, cells, spare)


class GrowingTable:
    """A table that is printed row by row, as its rows come; in a pipe separated by tabs."""

    def __init__(self, columns: Mapping[str, int]) -> None:
        """``columns`` are names and the widths that they have on a terminal."""
        self._widths = list(columns.values())
        self._terminal = sys.stdout.isatty()
        names = list(columns) if self._terminal else [name.lower() for name in columns]
        self.add(names)

    def add(self, row: Row) -> None:
        """Print one row at once."""
        cells = [_cell(value) for value in row]
        if self._terminal:
            padded = (cell.ljust(width) for cell, width in zip(cells, self._widths, strict=True))
            print("  ".join(padded).rstrip(), flush=True)
        else:
            print("\t".join(cells), flush=True)


def show_fields(fields: Mapping[str, object]) -> None:
    """Print one thing, a field per line; fields that say nothing are left out."""
    told = {name: _cell(value) for name, value in fields.items() if value not in (None, "", {}, ())}
    bold, normal = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
    width = max(map(len, told), default=0) + 2
    for name, text in told.items():
        print(f"{bold}{name:<{width}}{normal}{text}")


def note(text: str) -> None:
    """Say something beside the output: on standard error, dimmed on a terminal."""
    dim, normal = ("\x1b[2m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    print(f"{dim}{text}{normal}", file=sys.stderr, flush=True)


def human_size(count: int) -> str:
    """Bytes as people say them."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def first_line(text: str, width: int = 48) -> str:
    """The first line that says something, shortened."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= width else line[: width - 1] + "…"


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case Mapping():
            return ", ".join(f"{key}={one}" for key, one in value.items())
    text = str(value)
    return "".join(c if c.isprintable() else " " for c in text)
