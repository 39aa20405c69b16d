"""Answers that are sent while they are made, and end at once when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kernelyard.doors.native.splice import PIECE, Pieces
from kernelyard.model.errors import YardError
from kernelyard.yard.sharing import Batch, E, N

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
            # What a connection that takes no more has yet to write is one part, however large a piece.
            for part in _parts(piece):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            del piece, part
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _parts(piece: bytes) -> Iterator[bytes]:
    if len(piece) <= 2 * PIECE:
        yield piece
        return
    for start in range(0, len(piece), PIECE):
        yield piece[start : start + PIECE]


def event_stream(
    batches: AsyncIterator[Batch[N, E]], as_events: Callable[[Batch[N, E]], Pieces]
) -> Response:
    """Return batches as server-sent events, made once for all who are sent the same batch.

    An empty batch is sent as a sign of life, unless it is the end.
    """
    return Streamed(_events(batches, as_events), "text/event-stream")


async def _events(
    batches: AsyncIterator[Batch[N, E]], as_events: Callable[[Batch[N, E]], Pieces]
) -> AsyncGenerator[bytes, None]:
    yield _READY
    try:
        async with _closing(batches):
            async for batch in batches:
                piece = _ALIVE
                if batch or batch.end is not None:
                    for piece in batch.once(as_events):
                        yield piece
                else:
                    yield piece
                # Until the next one comes, nothing of this one is held.
                del batch, piece
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
