"""The yardstick: the same kind of kernel, spoken to with jupyter_client and no server between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from benchmarks.running import KERNEL, environment

PATIENCE = 120.0
Content = dict[str, Any]


class Straight:
    """A kernel with a client of jupyter_client on it."""

    def __init__(self, client: AsyncKernelClient) -> None:
        self.id = ""
        self._client = client

    async def execute(self, code: str, take: Callable[[str, Content], None] | None = None) -> None:
        """Run ``code`` and read until both its reply and its idle have come."""
        asked = self._client.execute(code)
        while True:
            message = await self._client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if take is not None:
                take(kind, content)
        while True:
            reply = await self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == asked:
                assert reply["content"]["status"] == "ok", reply["content"]
                return


@asynccontextmanager
async def straight_kernel(home: Path) -> AsyncIterator[Straight]:
    """Start a kernel as jupyter_client does, ready to run code; end it at the end."""
    kernels = AsyncKernelManager(kernel_name=KERNEL)
    await kernels.start_kernel(env=environment(home), cwd=str(home), stderr=DEVNULL)
    client = kernels.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE)
        yield Straight(client)
    finally:
        client.stop_channels()
        await kernels.shutdown_kernel(now=True)
