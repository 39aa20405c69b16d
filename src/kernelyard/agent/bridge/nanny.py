"""What clients of a bridge ask about the kernel's process, answered by the agent instead of the kernel."""

from __future__ import annotations

import signal
from typing import Protocol

from kernelyard.model.errors import YardError
from kernelyard.wire import nanny
from kernelyard.wire.requests import ClientHeader, read_fields

_LONGEST_NAME = 40
_NOBODY = "username"
"""What jupyter_client calls a user whom it does not know."""
CLIENT = "a Jupyter client attached through the bridge"
NOT_OURS = (
    "This kernel was not started here, so it is neither ended nor restarted from here. Ask whoever "
    "started it, or end it by name in the yard."
)

NO_SIGNAL = (
    "This kernel was not started here, so that only SIGINT is passed on to it from here. Ask whoever "
    "started it."
)


class Ward(Protocol):
    """The kernel, as far as its nanny looks after it."""

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        ...

    @property
    def owned(self) -> bool:
        """Whether we started it, so that we may end it."""
        ...

    async def interrupt(self, by: str) -> str:
        """Interrupt what runs; return what that achieved. Raises YardError."""
        ...

    async def signal(self, number: int, by: str) -> None:
        """Send it a signal. Raises YardError."""
        ...

    def stop(self, reason: str) -> None:
        """End it."""
        ...

    def restart(self, reason: str) -> None:
        """Start it anew. Raises YardError."""
        ...


class Nanny:
    """Answers for one kernel."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward

    async def answer(
        self, header: ClientHeader, content: bytes, *, by: str = ""
    ) -> dict[str, object]:
        """Return the content of the reply to one of ``wire.nanny.REQUESTS``.

        ``by`` is who asks, where more is known of that than a header says.
        """
        fields = read_fields(content)
        by = by or who(header)
        try:
            match header.msg_type:
                case nanny.IS_ALIVE:
                    return nanny.ok(alive=self._ward.alive)
                case nanny.INTERRUPT:
                    return nanny.ok(outcome=await self._ward.interrupt(by))
                case nanny.SIGNAL:
                    return await self._signal(nanny.signal_number(fields.get("sig")), by)
                case nanny.RESTART:
                    return self._end(by, restart=True)
                case _:
                    return self._end(by, restart=fields.get("restart") is True)
        except YardError as problem:
            return nanny.error(type(problem).__name__, problem.message)
        except ValueError as problem:
            return nanny.error("Invalid", str(problem))

    async def _signal(self, number: int, by: str) -> dict[str, object]:
        if not self._ward.owned and number != signal.SIGINT:
            return nanny.error("Forbidden", NO_SIGNAL)
        await self._ward.signal(number, by)
        return nanny.ok(sig=int(number))

    def _end(self, by: str, *, restart: bool) -> dict[str, object]:
        if not self._ward.owned:
            return {**nanny.error("Forbidden", NOT_OURS), "restart": restart}
        if restart:
            self._ward.restart(f"restarted by {by}")
        else:
            self._ward.stop(f"terminated by {by}")
        return nanny.ok(restart=restart)


def who(header: ClientHeader) -> str:
    """Name the sender of a request, for journals: as far as he names himself."""
    name = "".join(one for one in header.username or "" if one.isprintable())[:_LONGEST_NAME]
    return f"{CLIENT} ({name})" if name and name != _NOBODY else CLIENT
