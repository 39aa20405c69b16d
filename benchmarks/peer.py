"""A peer beside us: jupyter_kernel_gateway, if an interpreter with it is at hand.

Spoken to as JupyterLab does: REST to make a kernel, one WebSocket with the v1 framing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.running import environment

SUBPROTOCOL = Subprotocol("v1.kernel.websocket.jupyter.org")
PATIENCE = 120.0
QUIET = 5.0
Content = dict[str, Any]


def gateway_python(named: str | None) -> str | None:
    """The interpreter that has jupyter_kernel_gateway: the one named, or this one if it has it."""
    if named:
        return named
    return sys.executable if find_spec("kernel_gateway") else None


class Gateway:
    """A running gateway."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self.http = httpx.AsyncClient(base_url=url, timeout=60, trust_env=False)

    @asynccontextmanager
    async def kernel(self) -> AsyncIterator[GatewayKernel]:
        """Make a kernel, open its WebSocket; delete the kernel at the end."""
        made = await self.http.post("/api/kernels", json={"name": "python3"})
        made.raise_for_status()
        kernel_id = made.json()["id"]
        address = f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels"
        try:
            async with connect(
                address, subprotocols=[SUBPROTOCOL], max_size=None, compression=None, proxy=None
            ) as socket:
                yield GatewayKernel(socket)
        finally:
            with suppress(httpx.TransportError):
                await self.http.delete(f"/api/kernels/{kernel_id}")


class GatewayKernel:
    """One kernel behind a gateway."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._session = uuid.uuid4().hex

    async def execute(self, code: str, take: Callable[[str, Content], None] | None = None) -> bool:
        """Run ``code`` until reply and idle have come; False if one was dropped on the way."""
        asked = uuid.uuid4().hex
        await self._socket.send(self._request(asked, code))
        waiting = {"reply", "idle"}
        while waiting:
            try:
                # After the reply nothing but a dropped message takes this long.
                patience = PATIENCE if "reply" in waiting else QUIET
                raw = await asyncio.wait_for(self._socket.recv(), patience)
            except TimeoutError:
                return False
            kind, parent, content = _unpacked(raw)
            if parent != asked:
                continue
            if kind == "execute_reply":
                waiting.discard("reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waiting.discard("idle")
            elif take is not None:
                take(kind, content)
        return True

    def _request(self, asked: str, code: str) -> bytes:
        header = {
            "msg_id": asked,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "bench",
            "date": "2000-01-01T00:00:00Z",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
        offsets = [8 * (len(parts) + 2)]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        head = b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets))
        return head + b"".join(parts)


def _unpacked(raw: str | bytes) -> tuple[str, str | None, Content]:
    data = raw.encode() if isinstance(raw, str) else raw
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [data[start:end] for start, end in pairwise(offsets)]
    header, parent, content = (json.loads(parts[n]) for n in (1, 2, 4))
    return header["msg_type"], parent.get("msg_id"), content


@asynccontextmanager
async def gateway(python: str | None, home: Path) -> AsyncIterator[Gateway | None]:
    """Run a gateway with its own defaults; None if there is no interpreter for it."""
    if python is None:
        yield None
        return
    port = _free_port()
    argv = [python, "-m", "kernel_gateway", f"--KernelGatewayApp.port={port}"]
    with (home / "gateway.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *argv, env=environment(home), stdout=log, stderr=log, cwd=home
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
    for _ in range(600):
        if process.returncode is not None:
            raise RuntimeError("jupyter_kernel_gateway ended at once; is it installed there?")
        with suppress(httpx.TransportError):
            if (await found.http.get("/api")).status_code == 200:
                return
        await asyncio.sleep(0.05)
    raise RuntimeError("jupyter_kernel_gateway does not answer")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
