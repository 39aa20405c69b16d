"""Logs of kernels: what their processes printed beside the protocol, read at the agent."""

from __future__ import annotations

from kernelyard.model.errors import AgentUnavailable, Invalid, KernelNotFound
from kernelyard.model.logs import KernelLogPart, decoded, without_torn_begin
from kernelyard.model.principals import Principal, Scope
from kernelyard.wire.link import LogPart
from kernelyard.yard.world import World

LARGEST_PART = 1024 * 1024
USUAL_PART = 64 * 1024
LEAST_PART = 4
"""A character takes up to four bytes; with fewer, reading would not come further."""


class KernelLogs:
    """Reads them, for live and for ended kernels."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self._agents = world.agents

    async def read(
        self, who: Principal, kernel_id: str, after: int | None, limit: int | None
    ) -> KernelLogPart:
        """Return what was printed from byte ``after`` on, or the last ``limit`` bytes.

        A kernel that no process was started for, or whose files were removed, has an empty log.
        Raises KernelNotFound, Invalid, AgentUnavailable.
        """
        who.must(Scope.READ)
        most = USUAL_PART if limit is None else limit
        if not LEAST_PART <= most <= LARGEST_PART:
            raise Invalid(
                f"'limit' is {most}; ask for {LEAST_PART} to {LARGEST_PART} bytes at once.",
                field="limit",
            )
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        try:
            part = await (await self._agents.link()).log(kernel.id, after, most)
        except AgentUnavailable:
            self._agents.mistrust()
            raise
        except Invalid as error:
            raise Invalid(error.message, field="after") from error
        except KernelNotFound:
            part = LogPart(b"", 0, 0, 0, 0)
        return _as_text(part, tail=after is None, grows=not kernel.phase.is_final)


def _as_text(part: LogPart, *, tail: bool, grows: bool) -> KernelLogPart:
    begins_anywhere = part.begin > 0 and (tail or part.begin == part.kept_from)
    data = without_torn_begin(part.data) if begins_anywhere else part.data
    begin = part.end - len(data)
    text, used = decoded(data, more=grows or part.end < part.size)
    return KernelLogPart(
        text=text, begin=begin, end=begin + used, size=part.size, kept_from=part.kept_from
    )
