"""Twenty kernels, one client on each, small executions without a pause: how many, how long each.

The clients share one process, whichever the side, and each holds the result of one execution before it
sends the next. Sides take turns of ten seconds; the kernels of those whose turn it is not are idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from statistics import median
from time import perf_counter

from benchmarks.figures import Figure, Found, percentile
from benchmarks.goals import faster
from benchmarks.judging import judged
from benchmarks.roads import GATEWAY, PLAIN, Kernel, Road, roads
from benchmarks.scene import Scene
from benchmarks.turns import at_rest, shuffled

CODE = "1"
WARM = 3
STARTS_AT_ONCE = 4


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    count = scene.pick(quick=2, full=20)
    seconds = scene.pick(quick=1, full=10)
    name = f"{count} kernels × {count} clients, small executions for {seconds} s"
    async with roads(scene, straight=False) as open_roads, AsyncExitStack() as stack:
        kernels: dict[str, list[Kernel]] = {}
        for way, road in open_roads.items():
            kernels[way] = await stack.enter_async_context(_several(road, count))
        took: dict[str, list[float]] = {way: [] for way in kernels}
        for way in shuffled(kernels, scene.pick(quick=1, full=2), scene.chance):
            if not scene.quick:
                await at_rest()
            took[way].extend(await _worked(kernels[way], seconds))
    rounds = scene.pick(quick=1, full=2)
    theirs = percentile(took[GATEWAY], 0.99) if GATEWAY in took else None
    figures = [
        Figure(
            name,
            way,
            (
                f"{len(times) / seconds / rounds:,.0f} per s",
                f"p50 {1000 * median(times):.1f} ms",
                f"p95 {1000 * percentile(times, 0.95):.1f} ms",
                f"p99 {1000 * percentile(times, 0.99):.1f} ms",
                f"[{1000 * min(times):.1f}–{1000 * max(times):.1f}]",
                f"n={len(times):,}",
            ),
            percentile(times, 0.99) / theirs if theirs else None,
            f"{GATEWAY} (p99)",
        )
        for way, times in took.items()
    ]
    verdicts = judged(faster(f"{name}: p99", 5), took, GATEWAY, part=0.99)
    return Found(figures=figures, verdicts=verdicts)


async def _worked(kernels: list[Kernel], seconds: float) -> list[float]:
    """All work at once until the time is over; return how long each execution has taken."""
    until = perf_counter() + seconds
    taken: list[float] = []

    async def work(kernel: Kernel) -> None:
        while (begun := perf_counter()) < until:
            await kernel.execute(CODE)
            taken.append(perf_counter() - begun)

    await asyncio.gather(*map(work, kernels))
    return taken


@asynccontextmanager
async def _several(road: Road, count: int) -> AsyncIterator[list[Kernel]]:
    """So many kernels that have run something, deleted at the end."""
    room = asyncio.Semaphore(STARTS_AT_ONCE)
    stacks = [AsyncExitStack() for _ in range(count)]

    async def one(own: AsyncExitStack) -> Kernel:
        async with room:
            kernel = await own.enter_async_context(road(PLAIN))
            for _ in range(WARM):
                await kernel.execute(CODE)
            return kernel

    try:
        yield list(await asyncio.gather(*map(one, stacks)))
    finally:
        await asyncio.gather(*(own.aclose() for own in stacks))
