"""What a task has shown, in several forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayMessage:
    """One thing that a task has shown.

    ::

        png = base64.b64decode(message.display_message.display_message_data["image/png"])
    """

    display_message_data: dict[str, bytes] = field(default_factory=dict, repr=False)
    """By MIME type: text as UTF-8, pictures in base64 as Jupyter has them, anything else as JSON."""

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{mime}: {len(data)} bytes" for mime, data in self.display_message_data.items()
        )
        return f"{type(self).__name__}({sizes})"


def bytes_of(bundle: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the forms of a Jupyter MIME bundle as bytes."""
    return {mime: _text(value).encode() for mime, value in bundle.items()}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return json.dumps(value, ensure_ascii=False)
