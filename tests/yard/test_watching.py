"""Watching reads when the bell rings, looks by itself now and then, and gives signs of life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from kernelyard.model.errors import Unavailable
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.yard.sharing import Batch, Crowds, Followed
from kernelyard.yard.watching import watch

TOPIC = "a topic"
LONG = 30.0


@dataclass(frozen=True)
class Item:
    """Something with a number."""

    number: int


Items = Batch[Item, str]


class Source:
    """What a watch reads; counts how often it does."""

    def __init__(self, bell: LocalBell) -> None:
        self.bell = bell
        self.items: list[Item] = []
        self.over = False
        self.reads = 0

    def put(self, *numbers: int, ring: bool = True) -> None:
        self.items += map(Item, numbers)
        if ring:
            self.bell.ring(TOPIC)

    async def read(self, after: int) -> Items:
        self.reads += 1
        items = [item for item in self.items if item.number > after]
        return Batch(items, end="over" if self.over else None)

    def watched(self, **times: float) -> AsyncGenerator[Items, None]:
        return watch(Crowds(self.bell), Followed("it", TOPIC, self.read), 0, **times)


@pytest.fixture
def source() -> Source:
    return Source(LocalBell())


async def next_of(watching: AsyncGenerator[Items, None]) -> list[int]:
    async with asyncio.timeout(10):
        return [item.number for item in await anext(watching)]


async def test_what_is_there_comes_at_once_and_the_rest_with_the_bell(source: Source) -> None:
    source.put(1, 2)
    async with aclosing(source.watched(poll=LONG)) as watching:
        assert await next_of(watching) == [1, 2]
        waiting = asyncio.create_task(next_of(watching))
        await asyncio.sleep(0)
        source.put(3)
        assert await waiting == [3]


async def test_a_ring_while_it_reads_is_not_missed(source: Source) -> None:
    async with aclosing(source.watched(poll=LONG)) as watching:
        source.put(1)
        assert await next_of(watching) == [1]
        source.put(2)
        assert await next_of(watching) == [2]


async def test_without_a_bell_it_looks_by_itself(source: Source) -> None:
    async with aclosing(source.watched(poll=0.01)) as watching:
        waiting = asyncio.create_task(next_of(watching))
        await asyncio.sleep(0)
        source.put(1, ring=False)
        assert await waiting == [1]


async def test_it_ends_when_the_source_says_so(source: Source) -> None:
    source.put(1)
    source.over = True
    assert [(list(batch), batch.end) async for batch in source.watched()] == [([Item(1)], "over")]


async def test_silence_is_broken_by_signs_of_life_even_while_the_bell_rings_for_others(
    source: Source,
) -> None:
    async def ring_for_others() -> None:
        while True:
            source.bell.ring(TOPIC)
            await asyncio.sleep(0)

    ringing = asyncio.create_task(ring_for_others())
    async with aclosing(source.watched(sign=0.05)) as watching:
        assert [await next_of(watching) for _ in range(3)] == [[], [], []]
    ringing.cancel()


async def test_however_often_the_bell_rings_it_reads_at_its_own_pace(source: Source) -> None:
    pace, seconds = 0.1, 0.35

    async def ring_for_others() -> None:
        while True:
            source.bell.ring(TOPIC)
            await asyncio.sleep(0)

    ringing = asyncio.create_task(ring_for_others())
    async with aclosing(source.watched(pace=pace, sign=seconds)) as watching:
        assert await next_of(watching) == []
    ringing.cancel()
    assert source.reads <= seconds / pace + 2


async def test_a_muffled_bell_sends_it_away_after_what_is_there(source: Source) -> None:
    source.put(1)
    source.bell.muffle()
    async with aclosing(source.watched()) as watching:
        assert await next_of(watching) == [1]
        with pytest.raises(Unavailable, match="Follow again"):
            await next_of(watching)


async def test_what_was_there_already_comes_without_another_ring(source: Source) -> None:
    source.put(1)
    async with aclosing(source.watched(poll=LONG)) as watching:
        assert await next_of(watching) == [1]
        source.put(2, ring=False)
        assert await next_of(watching) == [2]


async def test_one_who_is_told_and_waits_for_the_bell_does_not_look_in_vain(
    source: Source,
) -> None:
    async with aclosing(source.watched(poll=LONG)) as watching:
        for number in range(1, 20):
            source.put(number)
            assert await next_of(watching) == [number]
    assert source.reads == 19
