"""A peer beside us: jupyter_kernel_gateway, if an interpreter with it is at hand.

Spoken to as JupyterLab does: REST to make a kernel, one WebSocket with the v1 framing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from benchmarks.running import KERNEL, environment, free_port
from benchmarks.sockets import SocketKernel, opened

OWN_PLACE = Path(__file__).parents[1] / "build" / "peers" / "bin" / "python"
"""Where tools/peers_for_benchmarks.py puts it."""


def gateway_python(named: str | None) -> str | None:
    """The interpreter that has jupyter_kernel_gateway: the one named, or one that is at hand."""
    if named:
        return named
    if OWN_PLACE.exists():
        return str(OWN_PLACE)
    return sys.executable if find_spec("kernel_gateway") else None


class Gateway:
    """A running gateway."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.http = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)
        self._used: set[str] = set()

    @asynccontextmanager
    async def kernel(self) -> AsyncIterator[SocketKernel]:
        """Make a kernel, open its WebSocket; delete the kernel at the end."""
        made = await self.http.post("/api/kernels", json={"name": KERNEL})
        made.raise_for_status()
        async with self._opened(made.json()["id"]) as kernel:
            yield kernel

    @asynccontextmanager
    async def spare_kernel(self) -> AsyncIterator[SocketKernel]:
        """Take one of those that the gateway has started in advance: its clients must choose one."""
        listed = (await self.http.get("/api/kernels")).json()
        found = next(one["id"] for one in listed if one["id"] not in self._used)
        self._used.add(found)
        async with self._opened(found) as kernel:
            yield kernel

    async def listed(self) -> list[dict[str, Any]]:
        """All of its kernels."""
        answer = await self.http.get("/api/kernels")
        answer.raise_for_status()
        return list(answer.json())

    @asynccontextmanager
    async def _opened(self, kernel_id: str) -> AsyncIterator[SocketKernel]:
        try:
            async with opened(self.url, f"/api/kernels/{kernel_id}/channels", kernel_id, {}) as one:
                yield one
        finally:
            with suppress(httpx.TransportError):
                await self.http.delete(f"/api/kernels/{kernel_id}")


def gateway_command(python: str, port: int, *, prespawn: int = 0) -> list[str]:
    """Return how a gateway is started, all else as it comes."""
    return [
        python,
        "-m",
        "kernel_gateway",
        f"--KernelGatewayApp.port={port}",
        # Only where a client must look for kernels that were started in advance.
        *(
            (
                f"--KernelGatewayApp.prespawn_count={prespawn}",
                f"--KernelGatewayApp.default_kernel_name={KERNEL}",
                "--JupyterWebsocketPersonality.list_kernels=True",
            )
            if prespawn
            else ()
        ),
    ]


@asynccontextmanager
async def gateway(
    python: str | None, home: Path, *, prespawn: int = 0
) -> AsyncIterator[Gateway | None]:
    """Run a gateway with its own defaults; None if there is no interpreter for it."""
    if python is None:
        yield None
        return
    port = free_port()
    with (home / "gateway.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *gateway_command(python, port, prespawn=prespawn),
            env=environment(home),
            stdout=log,
            stderr=log,
            cwd=home,
        )
    found = Gateway(f"http://127.0.0.1:{port}", process.pid)
    try:
        await _answers(found, process)
        yield found
    finally:
        await found.http.aclose()
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(found: Gateway, process: asyncio.subprocess.Process) -> None:
    for _ in range(1200):
        if process.returncode is not None:
            raise RuntimeError("jupyter_kernel_gateway ended at once; is it installed there?")
        with suppress(httpx.TransportError):
            if (await found.http.get("/api")).status_code == 200:
                return
        await asyncio.sleep(0.05)
    raise RuntimeError("jupyter_kernel_gateway does not answer")
