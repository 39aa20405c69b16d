"""An application with a yard behind it, and the few requests most tests begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx
from starlette.types import ASGIApp, Message

from kernelyard.yard.yard import Yard

from tests.support.scripted_agent import ScriptedAgent

ADMIN = "an-admin-token-for-tests"


@dataclass(frozen=True)
class House:
    """What a test of a door stands in."""

    client: httpx.AsyncClient
    app: ASGIApp
    yard: Yard
    agent: ScriptedAgent

    async def kernel(self, image: str = "python3", **fields: object) -> dict[str, Any]:
        """Make a kernel and wait until it is ready."""
        made = await self.client.post("/v1/kernels", json={"image": image, **fields})
        assert made.status_code in (200, 201), made.text
        ready = await self.client.get(f"/v1/kernels/{made.json()['id']}?wait=ready&timeout=10")
        return dict(ready.json())

    async def submit(self, kernel: dict[str, Any], *lines: str, **fields: Any) -> dict[str, Any]:
        """Queue a script."""
        path = f"/v1/kernels/{kernel['id']}/tasks"
        made = await self.client.post(path, json={"code": "\n".join(lines), **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def end(self, task: dict[str, Any]) -> dict[str, Any]:
        """Wait until a task has ended."""
        ended = (await self.client.get(f"/v1/tasks/{task['id']}?wait=10")).json()
        assert ended["state"] not in ("queued", "running"), ended
        return dict(ended)

    async def run(self, *lines: str) -> dict[str, Any]:
        """Run a script on a kernel of its own to its end."""
        return await self.end(await self.submit(await self.kernel(), *lines))

    def talk(self, path: str, headers: dict[str, str] | None = None) -> Talk:
        """Begin a GET request whose answer is read while it is made."""
        return Talk(self.app, path, headers or {})


class Talk:
    """One GET request over raw ASGI, for answers that do not end by themselves."""

    def __init__(self, app: ASGIApp, path: str, headers: dict[str, str]) -> None:
        self._sent: asyncio.Queue[Message] = asyncio.Queue()
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._asked.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self._text = ""
        self.status = 0
        self.ended = False
        self._call = asyncio.create_task(
            app(scope_of(path, headers), self._asked.get, self._sent.put)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._call.done():
            await self.hang_up()

    async def until(self, words: str) -> str:
        """Read on until ``words`` have come; return all text so far."""
        async with asyncio.timeout(10):
            while words not in self._text:
                await self._read()
        return self._text

    async def rest(self) -> str:
        """Read to the end; return all text."""
        async with asyncio.timeout(10):
            while not self.ended:
                await self._read()
            await self._call
        return self._text

    async def hang_up(self) -> None:
        """Go away, as a client does whose connection breaks, and wait until the answer is over."""
        self._asked.put_nowait({"type": "http.disconnect"})
        async with asyncio.timeout(10):
            await self._call

    async def _read(self) -> None:
        assert not self.ended, f"the answer ended with {self._text[-200:]!r}"
        message = await self._sent.get()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self._text += message.get("body", b"").decode()
            self.ended = not message.get("more_body", False)


def scope_of(path: str, headers: dict[str, str], method: str = "GET") -> dict[str, Any]:
    """Return the ASGI scope of a request; ``path`` is decoded, as servers give it."""
    plain, _, query = path.partition("?")
    given = {"authorization": f"Bearer {ADMIN}", "host": "yard", **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
        "client": ("127.0.0.1", 1),
        "server": ("yard", 80),
    }


async def raw(
    app: ASGIApp,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    bodies: Sequence[bytes] = (b"",),
) -> tuple[int, dict[str, str], bytes]:
    """Send one request as it stands, without a client that tidies it up; return the answer."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": place < len(bodies) - 1}
        for place, body in enumerate(bodies)
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("nothing wakes it")

    async def send(message: Message) -> None:
        sent.append(message)

    async with asyncio.timeout(10):
        await app(scope_of(path, headers or {}, method), receive, send)
    start = sent[0]
    answered = {k.decode(): v.decode() for k, v in start["headers"]}
    return start["status"], answered, b"".join(m.get("body", b"") for m in sent[1:])
