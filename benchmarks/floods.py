"""Floods: 200,000 printed lines, 20,000 displays, 100 displays of one megabyte; how fast, and did all come.

The clock runs from sending the code to holding the last output. Through us the SDK follows the task
while it runs, or a WebSocket relays; every line and every display is counted as it comes, and after the
clock has stopped once more in what the server has stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import httpx

from benchmarks.figures import Figure, Found
from benchmarks.goals import Goal, Verdict, at_most
from benchmarks.roads import GATEWAY, PLAIN, SDK, SOCKET, STRAIGHT, Kernel, http_of, roads
from benchmarks.scene import Scene
from benchmarks.turns import at_rest, shuffled

THROUGHPUT = 0.9
"""Of what comes straight is to come through us."""
LINES = "for number in range({count}): print(number)"
DISPLAYS = """
from IPython.display import display
for number in range({count}): display({{"text/plain": str(number)}}, raw=True)
"""
PICTURES = """
import os, base64
from IPython.display import display
for _ in range({count}):
    display({{"image/png": base64.b64encode(os.urandom(750_000)).decode()}}, raw=True)
"""
PAGE = 200
"""Outputs asked for at once when what is stored is counted: some are of a megabyte."""
PATIENCE = 60.0


class Count:
    """Counts what came."""

    def __init__(self) -> None:
        self.lines = 0
        self.displays = 0
        self.size = 0

    def take(self, kind: str, content: Mapping[str, Any]) -> None:
        """Count one output."""
        if kind == "stream":
            text = content["text"]
            self.lines += text.count("\n")
            self.size += len(text)
        elif kind == "display_data":
            self.displays += 1
            self.size += sum(map(len, content["data"].values()))


@dataclass(frozen=True, slots=True)
class Flood:
    """What is sent, how much of it, and what of the count tells that it came."""

    name: str
    code: str
    sent: int
    counted: Callable[[Count], int]


@dataclass(frozen=True, slots=True)
class Taken:
    """One flood by one road."""

    seconds: float
    came: int
    size: int
    stored: int | None
    """How many of them the server can tell later; None where nobody stores."""


async def measure(scene: Scene) -> Found:
    """Return the lines of all floods."""
    floods = [
        _flood("{:,} printed lines", LINES, scene.pick(quick=20_000, full=200_000), _lines),
        _flood("{:,} displays", DISPLAYS, scene.pick(quick=2_000, full=20_000), _displays),
        _flood("{:,} displays of 1 MB", PICTURES, scene.pick(quick=10, full=100), _displays),
    ]
    found = Found()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_of(scene))
        open_roads = await stack.enter_async_context(roads(scene))
        kernels = {
            way: await stack.enter_async_context(road(PLAIN)) for way, road in open_roads.items()
        }
        for kernel in kernels.values():
            await kernel.execute("1")
        read = dict.fromkeys(kernels, 0)
        for flood in floods:
            taken: dict[str, list[Taken]] = {way: [] for way in kernels}
            for way in shuffled(kernels, scene.pick(quick=1, full=3), scene.chance):
                if way == GATEWAY and len(taken[way]) == 2:
                    continue  # It loses much, and says so late.
                if not scene.quick:
                    await at_rest()
                stored = http if way in {SDK, SOCKET} else None
                one, read[way] = await _taken(kernels[way], flood, stored, read[way])
                taken[way].append(one)
            found.add(_told(flood, taken))
    return found


async def _taken(
    kernel: Kernel, flood: Flood, http: httpx.AsyncClient | None, read: int
) -> tuple[Taken, int]:
    """Run it once; return what came, and up to where what is stored has been read."""
    count = Count()
    begun = perf_counter()
    await kernel.execute(flood.code, count.take)
    seconds = perf_counter() - begun
    stored = None
    if http is not None:
        kept, read = await _stored(http, kernel.id, read)
        stored = flood.counted(kept)
    return Taken(seconds, flood.counted(count), count.size, stored), read


async def _stored(http: httpx.AsyncClient, kernel_id: str, after: int) -> tuple[Count, int]:
    """Count what the server has stored behind ``after``, up to the end of what ran."""
    count = Count()
    until = perf_counter() + PATIENCE
    ended = 0
    while perf_counter() < until:
        page = (
            await http.get(
                f"/v1/kernels/{kernel_id}/outputs", params={"after": after, "limit": PAGE}
            )
        ).json()
        for item in page["items"]:
            count.take(item["kind"], item["content"])
            ended += item["kind"] == "ended"
        after = page["last"]
        if not page["items"]:
            if ended:
                return count, after
            await asyncio.sleep(0.05)
    raise RuntimeError("what ran has not come to its end in the store")


def _told(flood: Flood, taken: dict[str, list[Taken]]) -> Found:
    found = Found()
    floor = median(one.seconds for one in taken[STRAIGHT])
    goal: Goal = at_most(f"{flood.name}: time (≥ {THROUGHPUT} × the throughput)", 1 / THROUGHPUT)
    for way, rounds in taken.items():
        seconds = median(one.seconds for one in rounds)
        fewest = min(rounds, key=lambda one: one.came)
        speed = f"{fewest.came / seconds:,.0f} per s"
        if fewest.size > 10_000_000:
            speed = f"{fewest.size / 1e6 / seconds:,.0f} MB/s"
        ends = (
            f"[{min(one.seconds for one in rounds):.2f}–{max(one.seconds for one in rounds):.2f}]"
        )
        cells = (
            f"{seconds:.2f} s",
            ends,
            speed,
            _lost(fewest.came, flood.sent),
            _kept(rounds, flood),
        )
        found.figures.append(Figure(flood.name, way, cells, seconds / floor))
        if way in {SDK, SOCKET}:
            found.verdicts.append(
                Verdict(
                    goal=goal,
                    way=way,
                    ours=seconds,
                    peer=STRAIGHT,
                    theirs=floor,
                    unit="s",
                    flaw=_flaw(rounds, flood),
                )
            )
    return found


def _flaw(rounds: list[Taken], flood: Flood) -> str:
    """What was lost, on the way or in the store."""
    came = min(one.came for one in rounds)
    stored = min(one.stored or 0 for one in rounds)
    if came == stored == flood.sent:
        return ""
    return f"{flood.sent - came:,} not relayed, {flood.sent - stored:,} not stored"


def _kept(rounds: list[Taken], flood: Flood) -> str:
    known = [one.stored for one in rounds if one.stored is not None]
    if not known:
        return ""
    return "all stored" if min(known) == flood.sent else f"{min(known):,} stored"


def _lost(came: int, sent: int) -> str:
    return "none lost" if came == sent else f"{100 * (sent - came) / sent:.0f} % lost"


def _flood(name: str, code: str, sent: int, counted: Callable[[Count], int]) -> Flood:
    return Flood(name.format(sent), code.format(count=sent), sent, counted)


def _lines(count: Count) -> int:
    return count.lines


def _displays(count: Count) -> int:
    return count.displays
