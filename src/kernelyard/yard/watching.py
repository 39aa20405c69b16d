"""Watching: reading again whenever the bell rings, and now and then without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from kernelyard.model.errors import Unavailable
from kernelyard.ports.bell import Bell

T = TypeVar("T")
SIGN_OF_LIFE_SECONDS = 15.0
LEAVING = "This server is stopping. Follow again with the last number; nothing is lost."


async def watch(
    bell: Bell,
    topic: str,
    read: Callable[[], Awaitable[list[T] | None]],
    *,
    poll: float = SIGN_OF_LIFE_SECONDS,
    pace: float = 0.0,
    sign: float = SIGN_OF_LIFE_SECONDS,
) -> AsyncGenerator[list[T], None]:
    """Yield what ``read`` brings until it returns None; an empty list every ``sign`` s of silence.

    ``read`` is called when the topic rings, at the latest after ``poll`` seconds, and again at once
    after it has brought something. However often the topic rings, ``pace`` seconds lie between two
    calls that bring nothing. Raises Unavailable when the server is about to stop.
    """
    now = asyncio.get_running_loop().time
    spoke = now()
    while True:
        mark, began = bell.mark(topic), now()
        items = await read()
        if items is None:
            return
        if items or now() - spoke >= sign:
            yield items
            spoke = now()
        elif bell.muffled:
            raise Unavailable(LEAVING)
        elif await bell.wait(topic, mark, min(poll, spoke + sign - now())):
            await asyncio.sleep(max(0.0, began + pace - now()))
