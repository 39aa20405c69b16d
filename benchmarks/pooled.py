"""Create to first result where kernels were started in advance.

Ours: a pool, and a plain create that is given one of it; the next turn waits until the pool is full
again. The gateway: ``prespawn_count``, which nobody refills; its client must list the kernels and
choose one that it has not had yet, for a create starts a new one all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import httpx

from benchmarks.figures import Found, compared
from benchmarks.goals import faster
from benchmarks.judging import judged
from benchmarks.peer import Gateway, gateway
from benchmarks.roads import GATEWAY, PLAIN, SDK, SOCKET, has_field, http_of, roads
from benchmarks.running import KERNEL
from benchmarks.scene import Scene
from benchmarks.turns import Turn, turns
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
        http_of(scene) as http,
        roads(scene, straight=False) as open_roads,
        gateway(scene.gateway_python, scene.home, prespawn=rounds + 1) as peer,
    ):
        if not await has_field(http, "/v1/pools"):
            return Found(notes=[f"{MEASURE}: left out, for the server has no pools yet"])
        ways: dict[str, Turn] = {}
        for name in (SDK, SOCKET):
            if name in open_roads:
                ways[name] = _claiming(open_roads[name], http)
        if peer is not None:
            ways[GATEWAY] = _choosing(peer)
            await _all_idle(peer, rounds + 1)
        async with _pool(http):
            for turn in ways.values():
                await turn()
            taken = await turns(ways, rounds, scene.chance, rest=not scene.quick)
            missed = (await _state(http)).get("missed")
    found = Found(figures=compared(MEASURE, taken, GATEWAY if GATEWAY in taken else SDK))
    found.verdicts += judged(GOAL, taken, GATEWAY)
    if missed:
        found.notes.append(f"{MEASURE}: {missed} creates found the pool empty")
    return found


def _claiming(road: Any, http: httpx.AsyncClient) -> Turn:
    async def turn() -> float:
        await _filled(http)
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
    while perf_counter() < until and len(await peer.listed()) < count:
        await asyncio.sleep(LOOK)
    # It calls those "starting" that nobody has spoken to; what they do shows on the processor.
    await asyncio.sleep(2)


@asynccontextmanager
async def _pool(http: httpx.AsyncClient) -> AsyncIterator[None]:
    order = {**_POOL, "size": SIZE}
    (await http.put("/v1/pools", json=order)).raise_for_status()
    try:
        yield
    finally:
        await http.delete("/v1/pools", params=_POOL)


async def _state(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/v1/pools")
    answer.raise_for_status()
    (pool,) = answer.json()["items"]
    return dict(pool)


async def _filled(http: httpx.AsyncClient) -> None:
    until = perf_counter() + PATIENCE
    while perf_counter() < until:
        if (await _state(http))["ready"] >= SIZE:
            return
        await asyncio.sleep(LOOK)
    raise RuntimeError(f"the pool was not full in {PATIENCE:g} s: {await _state(http)}")


_POOL = {"image": KERNEL, "template": PLAIN}
