"""A thread with an event loop of its own: where a stranger's coroutines may block as they like."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """Runs coroutines on its own loop for callers on other loops; nobody waits for it for ever.

    The thread begins with the first call.

    If a coroutine blocks the thread, only later calls to the same thread wait, and give up in time.
    The thread is left behind then; it ends with the process.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._beginning = threading.Lock()
        self._begun: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._then: Callable[[], None] = lambda: None

    async def call(self, question: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """Return what a coroutine returns. Raises TimeoutError, and whatever the coroutine raises.

        A caller that is cancelled, or waits no longer, cancels the coroutine.
        """
        if self._closing:
            raise RuntimeError("the thread of this provisioner has ended")
        answer = asyncio.run_coroutine_threadsafe(_tamed(question), self._loop)
        async with asyncio.timeout(seconds):
            return await asyncio.wrap_future(answer)

    def ask(self, question: Callable[[], Awaitable[T]], seconds: float) -> T:
        """The same for callers without a loop."""
        answer = asyncio.run_coroutine_threadsafe(_tamed(question), self._loop)
        try:
            return answer.result(seconds)
        finally:
            answer.cancel()

    async def answers(self, seconds: float) -> bool:
        """Whether nothing blocks the thread just now."""

        async def nothing() -> None:
            return None

        try:
            await self.call(nothing, seconds)
        except (TimeoutError, RuntimeError):
            return False
        return True

    @property
    def closed(self) -> bool:
        """Whether it takes no further calls."""
        return self._closing

    def begin(self, question: Callable[[], Awaitable[object]]) -> None:
        """Run a coroutine for which nobody waits."""
        asyncio.run_coroutine_threadsafe(_tamed(question), self._loop)

    def soon(self, callback: Callable[[], None]) -> None:
        """Call something there, as soon as nothing blocks it."""
        self._loop.call_soon_threadsafe(callback)

    def close(self, *, then: Callable[[], None] = lambda: None, when_idle: bool = False) -> None:
        """End the thread as soon as nothing blocks it, and call ``then``.

        What still runs there is cancelled, or done first ``when_idle``.
        """
        if self._closing:
            return
        self._closing, self._then = True, then
        if self._begun is None:
            then()
        elif when_idle:
            self.begin(self._stop_when_idle)
        else:
            self.soon(self._begun.stop)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._beginning:
            if self._begun is None:
                self._begun = asyncio.new_event_loop()
                run = functools.partial(self._run, self._begun)
                threading.Thread(target=run, name=self._name, daemon=True).start()
            return self._begun

    async def _stop_when_idle(self) -> None:
        loop = asyncio.get_running_loop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        loop.stop()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()
            self._then()


_homes: dict[str, OwnThread] = {}


async def home_of(provisioner: str, seconds: float) -> OwnThread:
    """Return the thread in which a provisioner's objects are made; it ends with the process.

    Packages with something of which there is one in a process tie it to the event loop in which it is
    made: that must not be the loop of one kernel, which ends with it.
    """
    home = _homes.setdefault(provisioner, OwnThread(f"provisioners-{provisioner[:16]}"))
    if not await home.answers(seconds):
        home = _homes[provisioner] = OwnThread(f"provisioners-{provisioner[:16]}")
    return home


async def _tamed(question: Callable[[], Awaitable[T]]) -> T:
    try:
        return await question()
    except (SystemExit, KeyboardInterrupt) as error:
        # They would end the loop, and with it everybody's calls.
        raise RuntimeError(repr(error)) from error
