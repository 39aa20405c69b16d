# Generated from src/kernelyard/client/_async/follow.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Following live: cut as often as it may be, each output or event comes exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing

import httpx

from kernelyard.client._sync.http import Http
from kernelyard.client.errors import ServerError
from kernelyard.client.following import FollowBooks, N


def follow(
    http: Http,
    path: str,
    books: FollowBooks[N],
    settle: Callable[[bytes], None] | None = None,
) -> Generator[N, None]:
    """Yield everything after ``books.last``. Ends only after the end event, given to ``settle``.

    Raises FollowInterruptedError when the patience is over, and ApiError when the server refuses.
    """
    while True:
        try:
            with closing(_one_stream(http, path, books)) as items:
                for item in items:
                    yield item
            cause = "the stream ended before its end mark"
        except httpx.TransportError as error:
            cause = f"{type(error).__name__}: {error}".rstrip(": ")
        except ServerError as error:
            cause = f"status {error.status}: {error.detail}"
        if books.ending is not None:
            if settle is not None:
                settle(books.ending)
            return
        time.sleep(books.lost(cause))


def _one_stream(http: Http, path: str, books: FollowBooks[N]) -> Generator[N, None]:
    books.begin()
    with http.stream(path, books.params, books.headers) as response:
        for chunk in response.iter_bytes():
            for event in books.feed(chunk):
                item = books.take(event)
                if item is not None:
                    yield item
                if books.ending is not None:
                    return
