"""Eight kernels asked for at once: until all of them have answered their first code."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from time import perf_counter

from benchmarks.figures import Found, compared
from benchmarks.goals import faster
from benchmarks.judging import judged
from benchmarks.roads import GATEWAY, PLAIN, STRAIGHT, Kernel, Road, roads
from benchmarks.scene import Scene
from benchmarks.turns import Turn, turns
from benchmarks.warmth import warmed

AT_ONCE = 8
MEASURE = f"{AT_ONCE} kernels at once, all ready"
CODE = "1"
GOAL = faster(MEASURE, 10)


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    found = Found(notes=await warmed(scene, PLAIN))
    async with roads(scene) as open_roads:
        ways = {name: _turn(road) for name, road in open_roads.items()}
        for turn in ways.values():
            await turn()
        rounds = scene.pick(quick=1, full=10)
        taken = await turns(ways, rounds, scene.chance, rest=not scene.quick)
    found.figures += compared(MEASURE, taken, GATEWAY if GATEWAY in taken else STRAIGHT)
    found.verdicts += judged(GOAL, taken, GATEWAY)
    return found


def _turn(road: Road) -> Turn:
    async def turn() -> float:
        begun = perf_counter()
        async with AsyncExitStack() as stack:
            stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in range(AT_ONCE)]
            await asyncio.gather(*(_answered(road, own) for own in stacks))
            took = perf_counter() - begun
            await asyncio.gather(*(own.aclose() for own in stacks))
            return took

    return turn


async def _answered(road: Road, stack: AsyncExitStack) -> Kernel:
    kernel = await stack.enter_async_context(road(PLAIN))
    await kernel.execute(CODE)
    return kernel
