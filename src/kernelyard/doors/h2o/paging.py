"""Pages of lists: ``pageSize``, ``pageToken`` and ``nextPageToken``."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kernelyard.model.errors import Invalid
from kernelyard.model.json import JsonObject

T = TypeVar("T")
DEFAULT_PAGE = 50
LARGEST_PAGE = 1000
_MARK = "h2o1:"
_LONGEST_TOKEN = 1000
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_TIME = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page is wanted."""

    size: int
    after: str | None
    """Where the page before it ended, as its list has put it; None for the first."""


def asked(query: Mapping[str, str], kind: str) -> Asked:
    """Return which page of a list is wanted; ``kind`` tells the tokens of lists from each other.

    Raises Invalid for a negative size and for a token that is none of this list's.
    """
    return Asked(_size(query.get("pageSize", "0")), _position(query.get("pageToken", ""), kind))


def page(kind: str, key: str, items: Sequence[JsonObject], after: str | None) -> JsonObject:
    """Return the answer with one page. ``after`` is where it ends; None for the last."""
    return {key: list(items), "nextPageToken": "" if after is None else _token(after, kind)}


def cut(
    items: Sequence[T], wanted: Asked, position: Callable[[T], tuple[int, str]]
) -> tuple[list[T], str | None]:
    """Return a page of a list that is whole in memory, and where it ends.

    ``position`` is a time and an id; the newest come first. Items that come or go between two pages
    shift nothing. Raises Invalid.
    """
    ordered = sorted(items, key=position, reverse=True)
    if wanted.after is not None:
        at, _, id_ = wanted.after.partition(" ")
        if _TIME.fullmatch(at) is None:
            raise _unknown_token()
        ordered = [one for one in ordered if position(one) < (int(at), id_)]
    part = ordered[: wanted.size]
    if len(ordered) <= wanted.size:
        return part, None
    at_last, id_last = position(part[-1])
    return part, f"{at_last} {id_last}"


def _size(given: str) -> int:
    if _WHOLE.fullmatch(given) is None:
        raise Invalid(f"page_size must be a whole number, actual value = {given[:40]}")
    size = int(given)
    if size < 0:
        raise Invalid(f"page_size must be >= 0, actual value = {size}")
    return min(size, LARGEST_PAGE) or DEFAULT_PAGE


def _token(position: str, kind: str) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{kind}:{position}".encode()).decode().rstrip("=")


def _position(token: str, kind: str) -> str | None:
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise _unknown_token() from error
    mark = f"{_MARK}{kind}:"
    if not plain.startswith(mark) or len(plain) > _LONGEST_TOKEN:
        raise _unknown_token()
    return plain.removeprefix(mark)


def _unknown_token() -> Invalid:
    return Invalid(
        "page_token was not made by this list. Begin again without one.", field="pageToken"
    )
