"""Memory of server, agent and kernels: at rest with one kernel gone, and with twenty kernels up.

RSS counts shared pages in full; PSS shares them out (Linux only) and is what a process really costs.
"""

from __future__ import annotations

import asyncio

import psutil

from benchmarks.figures import Figure
from benchmarks.scene import Scene

MEASURE = "memory"


async def measure(scene: Scene) -> list[Figure]:
    """Return the lines of this measure."""
    async with await scene.yard.kernels.create(image="python3") as kernel:
        await kernel.run("1")
    agent = scene.server.agent_pid
    assert agent is not None
    many = scene.pick(quick=3, full=20)
    resting = {"server": _of(scene.server.pid), "agent": _of(agent)}
    kernels = [await scene.yard.kernels.create(image="python3") for _ in range(many)]
    try:
        await asyncio.gather(*(kernel.run("1") for kernel in kernels))
        busy = {"server": _of(scene.server.pid), "agent": _of(agent)}
        processes = [_of(child.pid) for child in psutil.Process(agent).children()]
    finally:
        await asyncio.gather(*(kernel.delete() for kernel in kernels))
    figures = [Figure(f"{MEASURE} at rest", name, _cells(*pair)) for name, pair in resting.items()]
    figures += [
        Figure(f"{MEASURE} with {many} kernels", name, _cells(*pair)) for name, pair in busy.items()
    ]
    rss, pss = (sum(part) / len(processes) for part in zip(*processes, strict=True))
    return [*figures, Figure(f"{MEASURE} with {many} kernels", "each kernel", _cells(rss, pss))]


def pss(pid: int) -> float:
    """What a process costs in bytes; RSS where PSS is not known."""
    rss, shared_out = _of(pid)
    return shared_out or rss


def _of(pid: int) -> tuple[float, float]:
    info = psutil.Process(pid).memory_full_info()
    return float(info.rss), float(getattr(info, "pss", 0))


def _cells(rss: float, pss: float) -> tuple[str, ...]:
    return (f"{rss / 1e6:.0f} MB RSS", f"{pss / 1e6:.0f} MB PSS" if pss else "PSS unknown")
