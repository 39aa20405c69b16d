# Generated from src/kernelyard/client/_async/pages.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Lists that are read page by page, as far as they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from kernelyard.client._sync.http import Http
from kernelyard.client.decoding import decode
from kernelyard.client.types import Page

T = TypeVar("T")
Filters = list[tuple[str, str]]


def every(
    http: Http, path: str, kind: type[Page[T]], filters: Filters, *, page_size: int
) -> Iterator[T]:
    """Yield every item of a list, page after page."""
    cursor: str | None = None
    while True:
        params = [*filters, ("limit", str(page_size))]
        if cursor is not None:
            params.append(("cursor", cursor))
        page = decode(http.get(path, tuple(params)), kind)
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
            return


def filters_of(
    *,
    state: str | Iterable[str] | None = None,
    label: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Filters:
    """Return list filters as the server reads them."""
    filters: Filters = []
    if state is not None:
        filters.append(("state", state if isinstance(state, str) else ",".join(state)))
    filters.extend(("label", f"{key}={value}") for key, value in (label or {}).items())
    if name is not None:
        filters.append(("name", name))
    return filters
