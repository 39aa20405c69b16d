"""Memory of server, agent and kernels: at rest with one kernel gone, and with twenty kernels up.

RSS counts shared pages in full; PSS shares them out (Linux only) and is what a process really costs.
Of kernels it is taken from twenty that have run one line and are idle, ours and the gateway's one after
the other, so that neither shares pages with the other's; then again of twenty that have imported numpy,
pandas and matplotlib and used them. What ours are forked from is counted apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from statistics import median
from time import perf_counter

import psutil

from benchmarks.figures import Figure, Found
from benchmarks.goals import Goal, Verdict, at_most
from benchmarks.roads import GATEWAY, PLAIN, SDK, Content, Road, roads
from benchmarks.scene import Scene
from benchmarks.turns import at_rest
from benchmarks.warmth import IMPORTS, PRELOADED, preloading, warmed

MEASURE = "memory"
STARTS_AT_ONCE = 4
FURTHER = "a further process of the agent"
PATIENCE = 15.0
LOOK = 0.1
WHO = "import os; print(os.getpid())"


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    many = scene.pick(quick=3, full=20)
    found = Found(notes=await warmed(scene, PLAIN))
    await _none_ends(scene)
    found.figures += await _processes(scene, f"{MEASURE} at rest")
    plain = at_most(f"PSS of an idle kernel, {many} of them", 0.45)
    found.add(await _idle(scene, many, PLAIN, WHO, plain))
    found.notes += await preloading(scene)
    found.notes += await warmed(scene, PRELOADED, IMPORTS)
    loaded = at_most(f"PSS of an idle kernel with numpy, pandas, matplotlib, {many} of them", 0.25)
    found.add(await _idle(scene, many, PRELOADED, f"{IMPORTS}\n{WHO}", loaded))
    return found


async def _idle(scene: Scene, many: int, template: str, code: str, goal: Goal) -> Found:
    """Make so many kernels by each road in turn, run ``code`` on each, and look what they cost."""
    found = Found()
    taken: dict[str, list[tuple[float, float]]] = {}
    async with roads(scene, straight=False) as open_roads:
        for way in (SDK, GATEWAY):
            if way not in open_roads:
                continue
            async with AsyncExitStack() as stack:
                pids = await _several(stack, open_roads[way], template, code, many)
                await _none_ends(scene, pids)
                if not scene.quick:
                    await at_rest()
                taken[way] = [_of(pid) for pid in pids]
                if way == SDK:
                    found.figures += await _processes(scene, f"{MEASURE} with {many} kernels", pids)
    costs = {way: sum(pss for _, pss in each) / many for way, each in taken.items()}
    theirs = costs.get(GATEWAY, 0.0)
    for way, each in taken.items():
        rss = median(rss for rss, _ in each)
        ends = f"[{_mb(min(pss for _, pss in each))}–{_mb(max(pss for _, pss in each))}]"
        cells = (f"PSS {_mb(costs[way])} MB", ends, f"RSS {_mb(rss)} MB", f"n={many}")
        ratio = costs[way] / theirs if theirs else None
        found.figures.append(Figure(goal.measure, way, cells, ratio, GATEWAY))
    if theirs:
        found.verdicts.append(
            Verdict(
                goal=goal,
                way=SDK,
                ours=costs[SDK] / 1e6,
                peer=GATEWAY,
                theirs=theirs / 1e6,
                unit="MB",
            )
        )
    return found


async def _several(
    stack: AsyncExitStack, road: Road, template: str, code: str, many: int
) -> list[int]:
    """The processes of so many kernels on which ``code`` has run, which prints its own number last."""
    room = asyncio.Semaphore(STARTS_AT_ONCE)
    stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in range(many)]

    async def one(own: AsyncExitStack) -> int:
        said: list[str] = []

        def take(kind: str, content: Content) -> None:
            if kind == "stream":
                said.append(content["text"])

        async with room:
            kernel = await own.enter_async_context(road(template))
            await kernel.execute(code, take)
        return int("".join(said))

    return list(await asyncio.gather(*map(one, stacks)))


async def _none_ends(scene: Scene, kernels: Sequence[int] = ()) -> None:
    """Wait until kernels that were deleted are gone from the machine."""
    until = perf_counter() + PATIENCE
    while perf_counter() < until:
        zygotes = await _zygotes(scene)
        if FURTHER not in (_name(one, zygotes) for one in _beside(scene, kernels)):
            return
        await asyncio.sleep(LOOK)


async def _zygotes(scene: Scene) -> dict[int, str]:
    """The processes that kernels are forked from, and kernels that nobody has asked for yet."""
    told = await scene.yard.zygotes()
    named = {zygote.pid: "process that kernels are forked from" for zygote in told.items}
    named |= {zygote.ahead_pid: "kernel that is forked ahead" for zygote in told.items}
    return {pid: name for pid, name in named.items() if pid is not None}


async def _processes(scene: Scene, measure: str, kernels: Sequence[int] = ()) -> list[Figure]:
    """What server and agent cost, and what the agent keeps beside its kernels."""
    agent = scene.server.agent_pid
    assert agent is not None
    figures = [
        Figure(measure, "server", _cells(*_of(scene.server.pid))),
        Figure(measure, "agent", _cells(*_of(agent))),
    ]
    zygotes = await _zygotes(scene)
    for process in _beside(scene, kernels):
        with suppress(psutil.Error):  # one that ends just now
            figures.append(Figure(measure, _name(process, zygotes), _cells(*_of(process.pid))))
    return figures


def _beside(scene: Scene, kernels: Sequence[int]) -> list[psutil.Process]:
    """The agent's processes that are not these kernels."""
    children = psutil.Process(scene.server.agent_pid).children(recursive=True)
    return [child for child in children if child.pid not in kernels]


def _name(process: psutil.Process, zygotes: Mapping[int, str]) -> str:
    if process.pid in zygotes:
        return zygotes[process.pid]
    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return ""
    return "spawner" if "spawner" in words else FURTHER


def pss(pid: int) -> float:
    """What a process costs in bytes; RSS where PSS is not known."""
    rss, shared_out = _of(pid)
    return shared_out or rss


def _of(pid: int) -> tuple[float, float]:
    info = psutil.Process(pid).memory_full_info()
    return float(info.rss), float(getattr(info, "pss", 0))


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"


def _cells(rss: float, pss: float) -> tuple[str, ...]:
    return (f"PSS {_mb(pss)} MB" if pss else "PSS unknown", "", f"RSS {_mb(rss)} MB")
