"""How long a kernel that nobody knows is waited for in one way before the next is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from kernelyard.agent.rendezvous.rendezvous import NotMet

T = TypeVar("T")


async def within(seconds: float | None, coming: Awaitable[T], way: str) -> T:
    """Return what ``coming`` gives; without ``seconds`` it may take any time. Raises NotMet."""
    try:
        async with asyncio.timeout(seconds):
            return await coming
    except TimeoutError:
        raise NotMet(
            f"it did not show within {seconds:g} s that it can be met by {way!r}"
        ) from None
