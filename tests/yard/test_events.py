"""Every change is an event · each sees his own · one number continues pages and follows alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kernelyard.model.errors import CursorBeyondEnd, Invalid, KernelNotFound, Unavailable
from kernelyard.model.kernels import StateChange

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, BEN, SECONDS, YardHouse, a_yard


def states(events: list[StateChange]) -> list[str]:
    return [f"{'task' if event.task_id else 'kernel'} {event.state}" for event in events]


async def until(following: AsyncIterator[list[StateChange]], state: str) -> list[StateChange]:
    """Everything up to the first event of a state."""
    seen: list[StateChange] = []
    async with asyncio.timeout(SECONDS):
        async for batch in following:
            seen += batch
            if state in states(batch):
                return seen
    raise AssertionError("it ended")


async def test_a_follower_is_told_of_the_whole_life_of_a_kernel_and_its_tasks(
    house: YardHouse,
) -> None:
    following = await house.yard.events.follow(ANN, 0)
    kernel = await house.kernel()
    good = await house.task(kernel, "print:x")
    bad = await house.task(kernel, "raise:Oops")
    await house.ended(bad)
    await house.yard.kernels.terminate(ANN, kernel.id)
    seen = await until(following, "kernel terminated")
    assert [event.number for event in seen] == sorted({event.number for event in seen})
    own = [event for event in seen if event.task_id is None]
    assert [event.state for event in own] == ["starting", "idle", "terminating", "terminated"]
    assert own[-1].reason == "terminated by ann"
    for task, end in ((good, "succeeded"), (bad, "failed")):
        steps = [event.state for event in seen if event.task_id == task.id]
        assert steps == ["queued", "running", end]
    assert {event.kernel_id for event in seen} == {kernel.id}


async def test_a_follower_that_comes_back_sees_neither_a_hole_nor_a_repeat(
    house: YardHouse,
) -> None:
    kernel = await house.kernel()
    for _ in range(3):
        await house.ended(await house.task(kernel, "print:x"))
    whole = await until(await house.yard.events.follow(ANN, 0), "task succeeded")
    whole = (await house.yard.events.page(ANN, 0, 100)).events
    for place, event in enumerate(whole[:-1]):
        following = await house.yard.events.follow(ANN, event.number)
        assert await anext(following) == whole[place + 1 :]


async def test_pages_continue_with_the_last_number_and_newest_skips_what_was(
    house: YardHouse,
) -> None:
    kernel = await house.kernel()
    await house.ended(await house.task(kernel, "print:x"))
    whole = (await house.yard.events.page(ANN, 0, None)).events
    after, paged = 0, list[StateChange]()
    while (page := await house.yard.events.page(ANN, after, 2)).events:
        paged += page.events
        after = page.last
    assert paged == whole
    assert page.last == page.newest == whole[-1].number
    await house.task(kernel, "hang")
    (queued, *_) = (await house.yard.events.page(ANN, page.newest, None)).events
    assert queued.state == "queued"


async def test_each_sees_his_own_and_administrators_everything(house: YardHouse) -> None:
    anns = await house.kernel(ANN)
    bens = await house.kernel(BEN)
    for who, seen in ((ANN, {anns.id}), (BEN, {bens.id}), (ADMIN, {anns.id, bens.id})):
        page = await house.yard.events.page(who, 0, None)
        assert {event.kernel_id for event in page.events} == seen
        first = await anext(await house.yard.events.follow(who, 0))
        assert {event.kernel_id for event in first} == seen
    with pytest.raises(KernelNotFound):
        await house.yard.events.page(BEN, 0, None, anns.id)
    with pytest.raises(KernelNotFound):
        await house.yard.events.follow(BEN, 0, anns.id)


async def test_one_kernel_can_be_followed_until_it_is_deleted(house: YardHouse) -> None:
    other, kernel = await house.kernel(), await house.kernel()
    following = await house.yard.events.follow(ANN, 0, kernel.id)
    seen = await until(following, "kernel idle")
    assert {event.kernel_id for event in seen} == {kernel.id}
    await house.yard.kernels.delete(ANN, kernel.id)
    with pytest.raises(KernelNotFound):
        async with asyncio.timeout(SECONDS):
            async for batch in following:
                assert {event.kernel_id for event in batch} <= {kernel.id}
    left = (await house.yard.events.page(ANN, 0, None)).events
    assert {event.kernel_id for event in left} == {other.id}
    assert (await house.yard.events.page(ANN, seen[-1].number, None)).newest >= seen[-1].number


async def test_a_cursor_from_nowhere_is_refused(house: YardHouse) -> None:
    await house.kernel()
    newest = (await house.yard.events.page(ANN, 0, None)).newest
    with pytest.raises(CursorBeyondEnd, match="begin again with after=0"):
        await house.yard.events.page(ANN, newest + 1000, None)
    with pytest.raises(CursorBeyondEnd):
        await house.yard.events.follow(ANN, newest + 1000)
    for after, limit in ((-1, None), (0, 0), (0, 10**6)):
        with pytest.raises(Invalid):
            await house.yard.events.page(ANN, after, limit)


async def test_a_follower_is_sent_away_when_the_server_stops(house: YardHouse) -> None:
    await house.kernel()
    following = await house.yard.events.follow(ANN, 0)
    await until(following, "kernel idle")
    house.yard.hang_up()
    with pytest.raises(Unavailable, match="Follow again"):
        await anext(following)


async def test_what_happened_while_no_server_was_there_is_told_by_the_next_one() -> None:
    agent = ScriptedAgent()
    async with a_yard(agent=agent) as first:
        task = await first.task(await first.kernel(), "print:x\nwait:go\nprint:y")
        await first.has_spoken(task)
        seen = (await first.yard.events.page(ANN, 0, None)).events
        store = first.store
    agent.gates.release("go")
    async with a_yard(agent=agent, store=store) as second:
        rest = await until(await second.yard.events.follow(ANN, seen[-1].number), "task succeeded")
    assert states(seen)[-1] == "task running"
    assert states(rest) == ["task succeeded"]
    await agent.aclose()
