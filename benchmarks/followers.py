"""Followers of one task that prints: what each costs the server, and how far behind they are.

All are there before the first line is printed, and each checks that it hears every line once and in
order. The lag of a line is the time from printing it to hearing it; the listeners share the machine.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from pathlib import Path
from statistics import median

import psutil

from kernelyard import AsyncKernel

from benchmarks.figures import Figure, Found, percentile
from benchmarks.listening import PRINTED, Listener, listen
from benchmarks.memory import pss
from benchmarks.running import KERNEL
from benchmarks.scene import Scene

MEASURE = "followers of one task"
PAUSE = 0.01
CODE = """
import os, time
while not os.path.exists({gate!r}): time.sleep(0.02)
for number in range({lines}): {printed}; time.sleep({pause})
"""
AT_ONCE = 20


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    figures = []
    async with await scene.yard.kernels.create(image=KERNEL) as kernel:
        await kernel.wait_ready()
        for count in (1, 20) if scene.quick else (1, 100, 1000):
            figures.append(await _followed(scene, kernel, count))
    return Found(figures)


async def _followed(scene: Scene, kernel: AsyncKernel, count: int) -> Figure:
    lines = scene.pick(quick=20, full=300)
    gate = scene.home / f"go-{count}"
    task = await kernel.submit(
        CODE.format(
            gate=str(gate), lines=lines, printed=PRINTED.format(number="number"), pause=PAUSE
        )
    )
    server = psutil.Process(scene.server.pid)
    before = pss(server.pid)
    listeners = await gathered(scene, [task.id] * count)
    each = (pss(server.pid) - before) / count
    spent = _cpu(server)
    ended = await _released(gate, listeners)
    spent = _cpu(server) - spent
    assert all(ended), "the task did not succeed"
    lost = sum(listener.heard != lines or listener.gaps for listener in listeners)
    lags = list(chain.from_iterable(listener.lags for listener in listeners))
    cells = (
        f"{1e6 * spent / (count * lines):.0f} µs CPU per follower and line",
        f"{each / 1000:.0f} kB each" if count > 1 else "",
        f"lag p50 {1000 * median(lags):.0f} ms · p99 {1000 * percentile(lags, 0.99):.0f} ms",
        "nothing lost" if not lost else f"{lost} followers missed something",
    )
    return Figure(MEASURE, f"{count:,}", cells)


async def gathered(scene: Scene, task_ids: list[str]) -> list[Listener]:
    """Connect one listener for each task id, some at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(task_id: str) -> Listener:
        async with room:
            return await listen(scene.server, task_id)

    return list(await asyncio.gather(*map(one, task_ids)))


async def _released(gate: Path, listeners: list[Listener]) -> list[bool]:
    await asyncio.to_thread(gate.touch)
    return list(await asyncio.gather(*(listener.over for listener in listeners)))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
