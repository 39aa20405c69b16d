"""Taking turns: ways are tried in another order in each round, on a machine that has come to rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from time import perf_counter

import psutil

REST = 0.25
"""Of all processors, what may be busy when a turn begins."""
LOOK = 0.1
PATIENCE = 1.5
Turn = Callable[[], Awaitable[float]]


def shuffled(ways: Iterable[str], rounds: int, chance: random.Random) -> Iterator[str]:
    """Yield each way once in each round, in an order left to chance."""
    order = list(ways)
    for _ in range(rounds):
        chance.shuffle(order)
        yield from order


async def turns(
    ways: Mapping[str, Turn], rounds: int, chance: random.Random, *, rest: bool = True
) -> dict[str, list[float]]:
    """Return what each way has taken in its turns; each tells itself how long that was."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for way in shuffled(ways, rounds, chance):
        if rest:
            await at_rest()
        taken[way].append(await ways[way]())
    return taken


async def at_rest(patience: float = PATIENCE) -> None:
    """Wait until what the turn before has left behind is done; no longer than a while."""
    until = perf_counter() + patience
    while perf_counter() < until:
        if await asyncio.to_thread(psutil.cpu_percent, LOOK) <= 100 * REST:
            return
