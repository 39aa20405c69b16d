"""Answers that are sent while they are made, and end at once when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kernelyard.doors.native.splice import joined
from kernelyard.model.errors import YardError

T = TypeVar("T")
_log = structlog.stdlib.get_logger("kernelyard.http")
_READY = b": ready\n\n"
_ALIVE = b": alive\n\n"
_UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Streamed(Response):
    """An answer made of pieces. When the client goes away its source is closed before this returns."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], media_type: str) -> None:
        self._pieces = pieces
        self.status_code = 200
        self.background = None
        self.media_type = media_type
        self.init_headers(_UNBUFFERED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the pieces end or the client is gone."""
        del scope
        async with aclosing(self._pieces):
            sending = asyncio.create_task(self._send_all(send))
            leaving = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                finished = sending.done()
                sending.cancel()
                leaving.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)
            if finished:
                sending.result()

    async def _send_all(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@dataclass(frozen=True, slots=True)
class Closing:
    """The event with which a stream ends; without it a stream was cut."""

    word: str
    data: Callable[[], Awaitable[bytes]]


def event_stream(
    batches: AsyncIterator[list[T]], as_event: Callable[[T], bytes], closing: Closing | None = None
) -> Response:
    """Return items as server-sent events; an empty batch is sent as a sign of life.

    Without ``closing`` the stream has no end of its own.
    """
    return Streamed(_events(batches, as_event, closing), "text/event-stream")


async def _events(
    batches: AsyncIterator[list[T]], as_event: Callable[[T], bytes], closing: Closing | None
) -> AsyncGenerator[bytes, None]:
    yield _READY
    try:
        async with _closing(batches):
            async for batch in batches:
                for piece in joined(map(as_event, batch)):
                    yield piece
                if not batch:
                    yield _ALIVE
        if closing is not None:
            yield b"event: %b\ndata: %b\n\n" % (closing.word.encode(), await closing.data())
    except YardError as error:
        # A stream without its closing event was cut: the client asks again and is told why.
        _log.info("stream.cut", code=error.code, error=error.message)


def text_stream(texts: AsyncIterator[str]) -> Response:
    """Return text as it was said; halves of surrogate pairs, which no encoding has, become '?'."""
    return Streamed(_encoded(texts), "text/plain; charset=utf-8")


async def _encoded(texts: AsyncIterator[str]) -> AsyncGenerator[bytes, None]:
    async with _closing(texts):
        async for text in texts:
            yield text.encode(errors="replace")


@asynccontextmanager
async def _closing(source: AsyncIterator[object]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()
