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
    """The opaque text of a position in a list ordered by number."""
    return encode_name_cursor(str(number))


def decode_cursor(text: str | None) -> int | None:
    """Return the position of ``text``; raise CursorMalformed if it is not one of ours."""
    plain = decode_name_cursor(text)
    if plain is None:
        return None
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 18:
        raise CursorMalformed(field="cursor")
    return int(plain)


def encode_name_cursor(name: str) -> str:
    """The opaque text of a position in a list ordered by name."""
    return base64.urlsafe_b64encode(b"k" + name.encode()).decode().rstrip("=")


def decode_name_cursor(text: str | None) -> str | None:
    """Return the name of ``text``; raise CursorMalformed if it is not one of ours."""
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise CursorMalformed(field="cursor") from error
    if not plain.startswith("k") or len(plain) > 1024:
        raise CursorMalformed(field="cursor")
    return plain[1:]


def checked_limit(limit: int | None, *, largest: int = LARGEST_PAGE) -> int:
    """Return the page size to use; raise Invalid if it is not between 1 and ``largest``."""
    if limit is None:
        return min(DEFAULT_PAGE, largest)
    if not 1 <= limit <= largest:
        raise Invalid(f"'limit' must be between 1 and {largest}.", field="limit")
    return limit
