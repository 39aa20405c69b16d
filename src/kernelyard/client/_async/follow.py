"""Following live: cut as often as it may be, each output or event comes exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client.errors import ServerError
from kernelyard.client.following import FollowBooks, N


async def follow(
    http: AsyncHttp,
    path: str,
    books: FollowBooks[N],
    settle: Callable[[bytes], None] | None = None,
) -> AsyncGenerator[N, None]:
    """Yield everything after ``books.last``. Ends only after the end event, given to ``settle``.

    Raises FollowInterruptedError when the patience is over, and ApiError when the server refuses.
    """
    while True:
        try:
            async with aclosing(_one_stream(http, path, books)) as items:
                async for item in items:
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
        await asyncio.sleep(books.lost(cause))


async def _one_stream(http: AsyncHttp, path: str, books: FollowBooks[N]) -> AsyncGenerator[N, None]:
    books.begin()
    async with http.stream(path, books.params, books.headers) as response:
        async for chunk in response.aiter_bytes():
            for event in books.feed(chunk):
                item = books.take(event)
                if item is not None:
                    yield item
                if books.ending is not None:
                    return
