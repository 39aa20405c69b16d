"""Roads to a kernel: each makes one and speaks to it, so that a measure need not know which it takes.

``straight``: jupyter_client starts it and speaks to it, no server between. ``kernelyard, SDK``: our
client and our API. ``kernelyard, WebSocket`` and ``kernel gateway``: a REST request and a WebSocket, by
the same client code.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from websockets.exceptions import InvalidStatus

from kernelyard import AsyncKernel

from benchmarks.running import KERNEL
from benchmarks.scene import Scene
from benchmarks.sockets import opened
from benchmarks.straight import straight_kernel

STRAIGHT = "straight"
SDK = "kernelyard, SDK"
SOCKET = "kernelyard, WebSocket"
GATEWAY = "kernel gateway"
PLAIN = "default"
Content = dict[str, Any]
Take = Callable[[str, Content], None]


class Kernel(Protocol):
    """A kernel that runs code."""

    id: str
    """As its server names it; empty where there is none."""

    async def execute(self, code: str, take: Take | None = None) -> object:
        """Run ``code`` to its end."""


Road = Callable[[str], AbstractAsyncContextManager[Kernel]]
"""Makes a kernel of a template, where there are templates; deletes it at the end."""


class SdkKernel:
    """One of ours, by our own client."""

    def __init__(self, kernel: AsyncKernel) -> None:
        self.id = kernel.id
        self.kernel = kernel

    async def execute(self, code: str, take: Take | None = None) -> None:
        """Run ``code``, or follow it where its outputs are to be seen one by one."""
        if take is None:
            (await self.kernel.run(code)).raise_for_error()
            return
        task = await self.kernel.submit(code)
        async for output in task.follow():
            take(output.kind, output.content)
        assert task.state == "succeeded", task.state


@dataclass
class Ours:
    """Our server, spoken to with plain requests and WebSockets."""

    scene: Scene
    http: httpx.AsyncClient

    @property
    def headers(self) -> dict[str, str]:
        """What lets us in."""
        return {"Authorization": f"Bearer {self.scene.server.token}"}

    @asynccontextmanager
    async def kernel(self, template: str) -> AsyncIterator[Kernel]:
        """Make a kernel, open its WebSocket; delete the kernel at the end."""
        order = {"image": KERNEL, "template": template}
        made = await self.http.post("/v1/kernels", json=order)
        made.raise_for_status()
        kernel_id = made.json()["id"]
        try:
            path = f"/v1/kernels/{kernel_id}/channels"
            async with opened(self.scene.server.url, path, kernel_id, self.headers) as kernel:
                yield kernel
        finally:
            await self.http.delete(f"/v1/kernels/{kernel_id}")


@asynccontextmanager
async def http_of(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """A client for bare requests to our server."""
    async with httpx.AsyncClient(
        base_url=scene.server.url,
        headers={"Authorization": f"Bearer {scene.server.token}"},
        timeout=60,
        trust_env=False,
    ) as http:
        yield http


async def has_channels(scene: Scene) -> bool:
    """Whether our server speaks the kernel protocol on WebSockets: it opens one, then says no kernel."""
    path = f"/v1/kernels/{uuid.uuid4()}/channels"
    headers = {"Authorization": f"Bearer {scene.server.token}"}
    try:
        async with opened(scene.server.url, path, "", headers):
            return True
    except InvalidStatus:
        return False


@asynccontextmanager
async def roads(scene: Scene, *, straight: bool = True) -> AsyncIterator[dict[str, Road]]:
    """All roads that are open in this run, by name."""
    async with http_of(scene) as http:
        found: dict[str, Road] = {}
        if straight:
            found[STRAIGHT] = lambda _: straight_kernel(scene.home)
        found[SDK] = by_sdk(scene)
        if await has_channels(scene):
            found[SOCKET] = Ours(scene, http).kernel
        if (peer := scene.gateway) is not None:
            found[GATEWAY] = lambda _: peer.kernel()
        yield found


def by_sdk(scene: Scene) -> Road:
    """The road by our own client to the server of a scene."""
    return lambda template: _by_sdk(scene, template)


@asynccontextmanager
async def _by_sdk(scene: Scene, template: str) -> AsyncIterator[Kernel]:
    kernel = await scene.yard.kernels.create(image=KERNEL, template=template)
    try:
        yield SdkKernel(kernel)
    finally:
        await kernel.delete()


async def has_field(http: httpx.AsyncClient, name: str) -> bool:
    """Whether our server's description of itself speaks of a field or a path."""
    return f'"{name}' in (await http.get("/openapi.json")).text
