"""Create to first result where kernels were started in advance.

Ours: a pool, and a plain create that is given one of it; the next turn waits until the pool is full
again. The gateway: ``prespawn_count``, which nobody refills; its client must list the kernels and
choose one that it has not had yet, for a create starts a new one all the same.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

import httpx

from kernelyard.client import Pool

from benchmarks.figures import Found, compared
from benchmarks.goals import faster
from benchmarks.judging import OURS, judged
from benchmarks.peer import Gateway, gateway
from benchmarks.roads import GATEWAY, PLAIN, SDK, Road, roads
from benchmarks.running import KERNEL
from benchmarks.scene import Scene
from benchmarks.turns import Turn, at_rest, turns
from benchmarks.warmth import PATIENCE

MEASURE = "create → first result, from a pool"
CODE = "6 * 7"
SIZE = 4
GOAL = faster(MEASURE, 5)
LOOK = 0.05


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    rounds = scene.pick(quick=1, full=16)
    async with (
        roads(scene, straight=False) as open_roads,
        gateway(scene.gateway_python, scene.home, prespawn=rounds + 1) as peer,
    ):
        ways = {name: _claiming(scene, open_roads[name]) for name in OURS if name in open_roads}
        if peer is not None:
            ways[GATEWAY] = _choosing(peer)
            await _all_idle(peer, rounds + 1)
        await scene.yard.pools.set(KERNEL, size=SIZE)
        try:
            for turn in ways.values():
                await turn()
            taken = await turns(ways, rounds, scene.chance, rest=not scene.quick)
            missed = (await _pool(scene)).missed
        finally:
            await scene.yard.pools.remove(KERNEL, owner="")
    found = Found(figures=compared(MEASURE, taken, GATEWAY if GATEWAY in taken else SDK))
    found.verdicts += judged(GOAL, taken, GATEWAY)
    if missed:
        found.notes.append(f"{MEASURE}: {missed} creates found the pool empty")
    return found


def _claiming(scene: Scene, road: Road) -> Turn:
    async def turn() -> float:
        await _filled(scene)
        begun = perf_counter()
        async with road(PLAIN) as kernel:
            await kernel.execute(CODE)
            return perf_counter() - begun

    return turn


def _choosing(peer: Gateway) -> Turn:
    async def turn() -> float:
        begun = perf_counter()
        async with peer.spare_kernel() as kernel:
            await kernel.execute(CODE)
            return perf_counter() - begun

    return turn


async def _all_idle(peer: Gateway, count: int) -> None:
    """Wait until those that were started in advance are up: once asked, each says so."""
    until = perf_counter() + PATIENCE
    while perf_counter() < until and await _count(peer) < count:
        await asyncio.sleep(LOOK)
    # It lists them before they are up, and never says that they are: the processor tells.
    await asyncio.sleep(2)
    await at_rest(PATIENCE)


async def _count(peer: Gateway) -> int:
    """How many kernels it lists: none while it fails, which it does now and then as it starts them."""
    try:
        return len(await peer.listed())
    except httpx.HTTPStatusError:
        return 0


async def _pool(scene: Scene) -> Pool:
    return next(iter([pool async for pool in scene.yard.pools.list() if pool.image == KERNEL]))


async def _filled(scene: Scene) -> None:
    """Wait until the pool has what it should, and what it has is ready."""
    until = perf_counter() + PATIENCE
    while (pool := await _pool(scene)).ready < SIZE:
        if perf_counter() > until:
            raise RuntimeError(f"the pool was not full in {PATIENCE:g} s: {pool}")
        await asyncio.sleep(LOOK)
