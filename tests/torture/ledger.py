"""What a client notes for itself before and after each request, so that it may be killed at any moment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Ledger:
    """An append-only file of JSON lines, one write each."""

    def __init__(self, path: Path) -> None:
        """Open it; a line that a kill has torn is cut off."""
        whole = sum(len(line) for line in _whole_lines(path)) if path.exists() else 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._descriptor, whole)

    def note(self, **entry: Any) -> None:
        """Write an entry down."""
        os.write(self._descriptor, json.dumps(entry).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def entries(path: Path) -> list[Entry]:
    """Everything noted so far."""
    if not path.exists():
        return []
    return [json.loads(line) for line in _whole_lines(path)]


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line
