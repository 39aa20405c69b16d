"""Followers of one thing read it once, together; each is told everything, once and in order."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from kernelyard.model.errors import TaskNotFound
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.yard.sharing import Batch, Crowds, Followed
from kernelyard.yard.watching import watch

TOPIC = "a topic"
END = "the end"
SECONDS = 20.0


@dataclass(frozen=True)
class Line:
    """One numbered thing."""

    number: int


Lines = Batch[Line, str]


class Talker:
    """Says numbered lines, and counts how often they are read."""

    def __init__(self) -> None:
        self.bell = LocalBell()
        self.crowds = Crowds[Line, str](self.bell)
        self.said = 0
        self.over = False
        self.fails: Exception | None = None
        self.reads = 0
        self.most = 1000
        self.gate = asyncio.Event()
        self.gate.set()

    def say(self, count: int = 1) -> None:
        self.said += count
        self.bell.ring(TOPIC)

    def finish(self) -> None:
        self.over = True
        self.bell.ring(TOPIC)

    async def read(self, after: int) -> Lines:
        self.reads += 1
        said, over = self.said, self.over
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        last = min(said, after + self.most)
        lines = map(Line, range(after + 1, last + 1))
        return Batch(lines, end=END if over and last == said else None, more=last < said)

    def followed(self, after: int = 0) -> AsyncGenerator[Lines, None]:
        return watch(self.crowds, Followed("the talker", TOPIC, self.read), after)

    async def heard(self, after: int = 0) -> list[int]:
        """Every number that one follower is told, to the end."""
        return [line.number async for batch in self.followed(after) for line in batch]


@pytest.fixture
def talker() -> Talker:
    return Talker()


async def given_way(times: int = 20) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def test_a_hundred_followers_at_one_number_share_one_read_and_one_batch(
    talker: Talker,
) -> None:
    talker.say(3)
    followers = [talker.followed() for _ in range(100)]
    batches = await asyncio.gather(*map(anext, followers))
    assert talker.reads == 1
    assert {id(batch) for batch in batches} == {id(batches[0])}
    assert [line.number for line in batches[0]] == [1, 2, 3]
    for follower in followers:
        await follower.aclose()


async def test_reads_do_not_grow_with_followers_however_often_the_bell_rings(
    talker: Talker,
) -> None:
    following = [asyncio.create_task(talker.heard()) for _ in range(300)]
    for _ in range(50):
        talker.say()
        await given_way(5)
    talker.finish()
    async with asyncio.timeout(SECONDS):
        told = await asyncio.gather(*following)
    assert told == [list(range(1, 51))] * 300
    assert talker.reads <= 110


async def test_what_is_made_of_a_batch_is_made_once(talker: Talker) -> None:
    made: list[Lines] = []

    def text_of(batch: Lines) -> str:
        made.append(batch)
        return " ".join(str(line.number) for line in batch)

    talker.say(2)
    one, other = talker.followed(), talker.followed()
    texts = [batch.once(text_of) for batch in await asyncio.gather(anext(one), anext(other))]
    assert (texts, len(made)) == (["1 2", "1 2"], 1)
    await one.aclose()
    await other.aclose()


async def test_whoever_is_cancelled_leaves_the_read_to_the_others(talker: Talker) -> None:
    talker.gate.clear()
    talker.say()
    talker.finish()
    first, *others = [asyncio.create_task(talker.heard()) for _ in range(5)]
    await given_way()
    first.cancel()
    await given_way()
    talker.gate.set()
    async with asyncio.timeout(SECONDS):
        assert await asyncio.gather(*others) == [[1]] * 4
    assert first.cancelled()
    assert talker.reads == 1


async def test_an_error_reaches_everybody_and_those_who_come_back_read_anew(
    talker: Talker,
) -> None:
    talker.fails = TaskNotFound()
    told = await asyncio.gather(*(talker.heard() for _ in range(5)), return_exceptions=True)
    assert [type(error) for error in told] == [TaskNotFound] * 5
    assert talker.reads == 1
    talker.fails = None
    talker.say()
    talker.finish()
    assert await talker.heard() == [1]


async def test_one_who_joins_a_read_that_began_before_a_ring_does_not_miss_the_ring(
    talker: Talker,
) -> None:
    talker.gate.clear()
    early = asyncio.create_task(talker.heard())
    await given_way()
    assert talker.reads == 1
    talker.say()
    talker.finish()
    late = asyncio.create_task(talker.heard())
    await given_way()
    assert talker.reads == 1
    talker.gate.set()
    async with asyncio.timeout(SECONDS):
        assert await asyncio.gather(early, late) == [[1], [1]]


async def test_a_follower_that_does_not_read_on_holds_up_nobody_and_misses_nothing(
    talker: Talker,
) -> None:
    talker.most = 10
    talker.say(25)
    async with aclosing(talker.followed()) as slow:
        first = await anext(slow)
        others = [asyncio.create_task(talker.heard()) for _ in range(3)]
        talker.say(25)
        talker.finish()
        async with asyncio.timeout(SECONDS):
            assert await asyncio.gather(*others) == [list(range(1, 51))] * 3
        rest = [line.number async for batch in slow for line in batch]
    assert [line.number for line in first] + rest == list(range(1, 51))


async def test_nothing_is_kept_of_a_batch_that_everybody_has_had(talker: Talker) -> None:
    gone = list[weakref.ref[Lines]]()

    async def listen() -> None:
        async for batch in talker.followed():
            gone.append(weakref.ref(batch))
            del batch

    following = [asyncio.create_task(listen()) for _ in range(3)]
    talker.say(5)
    async with asyncio.timeout(SECONDS):
        while len(gone) < 3 or any(batch() is not None for batch in gone):
            await asyncio.sleep(0)
            gc.collect()
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)


async def test_nothing_is_kept_of_a_thing_that_nobody_follows(talker: Talker) -> None:
    following = [asyncio.create_task(talker.heard()) for _ in range(3)]
    await given_way()
    assert len(talker.crowds) == 1
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    assert len(talker.crowds) == 0
    assert talker.crowds.pace(TOPIC) <= 0


@pytest.mark.parametrize("seed", range(5))
async def test_no_hole_and_no_repeat_whatever_each_does(talker: Talker, seed: int) -> None:
    """Some start late, some dawdle, some go away and come back where they were."""
    chance = random.Random(seed)  # noqa: S311
    count = 200
    talker.most = chance.choice([1, 3, 1000])

    async def follow(habit: int) -> list[int]:
        heard: list[int] = []
        while True:
            async with aclosing(talker.followed(heard[-1] if heard else 0)) as batches:
                async for batch in batches:
                    heard += [line.number for line in batch]
                    if batch.end is not None:
                        return heard
                    await given_way(chance.randrange(habit + 1))
                    if chance.randrange(40) < habit:
                        break

    following: list[asyncio.Task[list[int]]] = []
    for place in range(count):
        if place % 5 == 0:
            following.append(asyncio.create_task(follow(chance.randrange(10))))
        talker.say()
        await given_way(chance.randrange(3))
    talker.finish()
    async with asyncio.timeout(SECONDS):
        for heard in await asyncio.gather(*following):
            assert heard == list(range(1, count + 1))
