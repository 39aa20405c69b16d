"""A table that fits the terminal without shortening an id or a name."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

_ELASTIC = frozenset({"CODE", "REASON", "ERROR", "PROBLEM", "START", "DISPLAY NAME"})
"""Columns of free text, which may be shortened."""
_SHORTEST = 12
_BETWEEN = 2
_BOLD, _NORMAL = "\x1b[1m", "\x1b[0m"


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()
) -> None:
    """Print rows under their columns, without those ``spare`` ones that there is no room for."""
    for number, line in enumerate(table_lines(columns, rows, spare, _room())):
        print(f"{_BOLD}{line}{_NORMAL}" if number == 0 else line)


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str], room: int
) -> list[str]:
    """Return the lines of a table that is as wide as ``room`` if that can be."""
    widths = [max(map(cell_len, texts)) for texts in zip(columns, *rows, strict=True)]
    least = [
        min(width, _SHORTEST) if name in _ELASTIC else width
        for name, width in zip(columns, widths, strict=True)
    ]
    kept = list(range(len(columns)))
    for name in spare:
        if _whole([least[n] for n in kept]) <= room:
            break
        kept.remove(columns.index(name))
    left = room - _whole([least[n] for n in kept])
    shown: dict[int, int] = {}
    for n in kept:
        more = min(max(left, 0), widths[n] - least[n])
        shown[n], left = least[n] + more, left - more
    return [
        (" " * _BETWEEN).join(_fitted(row[n], width) for n, width in shown.items()).rstrip()
        for row in (columns, *rows)
    ]


def _room() -> int:
    return shutil.get_terminal_size().columns


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _BETWEEN * (len(widths) - 1)


def _fitted(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"
