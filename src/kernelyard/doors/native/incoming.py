"""What comes from the client of a WebSocket; that it goes is noticed also while nothing can be taken in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message

MOST_AHEAD = 1000
MOST_AHEAD_BYTES = 4 * 1024 * 1024
"""Taken out of the socket before there is room for it; its end can be seen only behind that."""
Receive = Callable[[], Awaitable[Message]]


class Incoming:
    """The messages of one client."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._receiving: asyncio.Future[Message] | None = None
        """Set while one was begun to be waited for and nobody has it."""
        self._ahead: deque[Message] = deque()
        self._bytes = 0

    async def next(self) -> str | bytes | None:
        """Return what the client says next; None when it has gone."""
        if self._ahead:
            message = self._ahead.popleft()
            self._bytes -= _size(message)
        else:
            receiving, self._receiving = self._receiving, None
            message = await (receiving or self._receive())
        return _data(message)

    async def leaves_before(self, room: Awaitable[None]) -> bool:
        """Wait until there is room; return whether the client goes before."""
        waiting = asyncio.ensure_future(room)
        try:
            while not waiting.done():
                if self._receiving is None and not self._is_full:
                    self._receiving = asyncio.ensure_future(self._receive())
                either: list[asyncio.Future[Any]] = [waiting]
                if self._receiving is not None:
                    either.append(self._receiving)
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if self._receiving is not None and self._receiving.done():
                    message, self._receiving = self._receiving.result(), None
                    if _data(message) is None:
                        return True
                    self._ahead.append(message)
                    self._bytes += _size(message)
        finally:
            waiting.cancel()
        return False

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._receiving is not None:
            self._receiving.cancel()

    @property
    def _is_full(self) -> bool:
        return len(self._ahead) >= MOST_AHEAD or self._bytes >= MOST_AHEAD_BYTES


def _data(message: Message) -> str | bytes | None:
    if message["type"] == "websocket.disconnect":
        return None
    data: bytes | None = message.get("bytes")
    if data is not None:
        return data
    text: str | None = message.get("text")
    return text or ""


def _size(message: Message) -> int:
    return len(_data(message) or "")
