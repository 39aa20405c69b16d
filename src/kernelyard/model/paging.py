"""Pages: a slice of a list and the cursor that continues it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from kernelyard.model.errors import CursorMalformed, Invalid

T = TypeVar("T")
DEFAULT_PAGE = 100
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list. ``next`` is the number to continue after; None at the end."""

    items: list[T]
    next: int | None = None


def encode_cursor(number: int) -> str:
    """The opaque text of a list position."""
    return base64.urlsafe_b64encode(f"k{number}".encode()).decode().rstrip("=")


def decode_cursor(text: str | None) -> int | None:
    """Return the list position of ``text``; raise CursorMalformed if it is not one of ours."""
    if not text:
        return None
    try:
        plain = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_", validate=True
        ).decode("ascii")
        if not plain.startswith("k") or not plain[1:].isdigit() or len(plain) > 20:
            raise CursorMalformed(field="cursor")
        return int(plain[1:])
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise CursorMalformed(field="cursor") from error


def checked_limit(limit: int | None, *, largest: int = LARGEST_PAGE) -> int:
    """Return the page size to use; raise Invalid if it is not between 1 and ``largest``."""
    if limit is None:
        return min(DEFAULT_PAGE, largest)
    if not 1 <= limit <= largest:
        raise Invalid(f"'limit' must be between 1 and {largest}.", field="limit")
    return limit
