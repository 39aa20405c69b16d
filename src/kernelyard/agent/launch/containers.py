"""Kernels of container images, where there is no provider that starts containers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from kernelyard.agent.endings import KernelEnd, start_failed
from kernelyard.model.kernels import LaunchOrder


async def without_containers(
    order: LaunchOrder, turned: Callable[[], Coroutine[object, object, None]]
) -> KernelEnd | None:
    """Return why there is no kernel, once the time is over that a start may take; None if ``turned``.

    It starts until then, as it would where its image cannot be fetched: whoever has asked for it
    queues code meanwhile, and looks for the reason at the kernel.
    """
    try:
        async with asyncio.timeout(order.start_timeout_seconds):
            await turned()
    except TimeoutError:
        return start_failed(
            f"{order.image[:200]!r} is a container image, and where kernels run nothing can start "
            "containers. Use one of the images that 'kernelyard images' lists."
        )
    return None
