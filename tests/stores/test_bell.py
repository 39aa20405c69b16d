"""The bell wakes those who wait, misses no ring, and forgets what nobody needs."""

from __future__ import annotations

import asyncio

from kernelyard.ports.bell import Bell
from kernelyard.stores.memory.bell import LocalBell


async def test_a_ring_wakes_everybody_who_waits_for_the_topic() -> None:
    bell: Bell = LocalBell()
    waits = [asyncio.create_task(bell.wait("a", bell.mark("a"), 5)) for _ in range(100)]
    await asyncio.sleep(0)
    bell.ring("a")
    assert all(await asyncio.gather(*waits))


async def test_a_ring_between_mark_and_wait_is_not_missed() -> None:
    bell = LocalBell()
    mark = bell.mark("a")
    bell.ring("a")
    assert await bell.wait("a", mark, 0)


async def test_a_ring_of_another_topic_wakes_nobody() -> None:
    bell = LocalBell()
    mark = bell.mark("a")
    bell.ring("b")
    assert not await bell.wait("a", mark, 0)


async def test_a_ring_before_the_mark_is_over() -> None:
    bell = LocalBell()
    bell.ring("a")
    assert not await bell.wait("a", bell.mark("a"), 0.001)


async def test_waiting_leaves_nothing_behind() -> None:
    bell = LocalBell()
    assert not await bell.wait("a", bell.mark("a"), 0)
    waiting = asyncio.create_task(bell.wait("a", bell.mark("a"), 60))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    assert bell._waiting == {}


async def test_few_topics_are_remembered_and_no_ring_is_missed_for_it() -> None:
    bell = LocalBell(remembered=10)
    marks = {f"t{n}": bell.mark(f"t{n}") for n in range(1000)}
    for topic in marks:
        bell.ring(topic)
    assert len(bell._last) == 10
    for topic, mark in marks.items():
        assert await bell.wait(topic, mark, 0)
    for topic in marks:
        assert not await bell.wait(topic, bell.mark(topic), 0)


async def test_one_who_waits_is_woken_although_the_topic_was_forgotten() -> None:
    bell = LocalBell(remembered=1)
    waiting = asyncio.create_task(bell.wait("a", bell.mark("a"), 5))
    await asyncio.sleep(0)
    for n in range(20):
        bell.ring(f"t{n}")
    assert not waiting.done()
    bell.ring("a")
    assert await waiting
