"""The end of a kernel that a provisioner has started: settled once, awaited from any loop."""

from __future__ import annotations

import asyncio
import signal
import threading

from kernelyard.model.exits import ExitResult
from kernelyard.model.quantities import Micros


class Ending:
    """How a kernel ended, as soon as somebody knows it; what is said first stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._result: ExitResult | None = None
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()

    @property
    def result(self) -> ExitResult | None:
        """None while nothing is known of an end."""
        return self._result

    def settle(self, result: ExitResult) -> None:
        """Say how it ended. May be called in any thread."""
        with self._lock:
            if self._result is not None:
                return
            self._result = result
            waiters, self._waiters = self._waiters, set()
        for loop, waiter in waiters:
            try:
                loop.call_soon_threadsafe(_wake, waiter)
            except RuntimeError:
                pass  # the loop is closed, and nobody waits any more

    async def wait(self, timeout: float | None) -> ExitResult | None:
        """Return how it ended; None if that is not known after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        mine = (loop, loop.create_future())
        with self._lock:
            if self._result is not None:
                return self._result
            self._waiters.add(mine)
        try:
            async with asyncio.timeout(timeout):
                await mine[1]
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiters.discard(mine)
        return self._result


def result_of(said: object, *, name: str, started_at: Micros, ended_at: Micros) -> ExitResult:
    """Return what a provisioner's ``poll`` said as a result: a code, or minus the signal's number."""
    code = signal_name = reason = None
    if isinstance(said, bool) or not isinstance(said, int):
        reason = f"ended; the kernel provisioner {name!r} does not say how"
    elif said < 0:
        try:
            signal_name = signal.Signals(-said).name
        except ValueError:
            signal_name = f"signal {-said}"
    else:
        code = said
    return ExitResult(
        code=code, signal=signal_name, reason=reason, started_at=started_at, ended_at=ended_at
    )


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
