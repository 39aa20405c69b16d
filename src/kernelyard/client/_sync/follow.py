# Generated from src/kernelyard/client/_async/follow.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Following a journal live: cut as often as it may be, each output comes exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing

import httpx

from kernelyard.client._sync.http import Http
from kernelyard.client.errors import ServerError
from kernelyard.client.following import FollowBooks
from kernelyard.client.outputs import Output


def follow(
    http: Http, path: str, books: FollowBooks, settle: Callable[[bytes], None]
) -> Generator[Output, None]:
    """Yield every output after ``books.last``. Ends only after the end event was settled.

    Raises FollowInterruptedError when the patience is over, and ApiError when the server refuses.
    """
    while True:
        try:
            with closing(_one_stream(http, path, books)) as outputs:
                for output in outputs:
                    yield output
            cause = "the stream ended before its end mark"
        except httpx.TransportError as error:
            cause = f"{type(error).__name__}: {error}".rstrip(": ")
        except ServerError as error:
            cause = f"status {error.status}: {error.detail}"
        if books.ending is not None:
            settle(books.ending)
            return
        time.sleep(books.lost(cause))


def _one_stream(http: Http, path: str, books: FollowBooks) -> Generator[Output, None]:
    books.begin()
    with http.stream(path, books.params, books.headers) as response:
        for chunk in response.iter_bytes():
            for event in books.feed(chunk):
                output = books.take(event)
                if output is not None:
                    yield output
                if books.ending is not None:
                    return
