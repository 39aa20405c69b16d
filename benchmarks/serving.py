"""Server start to first 200: from starting the process until it answers a request for its health.

Ours twice: with a data directory that is empty, so that the database is made, too, and with one that was
used before. Both sides are asked every few milliseconds over a plain socket.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Found, compared
from benchmarks.goals import faster
from benchmarks.judging import judged
from benchmarks.peer import gateway_command
from benchmarks.roads import GATEWAY
from benchmarks.running import TOKEN, end_the_rest, environment, free_port, server_command
from benchmarks.scene import Scene
from benchmarks.turns import Turn, turns

MEASURE = "server start → first 200"
FRESH = "kernelyard, nothing there yet"
AGAIN = "kernelyard, started again"
GOAL = faster(MEASURE, 2)
LOOK = 0.003
PATIENCE = 60.0


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    made = iter(range(1000))
    used = scene.home / "serving-again"

    async def fresh() -> float:
        return await _ours(scene, scene.home / f"serving-{next(made)}")

    ways: dict[str, Turn] = {FRESH: fresh, AGAIN: lambda: _ours(scene, used)}
    if (python := scene.gateway_python) is not None:
        ways[GATEWAY] = lambda: _gateway(scene, python)
    for turn in ways.values():
        await turn()
    taken = await turns(ways, scene.pick(quick=1, full=12), scene.chance, rest=not scene.quick)
    found = Found(figures=compared(MEASURE, taken, GATEWAY if GATEWAY in taken else AGAIN))
    found.verdicts += judged(GOAL, taken, GATEWAY, ours=(FRESH, AGAIN))
    return found


async def _ours(scene: Scene, data_dir: Path) -> float:
    port = free_port()
    try:
        return await _until_it_answers(scene, server_command(data_dir, port), port, "/healthz")
    finally:
        if (data_dir / "agent" / "agent.json").exists():
            await asyncio.to_thread(end_the_rest, data_dir)


async def _gateway(scene: Scene, python: str) -> float:
    port = free_port()
    return await _until_it_answers(scene, gateway_command(python, port), port, "/api")


async def _until_it_answers(scene: Scene, argv: Sequence[str], port: int, path: str) -> float:
    env = environment(scene.home) | {"KERNELYARD_ADMIN_TOKEN": TOKEN}
    with (scene.home / "serving.log").open("ab") as log:
        begun = perf_counter()
        process = await asyncio.create_subprocess_exec(
            *argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=scene.home
        )
    try:
        while not await _is_well(port, path):
            assert process.returncode is None, f"{argv} ended at once"
            assert perf_counter() - begun < PATIENCE, f"{argv} does not answer"
            await asyncio.sleep(LOOK)
        return perf_counter() - begun
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _is_well(port: int, path: str) -> bool:
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
        )
        try:
            return b" 200 " in await asyncio.wait_for(reader.readline(), 5)
        finally:
            writer.close()
    return False
