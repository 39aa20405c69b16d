"""Having a kernel that runs take up other variables and another directory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernelyard.agent.interrupts import is_ok
from kernelyard.agent.waiting import first_of
from kernelyard.wire.messages import Configure, Message

REPLY = "kernelyard_configure_reply"


class Configuring:
    """Asks one process, and knows what it has answered."""

    def __init__(self, ask: Callable[[Configure], str], gone: asyncio.Event) -> None:
        """``ask`` sends the request and returns its id; ``gone`` is set when nobody will answer."""
        self._ask = ask
        self._gone = gone
        self._awaited: dict[str, asyncio.Future[bool]] = {}

    def on_control(self, message: Message) -> None:
        """Take in a message from the control socket."""
        awaited = self._awaited.get(message.parent)
        if message.type == REPLY and awaited is not None and not awaited.done():
            awaited.set_result(is_ok(message.content))

    async def configure(self, asked: Configure) -> bool:
        """Have it take up what is asked; return whether it has, as soon as it answers or has ended."""
        awaited: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        msg_id = self._ask(asked)
        self._awaited[msg_id] = awaited
        try:
            return await first_of(_answer(awaited), self._silence())
        finally:
            del self._awaited[msg_id]

    async def _silence(self) -> bool:
        await self._gone.wait()
        return False


async def _answer(awaited: asyncio.Future[bool]) -> bool:
    return await awaited
