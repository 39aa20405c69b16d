"""A thread for strangers: nobody waits for it for ever, and nothing that happens there ends it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator

import pytest

from kernelyard.providers.provisioner.thread import OwnThread, home_of

from tests.support.agent_process import wait_until


@pytest.fixture
def thread() -> Iterator[OwnThread]:
    made = OwnThread("one")
    yield made
    made.close()


async def which() -> int:
    return threading.get_ident()


async def test_it_runs_coroutines_elsewhere_and_always_in_one_place(thread: OwnThread) -> None:
    places = {await thread.call(which) for _ in range(3)}
    assert len(places) == 1
    assert threading.get_ident() not in places


async def test_many_who_come_at_once_find_one_thread(thread: OwnThread) -> None:
    def ask() -> int:
        return thread.ask(which, 10)

    places = await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(8)))
    assert len(set(places)) == 1


async def test_an_exit_there_is_an_error_here(thread: OwnThread) -> None:
    async def leave() -> None:
        sys.exit(3)

    with pytest.raises(RuntimeError, match="SystemExit"):
        await thread.call(leave)
    assert await thread.answers(10)


async def test_whoever_is_cancelled_cancels_what_he_asked(thread: OwnThread) -> None:
    cancelled = threading.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(TimeoutError):
        await thread.call(work, 0.05)
    await wait_until(cancelled.is_set)


async def test_a_blocked_thread_is_known_and_left_behind(thread: OwnThread) -> None:
    free = threading.Event()

    async def block() -> None:
        free.wait(30)

    thread.begin(block)
    assert not await thread.answers(0.05)
    thread.close()
    free.set()
    with pytest.raises(RuntimeError, match="has ended"):
        await thread.call(which)


async def test_what_was_begun_is_done_before_it_ends(thread: OwnThread) -> None:
    told: list[str] = []
    go = threading.Event()

    async def work() -> None:
        await asyncio.to_thread(go.wait, 30)
        told.append("done")

    await thread.call(which)
    thread.begin(work)
    thread.close(then=lambda: told.append("ended"), when_idle=True)
    go.set()
    await wait_until(lambda: len(told) == 2)
    assert told == ["done", "ended"]


async def test_a_provisioner_has_one_home_unless_that_is_blocked() -> None:
    home = await home_of("of-a-test", 10)
    assert await home_of("of-a-test", 10) is home
    free = threading.Event()

    async def block() -> None:
        free.wait(30)

    home.begin(block)
    other = await home_of("of-a-test", 0.05)
    assert other is not home
    free.set()
    for one in (home, other):
        one.close()
