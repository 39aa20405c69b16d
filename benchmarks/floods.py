"""Floods: 200,000 printed lines and 100 displays of one megabyte; how fast, and whether all came.

The clock runs from sending the code to holding the last output. Through us the SDK follows the task
while it runs; every line and every display is counted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from statistics import median
from time import perf_counter
from typing import Any

from kernelyard import AsyncKernel

from benchmarks.figures import Figure
from benchmarks.scene import Scene
from benchmarks.straight import straight_kernel

MEGABYTE = 1_000_000
DISPLAYS = """
import os, base64
from IPython.display import display
for _ in range({count}):
    display({{"image/png": base64.b64encode(os.urandom(750_000)).decode()}}, raw=True)
"""
LINES = "for number in range({count}): print(number)"
Take = Callable[[str, dict[str, Any]], None]
Execute = Callable[[str, Take], Awaitable[object]]


class Count:
    """Counts what came."""

    def __init__(self) -> None:
        self.lines = 0
        self.displays = 0
        self.size = 0

    def take(self, kind: str, content: dict[str, Any]) -> None:
        """Count one output."""
        if kind == "stream":
            self.lines += content["text"].count("\n")
        elif kind == "display_data":
            self.displays += 1
            self.size += len(content["data"]["image/png"])


async def measure(scene: Scene) -> list[Figure]:
    """Return the lines of both floods."""
    lines = scene.pick(quick=20_000, full=200_000)
    displays = scene.pick(quick=10, full=100)
    rounds = scene.pick(quick=1, full=3)
    async with AsyncExitStack() as stack:
        executes = await _executes(scene, stack)
        printed = await _rounds(executes, LINES.format(count=lines), rounds)
        shown = await _rounds(executes, DISPLAYS.format(count=displays), rounds)
    return [*_lines(printed, lines), *_displays(shown, displays)]


async def _rounds(
    executes: dict[str, Execute], code: str, rounds: int
) -> dict[str, list[tuple[float, Count]]]:
    taken: dict[str, list[tuple[float, Count]]] = {way: [] for way in executes}
    for _ in range(rounds):
        for way, execute in executes.items():
            count = Count()
            begun = perf_counter()
            await execute(code, count.take)
            taken[way].append((perf_counter() - begun, count))
    return taken


async def _executes(scene: Scene, stack: AsyncExitStack) -> dict[str, Execute]:
    direct = await stack.enter_async_context(straight_kernel(scene.home))
    kernel = await stack.enter_async_context(await scene.yard.kernels.create(image="python3"))
    await kernel.wait_ready()

    async def followed(code: str, take: Take) -> None:
        await _followed(kernel, code, take)

    executes: dict[str, Execute] = {"straight": direct.execute, "kernelyard": followed}
    if scene.gateway is not None:
        peer = await stack.enter_async_context(scene.gateway.kernel())
        executes["kernel gateway"] = peer.execute
    return executes


async def _followed(kernel: AsyncKernel, code: str, take: Take) -> None:
    task = await kernel.submit(code)
    async for output in task.follow():
        take(output.kind, output.content)
    assert task.state == "succeeded", task.state


def _lines(taken: dict[str, list[tuple[float, Count]]], sent: int) -> list[Figure]:
    floor = median(seconds for seconds, _ in taken["straight"])
    figures = []
    for way, rounds in taken.items():
        seconds = median(one for one, _ in rounds)
        fewest = min(count.lines for _, count in rounds)
        cells = (f"{seconds:.2f} s", f"{fewest / seconds:,.0f} lines/s", _lost(fewest, sent))
        figures.append(Figure(f"{sent:,} printed lines", way, cells, seconds / floor))
    return figures


def _displays(taken: dict[str, list[tuple[float, Count]]], sent: int) -> list[Figure]:
    floor = median(seconds for seconds, _ in taken["straight"])
    figures = []
    for way, rounds in taken.items():
        seconds = median(one for one, _ in rounds)
        fewest = min(rounds, key=lambda one: one[1].displays)[1]
        speed = f"{fewest.size / MEGABYTE / seconds:,.0f} MB/s"
        cells = (f"{seconds:.2f} s", speed, _lost(fewest.displays, sent))
        figures.append(Figure(f"{sent} displays of 1 MB", way, cells, seconds / floor))
    return figures


def _lost(came: int, sent: int) -> str:
    return "none lost" if came == sent else f"{100 * (sent - came) / sent:.0f} % lost"
