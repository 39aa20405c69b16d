"""Kernel start to first result: from asking for a kernel to holding what its first code said.

Through our API: create, submit ``6 * 7`` at once, wait for the result. Straight: start the process
with jupyter_client, wait until it is ready, execute. Ways take turns within each round.
"""

from __future__ import annotations

from time import perf_counter

from benchmarks.figures import Figure, compared
from benchmarks.scene import Scene
from benchmarks.straight import straight_kernel

MEASURE = "kernel start to first result"
CODE = "6 * 7"


async def measure(scene: Scene) -> list[Figure]:
    """Return the lines of this measure."""
    ways: dict[str, list[float]] = {"straight": [], "kernelyard": [], "kernel gateway": []}
    for _ in range(scene.pick(quick=2, full=12)):
        ways["straight"].append(await _straight(scene))
        ways["kernelyard"].append(await _ours(scene))
        if scene.gateway is not None:
            ways["kernel gateway"].append(await _peer(scene))
    return compared(MEASURE, ways, "straight")


async def _straight(scene: Scene) -> float:
    begun = perf_counter()
    async with straight_kernel(scene.home) as kernel:
        await kernel.execute(CODE)
        return perf_counter() - begun


async def _ours(scene: Scene) -> float:
    begun = perf_counter()
    kernel = await scene.yard.kernels.create(image="python3")
    result = await kernel.run(CODE)
    took = perf_counter() - begun
    assert result.raise_for_error().results[0].text == "42"
    await kernel.delete()
    return took


async def _peer(scene: Scene) -> float:
    assert scene.gateway is not None
    begun = perf_counter()
    async with scene.gateway.kernel() as kernel:
        await kernel.execute(CODE)
        return perf_counter() - begun
