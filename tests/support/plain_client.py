"""Plain Jupyter clients, as everybody has them: jupyter_client's, with nothing of ours in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

import msgspec
from jupyter_client import AsyncKernelClient

from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, wait_until

SECONDS = 30.0
Message = dict[str, Any]


@dataclass
class Ran:
    """What came of one execution."""

    status: str = ""
    reply: dict[str, Any] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    errors: list[str] = field(default_factory=list)


class PlainClient:
    """A client that has joined a kernel with the content of a connection file."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.client = AsyncKernelClient()
        self.client.load_connection_info(info)
        self.client.start_channels()

    def close(self) -> None:
        self.client.stop_channels()

    async def ready(self) -> PlainClient:
        """Wait until it is ready, as all clients do; a slow heartbeat is taken for a death by them."""
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    await self.client.wait_for_ready(timeout=SECONDS)
                except RuntimeError:
                    continue
                return self

    def send(self, code: str, **options: Any) -> str:
        """Send code; return the id of the request."""
        return str(self.client.execute(code, **options))

    async def run(self, code: str, *, answer: str | None = None) -> Ran:
        """Send code and wait for its end; ``answer`` is what it is told when it asks for input."""
        msg_id = self.send(code, allow_stdin=answer is not None)
        if answer is not None:
            await _next(self.client.get_stdin_msg, lambda one: one["msg_type"] == "input_request")
            self.client.input(answer)
        return await self.end_of(msg_id)

    async def end_of(self, msg_id: str) -> Ran:
        """Wait for the end of what was sent."""
        ran = Ran()
        mine: Callable[[Message], bool] = lambda one: one["parent_header"].get("msg_id") == msg_id  # noqa: E731
        while True:
            message = await _next(self.client.get_iopub_msg, mine)
            content = message["content"]
            if message["msg_type"] == "stream":
                setattr(ran, content["name"], getattr(ran, content["name"]) + content["text"])
            elif message["msg_type"] == "error":
                ran.errors.append(content["ename"])
            elif content.get("execution_state") == "idle":
                ran.reply = await self.shell_reply(msg_id)
                ran.status = ran.reply["status"]
                return ran

    async def shell_reply(self, msg_id: str) -> dict[str, Any]:
        """The content of the reply to a request."""
        read = self.client.get_shell_msg
        return content_of(
            await _next(read, lambda one: one["parent_header"].get("msg_id") == msg_id)
        )

    async def ask_nanny(self, msg_type: str, **content: Any) -> dict[str, Any]:
        """Ask on the control channel; return the content of the reply."""
        message = self.client.session.msg(msg_type, content)
        self.client.control_channel.send(message)
        msg_id = message["header"]["msg_id"]
        read = self.client.get_control_msg
        return content_of(
            await _next(read, lambda one: one["parent_header"].get("msg_id") == msg_id)
        )

    async def told(self, msg_type: str, *, channel: str = "control") -> dict[str, Any]:
        """The content of the next message of a type."""
        read = getattr(self.client, f"get_{channel}_msg")
        return content_of(await _next(read, lambda one: one["msg_type"] == msg_type))

    async def until_printed(self, text: str) -> None:
        """Wait until some text was printed, by whomever."""
        read = self.client.get_iopub_msg
        await _next(read, lambda one: text in one["content"].get("text", ""))

    async def until_dead(self) -> None:
        """Wait until the heart does not beat any more."""
        await wait_until(lambda: not self.client.hb_channel.is_beating())


def content_of(message: Message) -> dict[str, Any]:
    """The content of a message."""
    content = message["content"]
    assert isinstance(content, dict)
    return content


async def _next(
    read: Callable[..., Awaitable[Message]], fits: Callable[[Message], bool]
) -> Message:
    """Read on until a message fits."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                message = await read(timeout=1.0)
            except Empty:
                continue
            if fits(message):
                return message


async def bridge_of(agent: AgentProcess, kernel: str) -> dict[str, Any]:
    """Open a kernel's bridge; return the content of its connection file."""
    reply = await agent.ask(link.Bridge(kernel))
    assert isinstance(reply, link.Bridged), reply
    found = msgspec.to_builtins(reply.connection)
    assert isinstance(found, dict)
    return found
