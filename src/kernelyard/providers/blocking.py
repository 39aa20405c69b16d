"""Launchers whose methods block: for authors who would rather write plain functions than coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import ClassVar, TypeVar

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.providers.launcher import Launcher, Resources
from kernelyard.wire.connections import Connection

T = TypeVar("T")
_PAUSE = 0.5
"""Before a ``wait`` that came back without an end is begun again."""


class BlockingLauncher:
    """The same as ``launcher.Launcher``, without ``async``; a plan hands it out in an ``InThreads``::

        LaunchPlan(argv=[], launcher=lambda request: InThreads(MyLauncher(request)))

    Every method is called in a thread of its own. ``start``, ``connection_info`` and ``wait`` may take
    as long as they need, and others are called meanwhile; of those, one at a time.
    """

    owned: ClassVar[bool] = True
    """Whether the kernel is ours to end and to start again."""

    def start(self) -> None:
        """Start the kernel. Raises LaunchFailed, and OSError as the system tells it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it starts a kernel")

    def connection_info(self) -> Connection:
        """Return where the kernel listens, as soon as that is known. Raises LaunchFailed."""
        raise NotImplementedError(f"{type(self).__name__} does not say where the kernel listens")

    @property
    def resources(self) -> Resources:
        """What the kernel holds. Must not block."""
        return Resources()

    def poll(self) -> ExitResult | None:
        """How it ended; None while it lives. Asks, and never waits."""
        raise NotImplementedError(f"{type(self).__name__} does not say whether the kernel lives")

    def wait(self) -> ExitResult | None:
        """Wait until it has ended. One that comes back with None is called again."""
        raise NotImplementedError(f"{type(self).__name__} does not wait for the kernel's end")

    def signal(self, signum: int) -> bool:
        """Send a signal to the kernel and what belongs to it; return whether it was delivered."""
        del signum
        return False

    def interrupt(self) -> InterruptOutcome:
        """Interrupt what runs, in the way that needs no message to the kernel."""
        return InterruptOutcome.NOT_DELIVERED

    def terminate(self) -> None:
        """Tell it to end; it may still tidy up."""
        raise NotImplementedError(f"{type(self).__name__} does not end the kernel")

    def kill(self) -> None:
        """End it at once, with everything that belongs to it."""
        raise NotImplementedError(f"{type(self).__name__} does not kill the kernel")

    def cleanup(self) -> None:
        """Remove what is left after its end: files, sockets, allocations."""

    def record(self) -> JsonObject:
        """What ``Provider.find_again`` of a later agent needs to find the kernel again."""
        return {}


class InThreads(Launcher):
    """A blocking launcher as the agent wants it. Threads that hang are left behind."""

    def __init__(self, blocking: BlockingLauncher) -> None:
        self._blocking = blocking
        self._one_at_a_time = asyncio.Lock()
        self._end: ExitResult | None = None
        self._ending: asyncio.Task[ExitResult] | None = None
        # What the class of the blocking one says holds for this object.
        self.owned = blocking.owned  # type: ignore[misc]  # of a class, for all others

    async def start(self) -> None:
        """Start the kernel. Raises LaunchFailed, OSError."""
        await in_thread(self._blocking.start)

    async def connection_info(self) -> Connection:
        """Return where the kernel listens. Raises LaunchFailed."""
        return await in_thread(self._blocking.connection_info)

    @property
    def resources(self) -> Resources:
        """What the kernel holds."""
        return self._blocking.resources

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it lives."""
        if self._end is None:
            async with self._one_at_a_time:
                self._keep(await in_thread(self._blocking.poll))
        return self._end

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        """Wait until it has ended; None if it still lives after ``timeout`` seconds."""
        if self._end is not None:
            return self._end
        if self._ending is None or self._ending.done():
            self._ending = asyncio.create_task(self._until_it_ends())
        ending = self._ending
        await asyncio.wait({ending}, timeout=timeout)
        if ending.done():
            self._keep(ending.result())
        return self._end

    async def signal(self, signum: int) -> bool:
        """Send a signal; return whether it was delivered."""
        async with self._one_at_a_time:
            return await in_thread(lambda: self._blocking.signal(signum))

    async def interrupt(self) -> InterruptOutcome:
        """Interrupt what runs."""
        async with self._one_at_a_time:
            return await in_thread(self._blocking.interrupt)

    async def terminate(self) -> None:
        """Tell it to end."""
        async with self._one_at_a_time:
            await in_thread(self._blocking.terminate)

    async def kill(self) -> None:
        """End it at once."""
        async with self._one_at_a_time:
            await in_thread(self._blocking.kill)

    async def cleanup(self) -> None:
        """Remove what is left."""
        async with self._one_at_a_time:
            await in_thread(self._blocking.cleanup)

    def record(self) -> JsonObject:
        """What a later agent needs to find the kernel again."""
        return self._blocking.record()

    async def _until_it_ends(self) -> ExitResult:
        while True:
            if (ended := await in_thread(self._blocking.wait)) is not None:
                return ended
            if self._end is not None:
                return self._end
            await asyncio.sleep(_PAUSE)

    def _keep(self, end: ExitResult | None) -> None:
        # Of what poll and wait say, the first holds for everybody.
        if self._end is None:
            self._end = end


async def in_thread(question: Callable[[], T]) -> T:
    """Return what a function returns that may block for ever, in a thread that nobody waits for."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # there is one where no error is

    def run() -> None:
        result, error = None, None
        try:
            result = question()
        except BaseException as problem:  # noqa: BLE001 - it is the caller's
            error = _raisable(problem)
        try:
            loop.call_soon_threadsafe(tell, result, error)
        except RuntimeError:
            return  # the loop has ended meanwhile

    threading.Thread(target=run, name="blocking launcher", daemon=True).start()
    return await answer


def _raisable(problem: BaseException) -> BaseException:
    # A future takes no StopIteration, and an exit of a thread must not be one of the agent.
    ordinary = isinstance(problem, Exception) and not isinstance(problem, StopIteration)
    return problem if ordinary else RuntimeError(f"it raised {problem!r}")
