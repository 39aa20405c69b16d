"""Connection files: where a kernel listens that somebody else has started."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from kernelyard.client.errors import ConnectionFileError

LARGEST = 64 * 1024
"""Bytes; real ones have some hundred."""


def content_of(source: str | os.PathLike[str] | Mapping[str, object]) -> dict[str, object]:
    """Return the content of a connection file, given itself or by its path.

    Raises ConnectionFileError with what is wrong with the file, and never with what is in it.
    """
    if isinstance(source, Mapping):
        return dict(source)
    path = Path(source).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ConnectionFileError(
            f"The connection file {path} cannot be read: {error.strerror}."
        ) from error
    try:
        content = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        # Not as its cause: that shows a part of the file.
        content = None
    if not isinstance(content, dict):
        raise ConnectionFileError(
            f"{path} is no connection file: it has no JSON object in it. If its kernel is just "
            "starting, wait until the file is written."
        )
    return content
