"""The agent is told what is stored: late enough to be sure, and seldom enough to be worth it."""

from __future__ import annotations

from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.clock import FakeClock
from kernelyard.yard.releasing import LOOK_SECONDS, SAFE_SECONDS, WORTH_BYTES, Releases

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, YardHouse, a_yard


def test_what_is_little_is_not_told_until_it_is_much_or_the_end() -> None:
    releases = Releases()
    for number in range(1, 9):
        releases.stored("a", number, WORTH_BYTES // 8, at=number)
        releases.stored("b", number, 1, at=number)
    assert releases.take(7) == []
    assert releases.take(8) == [("a", 8)]
    releases.stored("a", 9, WORTH_BYTES - 1, at=9)
    releases.stored("b", 9, 1, at=9, closed=True)
    assert releases.take(100) == [("b", 9)]
    assert releases.take(100) == []


def test_of_each_kernel_only_the_last_number_is_told() -> None:
    releases = Releases()
    for number in (1, 2, 3):
        releases.stored("a", number, WORTH_BYTES, at=number)
    assert releases.take(2) == [("a", 2)]
    assert releases.take(3) == [("a", 3)]


async def ended_kernel(house: YardHouse) -> tuple[str, int]:
    """A kernel that has ended, and the number of its last record."""
    kernel = await house.kernel()
    await house.ended(await house.task(kernel, "lines:3"))
    await house.yard.kernels.terminate(ANN, kernel.id)
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    page = await house.yard.outputs.kernel_page(ANN, kernel.id, 0, 1000)
    assert page.complete
    return kernel.id, page.last


async def test_a_journal_that_is_closed_is_let_go_once_it_is_stored_for_a_while() -> None:
    clock = FakeClock()
    async with a_yard(clock=clock) as house:
        kernel_id, last = await ended_kernel(house)
        await clock.advance(SAFE_SECONDS - LOOK_SECONDS)
        assert house.agent.stored == {}
        await clock.advance(2 * LOOK_SECONDS)
        assert house.agent.stored == {kernel_id: last}


async def test_an_agent_that_is_away_is_told_later_and_one_that_does_not_know_is_left_alone() -> (
    None
):
    clock = FakeClock()
    async with a_yard(clock=clock) as house:
        forgotten, _ = await ended_kernel(house)
        kernel_id, last = await ended_kernel(house)
        del house.agent.kernels[forgotten]
        house.agent.absent = True
        await clock.advance(SAFE_SECONDS + LOOK_SECONDS)
        assert house.agent.stored == {}
        house.agent.absent = False
        await clock.advance(SAFE_SECONDS + LOOK_SECONDS)
        assert house.agent.stored == {kernel_id: last}


async def test_a_server_that_starts_tells_of_the_kernels_that_ended_last() -> None:
    agent, store, clock = ScriptedAgent(), MemoryStore(), FakeClock()
    async with a_yard(agent=agent, store=store, clock=clock) as house:
        kernel_id, last = await ended_kernel(house)
    assert agent.stored == {}
    async with a_yard(agent=agent, store=store, clock=clock):
        await clock.advance(SAFE_SECONDS + LOOK_SECONDS)
        assert agent.stored == {kernel_id: last}
    await agent.aclose()
