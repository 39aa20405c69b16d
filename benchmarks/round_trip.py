"""Execute round trip: from sending ``1`` to holding its result, on a kernel that is up.

Straight is a stock kernel, started as jupyter_client starts it: until reply and idle have come. Through
our API by the SDK, and by bare HTTP requests, each one request that runs the code and answers with the
whole result. By WebSocket, ours and the gateway's, with one client. Ways take turns, some executions at a
time and in an order left to chance, so that all see the same machine.

Beside the times, the CPU that one execution costs in the processes between client and kernel: it
says more than times do on a machine that is busy with other things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from time import perf_counter

import httpx
import psutil

from benchmarks.figures import Figure, Found, compared
from benchmarks.goals import Goal, Verdict, at_most, faster
from benchmarks.judging import judged
from benchmarks.roads import GATEWAY, PLAIN, SDK, SOCKET, STRAIGHT, http_of, roads
from benchmarks.running import KERNEL
from benchmarks.scene import Scene
from benchmarks.turns import at_rest, shuffled
from benchmarks.warmth import warmed

MEASURE = "execute round trip"
BARE = "kernelyard, bare HTTP"
OURS = (SDK, BARE, SOCKET)
CODE = "1"
BURST = 20
SLOW_BURST = 8
"""Of the gateway, of which one takes as long as ten of the others."""
WARM = 20
CPU = "CPU of server and agent per small execution"
Execute = Callable[[], Awaitable[object]]


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    found = Found(notes=await warmed(scene, PLAIN))
    async with AsyncExitStack() as stack:
        executes = await _executes(scene, stack)
        for execute in executes.values():
            for _ in range(scene.pick(quick=3, full=WARM)):
                await execute()
        between = _between(scene)
        ways: dict[str, list[float]] = {way: [] for way in executes}
        spent = {way: dict.fromkeys(parts, 0.0) for way, parts in between.items()}
        if not scene.quick:
            await at_rest()
        for way in shuffled(executes, scene.pick(quick=2, full=60), scene.chance):
            before = {part: _cpu(pid) for part, pid in between.get(way, {}).items()}
            for _ in range(SLOW_BURST if way == GATEWAY else BURST):
                ways[way].append(await _timed(executes[way]))
            for part, was in before.items():
                spent[way][part] += _cpu(between[way][part]) - was
    if SOCKET not in executes:
        found.notes.append("no WebSocket of ours: the server has none yet")
    found.figures += compared(MEASURE, ways, STRAIGHT)
    found.verdicts += _verdicts(ways)
    found.add(_cpu_costs(spent, ways))
    return found


def _verdicts(ways: dict[str, list[float]]) -> list[Verdict]:
    p50, p99, gateway = (
        at_most(f"{MEASURE}, p50", 1.0),
        at_most(f"{MEASURE}, p99", 1.3),
        faster(f"{MEASURE}, an ordinary client", 8),
    )
    return [
        *judged(p50, ways, STRAIGHT, ours=OURS),
        *judged(p99, ways, STRAIGHT, ours=OURS, part=0.99),
        *judged(gateway, ways, GATEWAY, ours=OURS),
    ]


def _between(scene: Scene) -> dict[str, dict[str, int]]:
    """The processes between client and kernel, by way and part."""
    agent = scene.server.agent_pid
    assert agent is not None
    between = {way: {"server": scene.server.pid, "agent": agent} for way in OURS}
    if scene.gateway is not None:
        between[GATEWAY] = {"server": scene.gateway.pid}
    return between


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _cpu_costs(spent: dict[str, dict[str, float]], ways: dict[str, list[float]]) -> Found:
    """CPU per execution, all parts of a way together; milliseconds."""
    goal: Goal = at_most(CPU, 1.0)
    each = {
        way: {part: 1000 * seconds / len(ways[way]) for part, seconds in parts.items()}
        for way, parts in spent.items()
        if ways.get(way)
    }
    whole = {way: sum(parts.values()) for way, parts in each.items()}
    theirs = whole.get(GATEWAY)
    found = Found()
    for way, parts in each.items():
        cells = tuple(f"{part} {value:.2f} ms" for part, value in parts.items())
        ratio = whole[way] / theirs if theirs else None
        figure = Figure(CPU, way, (f"{whole[way]:.2f} ms", *cells), ratio, GATEWAY)
        found.figures.append(figure)
        if theirs and way in OURS:
            found.verdicts.append(
                Verdict(goal=goal, way=way, ours=whole[way], peer=GATEWAY, theirs=theirs)
            )
    return found


async def _executes(scene: Scene, stack: AsyncExitStack) -> dict[str, Execute]:
    open_roads = await stack.enter_async_context(roads(scene))
    executes: dict[str, Execute] = {}
    for name, road in open_roads.items():
        kernel = await stack.enter_async_context(road(PLAIN))
        executes[name] = partial(kernel.execute, CODE)
    http = await stack.enter_async_context(http_of(scene))
    bare = await stack.enter_async_context(await scene.yard.kernels.create(image=KERNEL))
    executes[BARE] = lambda: _bare(http, bare.id)
    return executes


async def _bare(http: httpx.AsyncClient, kernel_id: str) -> None:
    answer = await http.post(
        f"/v1/kernels/{kernel_id}/run", params={"wait": 30}, json={"code": CODE}
    )
    result = answer.json()
    assert result["task"]["state"] == "succeeded", result


async def _timed(execute: Execute) -> float:
    begun = perf_counter()
    await execute()
    return perf_counter() - begun
