"""Kernels of container images, where nothing starts containers."""

from __future__ import annotations

import asyncio

from kernelyard.agent.launch.containers import without_containers
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause


def order(seconds: float) -> LaunchOrder:
    """For a kernel that may take so long to start."""
    return LaunchOrder(
        kernel_id="k",
        attempt=1,
        provider="container",
        image="registry/py:1",
        start_timeout_seconds=seconds,
    )


async def test_it_has_failed_when_the_time_of_a_start_is_over() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    end = await without_containers(order(0.0), never)
    assert end is not None
    assert end.cause is EndCause.START_FAILED
    assert "'registry/py:1' is a container image" in end.reason


async def test_whoever_terminates_it_does_not_wait_for_that() -> None:
    turned = asyncio.Event()

    async def turning() -> None:
        await turned.wait()

    waiting = asyncio.create_task(without_containers(order(600.0), turning))
    turned.set()
    async with asyncio.timeout(10):
        assert await waiting is None
