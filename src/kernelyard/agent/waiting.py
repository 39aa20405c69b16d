"""Waiting for whichever of several things happens first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def first_of(*coroutines: Coroutine[object, object, T], timeout: float | None = None) -> T:
    """Return the result of the coroutine that ends first; of several, of the one named first.

    The others are cancelled. Raises TimeoutError when none has ended after ``timeout`` seconds.
    """
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                return task.result()
        raise TimeoutError
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Wait until ``event`` is set; False if it is not after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
