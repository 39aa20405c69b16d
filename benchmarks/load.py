"""Load: kernels that sleep, kernels that work through a long queue, and followers of their tasks.

A thousand tasks wait on twenty kernels while hundreds more kernels are just there and two hundred
followers listen. Meanwhile somebody else runs a small task on a kernel of his own, again and again.
Every task must have printed exactly its lines, and every follower must have heard each line of its
task once and in order. How many kernels sleep is what the machine's memory allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from time import perf_counter
from typing import TypeVar

import psutil

from kernelyard import AsyncKernel, AsyncTask

from benchmarks.figures import Figure, Found, percentile
from benchmarks.listening import PRINTED, Listener, listen
from benchmarks.memory import pss
from benchmarks.running import KERNEL
from benchmarks.scene import Scene

BYTES_EACH = 60_000_000
"""What a kernel takes, with something to spare."""
SHARE = 0.6
"""Of the memory that is free, what may be taken."""
STARTS_AT_ONCE = 4
REQUESTS_AT_ONCE = 16
LINES = 20
CODE = "import time\nfor number in range({lines}): {printed}; time.sleep({pause})"
PAUSE = 0.02
T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Neighbour:
    """Somebody who is not part of the load and feels it."""

    kernel: AsyncKernel
    submitting: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    """Seconds from submitting to the result, on a kernel that has nothing else to do."""

    async def work(self) -> None:
        """Run small tasks until cancelled."""
        while True:
            begun = perf_counter()
            task = await self.kernel.submit("1")
            submitted = perf_counter()
            result = await task.wait(timeout=120)
            self.submitting.append(submitted - begun)
            self.whole.append(perf_counter() - begun)
            assert result.results[0].text == "1", result
            await asyncio.sleep(0.1)


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    workers = scene.pick(quick=2, full=20)
    sleepers = min(scene.pick(quick=3, full=200), _room() - workers - 1)
    queued = scene.pick(quick=20, full=1000)
    listened = scene.pick(quick=10, full=200)
    async with AsyncExitStack() as stack:
        begun = perf_counter()
        kernels = await _kernels(scene, stack, sleepers + workers + 1)
        started = perf_counter() - begun
        neighbour = Neighbour(kernels[0])
        resting = asyncio.create_task(neighbour.work())
        await asyncio.sleep(scene.pick(quick=1, full=10))
        await _stopped(resting)
        alone = neighbour
        neighbour = Neighbour(kernels[0])
        working = asyncio.create_task(neighbour.work())
        load = await _load(scene, kernels[1 : workers + 1], queued, listened)
        await _stopped(working)
    measure = f"load of {queued:,} tasks on {workers} of {len(kernels):,} kernels"
    return Found(
        [
            Figure(measure, "kernels", (f"started in {started:.0f} s",)),
            *load.figures(measure),
            *_felt(measure, "before", alone),
            *_felt(measure, "meanwhile", neighbour),
        ]
    )


@dataclass
class Load:
    """What came of the load."""

    seconds: float
    tasks: int
    wrong: int
    listeners: int
    misled: int
    submits: list[float]
    lags: list[float]
    memory: dict[str, float]

    def figures(self, measure: str) -> list[Figure]:
        """The lines that tell it."""
        return [
            Figure(
                measure,
                "tasks",
                (
                    f"done in {self.seconds:.0f} s",
                    f"{self.tasks - self.wrong:,} of {self.tasks:,} right",
                ),
            ),
            Figure(measure, f"submits, {REQUESTS_AT_ONCE} at once", _times(self.submits)),
            Figure(
                measure,
                f"{self.listeners} followers: lag",
                (*_times(self.lags), f"{self.misled} missed something"),
            ),
            *(
                Figure(measure, f"memory of {part}", (f"{size / 1e6:.0f} MB PSS",))
                for part, size in self.memory.items()
            ),
        ]


async def _load(scene: Scene, kernels: list[AsyncKernel], queued: int, listened: int) -> Load:
    begun = perf_counter()
    submits: list[float] = []

    followed = {place * queued // listened for place in range(listened)}
    listeners: list[Listener] = []

    async def submit(number: int) -> AsyncTask:
        asked = perf_counter()
        task = await kernels[number % len(kernels)].submit(
            CODE.format(lines=LINES, printed=PRINTED.format(number="number"), pause=PAUSE)
        )
        submits.append(perf_counter() - asked)
        if number in followed:
            listeners.append(await listen(scene.server, task.id))
        return task

    tasks = await _each(REQUESTS_AT_ONCE, submit, range(queued))
    await tasks[queued // 2].wait()
    memory = {"server": pss(scene.server.pid), "agent": pss(scene.server.agent_pid or 0)}
    right = await _each(REQUESTS_AT_ONCE, _is_right, tasks)
    seconds = perf_counter() - begun
    ended = await asyncio.gather(*(listener.over for listener in listeners))
    misled = sum(
        not (succeeded and listener.heard == LINES and not listener.gaps)
        for succeeded, listener in zip(ended, listeners, strict=True)
    )
    return Load(
        seconds=seconds,
        tasks=queued,
        wrong=right.count(False),
        listeners=listened,
        misled=misled,
        submits=submits,
        lags=list(chain.from_iterable(listener.lags for listener in listeners)),
        memory=memory,
    )


async def _is_right(task: AsyncTask) -> bool:
    result = await task.wait()
    numbers = [line.partition(" ")[0] for line in result.stdout.splitlines()]
    return result.state == "succeeded" and numbers == [str(number) for number in range(LINES)]


async def _kernels(scene: Scene, stack: AsyncExitStack, count: int) -> list[AsyncKernel]:
    async def one(_: int) -> AsyncKernel:
        kernel = await stack.enter_async_context(await scene.yard.kernels.create(image=KERNEL))
        return await kernel.wait_ready(timeout=300)

    return await _each(STARTS_AT_ONCE, one, range(count))


async def _each(at_once: int, do: Callable[[T], Awaitable[U]], things: Iterable[T]) -> list[U]:
    room = asyncio.Semaphore(at_once)

    async def one(thing: T) -> U:
        async with room:
            return await do(thing)

    return list(await asyncio.gather(*map(one, things)))


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError), outcome


def _room() -> int:
    return max(4, int(SHARE * psutil.virtual_memory().available / BYTES_EACH))


def _felt(measure: str, when: str, neighbour: Neighbour) -> list[Figure]:
    return [
        Figure(measure, f"{when}: submit", _times(neighbour.submitting)),
        Figure(measure, f"{when}: queued to result", _times(neighbour.whole)),
    ]


def _times(seconds: list[float]) -> tuple[str, ...]:
    return (
        f"p50 {1000 * median(seconds):.0f} ms",
        f"p99 {1000 * percentile(seconds, 0.99):.0f} ms",
        f"n={len(seconds):,}",
    )
