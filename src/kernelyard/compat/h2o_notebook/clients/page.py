"""Lists page by page, over what the client reads as it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from kernelyard.compat.h2o_notebook.exception import InvalidArgumentException

T = TypeVar("T")
DEFAULT_SIZE = 50
LARGEST_SIZE = 1000


def size_of(page_size: int) -> int:
    """Return how many a page has; 0 means the usual number. Raises InvalidArgumentException."""
    if page_size < 0:
        raise InvalidArgumentException(f"page_size must be 0 or more; it is {page_size}.")
    return min(page_size, LARGEST_SIZE) or DEFAULT_SIZE


def page_of(
    items: Iterable[T], page_size: int, page_token: str, key: Callable[[T], str]
) -> tuple[list[T], str]:
    """Return the page that begins behind ``page_token``, and the next token, empty on the last page.

    A token is the ``key`` of the last one shown. Raises InvalidArgumentException if that one is not there.
    """
    size = size_of(page_size)
    rest = iter(items)
    if page_token and not any(key(one) == page_token for one in rest):
        raise InvalidArgumentException(
            f"The page token {page_token[:80]!r} is not known here. Begin again without one."
        )
    page = list(islice(rest, size))
    more = next(rest, None) is not None
    return page, key(page[-1]) if more else ""
