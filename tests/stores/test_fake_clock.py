"""The clock for tests stands still until it is moved."""

from __future__ import annotations

import asyncio

from kernelyard.ports.clock import Clock
from kernelyard.testing.clock import FakeClock


async def test_a_sleeper_wakes_when_its_time_has_come() -> None:
    clock = FakeClock()
    sleeping = asyncio.create_task(clock.sleep(10))
    await clock.advance(9.999)
    assert not sleeping.done()
    assert clock.sleepers == 1
    await clock.advance(0.001)
    assert sleeping.done()
    assert clock.sleepers == 0


async def test_sleepers_wake_in_order_each_at_its_own_time() -> None:
    clock = FakeClock(start=0)
    woke: list[tuple[str, int]] = []

    async def sleep(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woke.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleep("a", 3))
        group.create_task(sleep("b", 1, 1, 5))
        await clock.advance(10)
    assert woke == [("b", 1_000_000), ("b", 2_000_000), ("a", 3_000_000), ("b", 7_000_000)]
    assert clock.now() == 10_000_000


async def test_a_sleeper_that_was_cancelled_is_passed_over() -> None:
    fake = FakeClock()
    clock: Clock = fake
    sleeping = asyncio.create_task(clock.sleep(5))
    await fake.advance(1)
    sleeping.cancel()
    await fake.advance(10)
    assert sleeping.cancelled()
    assert fake.sleepers == 0


async def test_no_time_at_all_is_no_wait() -> None:
    await asyncio.wait_for(FakeClock().sleep(0), 1)
