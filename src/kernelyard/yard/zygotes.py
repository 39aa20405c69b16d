"""What is told of zygotes, from which kernels are forked: to administrators, and as metrics."""

from __future__ import annotations

from typing import get_args

from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.principals import Principal
from kernelyard.wire.zygotes import ZygoteList, ZygoteState
from kernelyard.yard.access import only_admin
from kernelyard.yard.agents import Agents
from kernelyard.yard.metrics import Metric, gauge, total


class Zygotes:
    """Asks the agent for its zygotes."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def told(self, who: Principal) -> ZygoteList:
        """Return every zygote, with whose modules it has. Raises Forbidden, AgentUnavailable."""
        only_admin(who)
        async with self._agents.asked() as link:
            return await link.zygotes()

    async def metrics(self) -> list[Metric]:
        """Counts without names. No agent is started for them."""
        link = self._agents.present()
        try:
            counted = [] if link is None else _counted(await link.zygotes())
        except AgentUnavailable:
            self._agents.mistrust()
            counted = []
        return [gauge("kernelyard_agent_up", "Whether the agent answers.", bool(counted)), *counted]


def _counted(told: ZygoteList) -> list[Metric]:
    states: dict[tuple[str, ...], float] = dict.fromkeys(
        ((state,) for state in get_args(ZygoteState)), 0
    )
    for one in told.zygotes:
        states[one.state,] += 1
    ways: dict[tuple[str, ...], float] = {("fork",): told.forked, ("exec",): told.executed}
    return [
        Metric(
            "kernelyard_zygotes",
            "Processes from which kernels are forked.",
            "gauge",
            states,
            ("state",),
        ),
        gauge("kernelyard_zygotes_limit", "Most zygotes; 0 where no kernel is forked.", told.most),
        gauge(
            "kernelyard_zygotes_pss_bytes",
            "Memory of all zygotes, without the share of their kernels.",
            sum(one.pss_bytes or 0 for one in told.zygotes),
        ),
        gauge(
            "kernelyard_zygotes_ahead",
            "Kernels that were forked before anybody has asked for them, and wait.",
            sum(one.ahead_pid is not None for one in told.zygotes),
        ),
        gauge(
            "kernelyard_zygotes_ahead_pss_bytes",
            "Memory of these kernels.",
            sum(one.ahead_pss_bytes or 0 for one in told.zygotes),
        ),
        gauge(
            "kernelyard_zygotes_memory_pressure",
            "Whether no zygote is started for want of memory.",
            bool(told.pressure),
        ),
        Metric(
            "kernelyard_kernel_starts_total",
            "Processes of kernels that the agent has started, by how.",
            "counter",
            ways,
            ("way",),
        ),
        total(
            "kernelyard_fork_failures_total",
            "Forks that failed; a new program was started instead.",
            told.failed,
        ),
    ]
