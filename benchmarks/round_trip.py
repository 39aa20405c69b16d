"""Execute round trip: from sending ``1`` to holding its result, on a kernel that is up.

Through our API twice: with the SDK (submit, then wait for the whole result) and with bare HTTP
requests (POST the task, then GET the task with ``wait``, then GET its outputs). Straight: until
reply and idle have come. Ways take turns, ten executions each, so that all see the same machine.

Beside the times, the CPU that one execution costs in the processes between client and kernel: it
says more than times do on a machine that is busy with other things.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from time import perf_counter

import httpx
import psutil

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
        for execute in executes.values():
            for _ in range(WARM):
                await execute()
        between = _between(scene)
        ways: dict[str, list[float]] = {way: [] for way in executes}
        spent = dict.fromkeys(between, 0.0)
        for _ in range(scene.pick(quick=2, full=30)):
            for way, execute in executes.items():
                before = {part: _cpu(pids) for part, pids in between.items()}
                ways[way] += [await _timed(execute) for _ in range(BURST)]
                for part in [part for part in between if part.startswith(way)]:
                    spent[part] += _cpu(between[part]) - before[part]
    figures = compared(MEASURE, ways, "straight")
    return [*figures, *(_cpu_line(part, ways, seconds) for part, seconds in spent.items())]


def _between(scene: Scene) -> dict[str, list[int]]:
    """The processes between client and kernel, by way and part."""
    agent = scene.server.agent_pid
    assert agent is not None
    between = {
        "kernelyard, SDK: server": [scene.server.pid],
        "kernelyard, SDK: agent": [agent],
        "kernelyard, bare HTTP: server": [scene.server.pid],
        "kernelyard, bare HTTP: agent": [agent],
    }
    if scene.gateway is not None:
        between["kernel gateway: server"] = [scene.gateway.pid]
    return between


def _cpu(pids: list[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(float(one.user + one.system) for one in times)


def _cpu_line(part: str, ways: dict[str, list[float]], seconds: float) -> Figure:
    way = part.partition(":")[0]
    return Figure("CPU per execution", part, (f"{1000 * seconds / len(ways[way]):.2f} ms",))


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
