"""Following a journal live: cut as often as it may be, each output comes exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import httpx

from kernelyard.client._async.http import AsyncHttp
from kernelyard.client.errors import ServerError
from kernelyard.client.following import FollowBooks
from kernelyard.client.outputs import Output


async def follow(
    http: AsyncHttp, path: str, books: FollowBooks, settle: Callable[[bytes], None]
) -> AsyncGenerator[Output, None]:
    """Yield every output after ``books.last``. Ends only after the end event was settled.

    Raises FollowInterruptedError when the patience is over, and ApiError when the server refuses.
    """
    while True:
        try:
            async with aclosing(_one_stream(http, path, books)) as outputs:
                async for output in outputs:
                    yield output
            cause = "the stream ended before its end mark"
        except httpx.TransportError as error:
            cause = f"{type(error).__name__}: {error}".rstrip(": ")
        except ServerError as error:
            cause = f"status {error.status}: {error.detail}"
        if books.ending is not None:
            settle(books.ending)
            return
        await asyncio.sleep(books.lost(cause))


async def _one_stream(
    http: AsyncHttp, path: str, books: FollowBooks
) -> AsyncGenerator[Output, None]:
    books.begin()
    async with http.stream(path, books.params, books.headers) as response:
        async for chunk in response.aiter_bytes():
            for event in books.feed(chunk):
                output = books.take(event)
                if output is not None:
                    yield output
                if books.ending is not None:
                    return
