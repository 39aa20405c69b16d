"""The file through which an agent learns the settings of its providers, also while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date, datetime, time
from pathlib import Path


def hand_over(settings: Mapping[str, Mapping[str, object]], file: Path) -> None:
    """Write the settings where the agent looks, for its user alone, unless they are there already.

    Raises OSError; what was there before is then still there.
    """
    data = json.dumps(settings, default=_text, sort_keys=True).encode()
    try:
        if file.read_bytes() == data:
            return
    except FileNotFoundError:
        if not settings:
            return
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _text(value: object) -> str:
    """Dates and times, which TOML has and JSON has not."""
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be a setting of a provider")
