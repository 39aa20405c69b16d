"""A client that speaks with a kernel through a real agent, as a server does for a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernelyard.links.relay import RelayLine
from kernelyard.wire.relaying import Relay

from tests.support.agent_process import AgentProcess
from tests.support.kernel_messages import Said, an_execution, encoded, read

SECONDS = 15.0
Wanted = Callable[[Said], bool]


class RelayClient:
    """One client of one kernel; what it has heard is kept."""

    def __init__(self, line: RelayLine) -> None:
        self.line = line
        self.heard: list[Said] = []
        self._waiting: list[bytes] = []

    @classmethod
    async def join(
        cls, agent: AgentProcess, kernel_id: str, session: str = "s", author: str = "ann"
    ) -> RelayClient:
        wanted = Relay(kernel_id, author, session)
        return cls(await RelayLine.open(str(agent.described()["socket"]), wanted))

    async def until(self, wanted: Wanted) -> Said:
        """Hear on until a message fits; return it."""
        async with asyncio.timeout(SECONDS):
            while True:
                said = read(await self._next())
                self.heard.append(said)
                if wanted(said):
                    return said

    async def run(self, code: str, **content: object) -> Said:
        """Run code to its reply and its idle mark; return the reply."""
        return await self.end(self.execute(code, **content))

    def execute(self, code: str, **content: object) -> str:
        """Ask for code to be run; return the id of the request."""
        msg_id, framed = an_execution(code, **content)
        self.line.send(encoded(framed))
        return msg_id

    async def end(self, msg_id: str) -> Said:
        """Hear on until reply and idle mark of a request have come; return the reply."""
        seen: dict[str, Said] = {one.type: one for one in self.heard if _ends(one, msg_id)}
        while len(seen) < 2:
            said = await self.until(lambda one: _ends(one, msg_id))
            seen[said.type] = said
        return next(said for kind, said in seen.items() if kind != "status")

    def texts(self, msg_id: str | None = None) -> str:
        """What was printed, by one request or at all."""
        said = (one for one in self.heard if one.type == "stream")
        return "".join(one.content["text"] for one in said if msg_id in (None, one.parent))

    async def _next(self) -> bytes:
        if not self._waiting:
            self._waiting += await self.line.next()
        return self._waiting.pop(0)


def _ends(said: Said, msg_id: str) -> bool:
    idle = said.type == "status" and said.content["execution_state"] == "idle"
    return said.parent == msg_id and (idle or said.type.endswith("_reply"))


def of_type(msg_type: str, parent: str | None = None) -> Wanted:
    """Whether a message is of a type, and of a request."""
    return lambda said: said.type == msg_type and parent in (None, said.parent)
