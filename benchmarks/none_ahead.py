"""The same server once more, whose zygotes fork no kernel before it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from kernelyard import AsyncClient

from benchmarks.running import server
from benchmarks.scene import Scene

NONE_AHEAD = "kernelyard, SDK: zygote_ahead 0"
_SETTINGS = {"KERNELYARD_ZYGOTE_AHEAD": "0"}


@asynccontextmanager
async def none_ahead(scene: Scene) -> AsyncIterator[Scene]:
    """The scene with such a server."""
    async with AsyncExitStack() as stack:
        other = server(scene.home, "none-ahead", _SETTINGS)
        started = await asyncio.to_thread(other.__enter__)
        stack.push_async_callback(asyncio.to_thread, other.__exit__, None, None, None)
        yard = await stack.enter_async_context(AsyncClient(started.url, started.token))
        yield replace(scene, server=started, yard=yard)
