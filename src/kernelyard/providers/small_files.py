"""Reading small files that others have written: never more than is expected, never from a pipe."""

from __future__ import annotations

import json
from pathlib import Path

LARGEST = 1024 * 1024


def read_text(path: Path, largest: int = LARGEST) -> str:
    """Return the beginning of an ordinary file; nothing if there is none, or it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return stream.read(largest).decode(errors="replace")
    except OSError:
        return ""


def read_object(path: Path) -> dict[str, object]:
    """Return the JSON object in a file; an empty one if there is none."""
    try:
        value = json.loads(read_text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
