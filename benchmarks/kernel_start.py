"""Create to first result: from asking for a kernel to holding what its first code said.

Nothing is pooled. By default each zygote forks one kernel before anybody asks for it, which a create then
takes; the same with that setting off is a line of its own. Through our SDK: create and run ``6 * 7``. By WebSocket, ours and the gateway's: POST
the kernel, open its WebSocket, execute until reply and idle have come. Straight: start the process with
jupyter_client, wait until it is ready, execute. What our agent keeps to fork from is warm, as it is on a
server that has been up for a minute; what the very first kernel of a fresh server and a fresh agent
takes is a line of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from time import perf_counter

from kernelyard import AsyncClient

from benchmarks.figures import Figure, Found, compared, spread
from benchmarks.goals import faster
from benchmarks.judging import OURS, judged
from benchmarks.none_ahead import NONE_AHEAD, none_ahead
from benchmarks.roads import GATEWAY, PLAIN, STRAIGHT, Road, by_sdk, roads
from benchmarks.running import KERNEL, server
from benchmarks.scene import Scene
from benchmarks.turns import Turn, at_rest, turns
from benchmarks.warmth import warmed

MEASURE = "create → first result, plain"
CODE = "6 * 7"
GOAL = faster(MEASURE, 12)


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    found = Found(notes=await warmed(scene, PLAIN))
    async with roads(scene) as open_roads, none_ahead(scene) as other:
        found.notes += await warmed(other, PLAIN)
        ways = {**open_roads, NONE_AHEAD: by_sdk(other)}
        taken = await started(scene, ways, CODE, scene.pick(quick=2, full=24))
    against = GATEWAY if GATEWAY in taken else STRAIGHT
    found.figures += compared(MEASURE, taken, against)
    first = [await _first(scene, number) for number in range(scene.pick(quick=1, full=6))]
    way = "kernelyard, SDK: the first of a fresh agent"
    found.figures.append(Figure(MEASURE, way, spread(first)))
    found.verdicts += judged(GOAL, taken, GATEWAY, ours=(*OURS, NONE_AHEAD))
    return found


async def started(
    scene: Scene, open_roads: Mapping[str, Road], code: str, rounds: int, template: str = PLAIN
) -> dict[str, list[float]]:
    """Return what every road takes from asking for a kernel to the end of ``code`` on it."""
    ways = {name: _turn(road, template, code) for name, road in open_roads.items()}
    for turn in ways.values():
        await turn()  # files that are read for the first time
    return await turns(ways, rounds, scene.chance, rest=not scene.quick)


def _turn(road: Road, template: str, code: str) -> Turn:
    async def turn() -> float:
        begun = perf_counter()
        async with road(template) as kernel:
            await kernel.execute(code)
            return perf_counter() - begun

    return turn


async def _first(scene: Scene, number: int) -> float:
    """A server that has just begun to listen, and has no agent yet or none that has done anything."""
    with ExitStack() as stack:
        fresh = await asyncio.to_thread(stack.enter_context, server(scene.home, f"fresh-{number}"))
        if not scene.quick:
            await at_rest()
        async with AsyncClient(fresh.url, fresh.token) as yard:
            begun = perf_counter()
            kernel = await yard.kernels.create(image=KERNEL)
            result = await kernel.run(CODE)
            took = perf_counter() - begun
            assert result.raise_for_error().results[0].text == "42"
        await asyncio.to_thread(stack.close)
    return took
