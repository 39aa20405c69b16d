"""Execute round trip: from sending ``1`` to holding its result, on a kernel that is up.

Through our API twice: with the SDK (submit, then wait for the whole result) and with bare HTTP
requests (POST the task, then GET the task with ``wait``, then GET its outputs). Straight: until
reply and idle have come. Ways take turns, ten executions each, so that all see the same machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import perf_counter

import httpx

from benchmarks.figures import Figure, compared
from benchmarks.scene import Scene
from benchmarks.straight import straight_kernel

MEASURE = "execute round trip"
CODE = "1"
BURST = 10
WARM = 5
Execute = Callable[[], Awaitable[object]]


async def measure(scene: Scene) -> list[Figure]:
    """Return the lines of this measure."""
    async with AsyncExitStack() as stack:
        executes = await _executes(scene, stack)
        ways: dict[str, list[float]] = {way: [] for way in executes}
        for execute in executes.values():
            for _ in range(WARM):
                await execute()
        for _ in range(scene.pick(quick=2, full=30)):
            for way, execute in executes.items():
                ways[way] += [await _timed(execute) for _ in range(BURST)]
    return compared(MEASURE, ways, "straight")


async def _executes(scene: Scene, stack: AsyncExitStack) -> dict[str, Execute]:
    direct = await stack.enter_async_context(straight_kernel(scene.home))
    sdk = await stack.enter_async_context(await scene.yard.kernels.create(image="python3"))
    bare = await stack.enter_async_context(await scene.yard.kernels.create(image="python3"))
    http = await stack.enter_async_context(
        httpx.AsyncClient(
            base_url=scene.server.url,
            headers={"Authorization": f"Bearer {scene.server.token}"},
            timeout=60,
            trust_env=False,
        )
    )
    executes: dict[str, Execute] = {
        "straight": lambda: direct.execute(CODE),
        "kernelyard, SDK": lambda: sdk.run(CODE),
        "kernelyard, bare HTTP": lambda: _bare(http, bare.id),
    }
    if scene.gateway is not None:
        peer = await stack.enter_async_context(scene.gateway.kernel())
        executes["kernel gateway"] = lambda: peer.execute(CODE)
    return executes


async def _bare(http: httpx.AsyncClient, kernel_id: str) -> None:
    task = (await http.post(f"/v1/kernels/{kernel_id}/tasks", json={"code": CODE})).json()
    settled = (await http.get(f"/v1/tasks/{task['id']}", params={"wait": 30})).json()
    assert settled["state"] == "succeeded", settled
    page = (await http.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert page["complete"], page


async def _timed(execute: Execute) -> float:
    begun = perf_counter()
    await execute()
    return perf_counter() - begun
