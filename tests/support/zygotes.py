"""What tests ask an agent about its zygotes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import RecordKind
from kernelyard.wire import link
from kernelyard.wire.zygotes import ZygoteFact, ZygoteList, Zygotes

from tests.support.agent_process import SECONDS, AgentProcess, ended, of_kind, stdout_of


async def zygotes(agent: AgentProcess) -> ZygoteList:
    """What the agent tells of its zygotes."""
    reply = await agent.ask(Zygotes())
    assert isinstance(reply, ZygoteList), reply
    return reply


async def zygote_of(
    agent: AgentProcess,
    image: str = "python3",
    *,
    preload: tuple[str, ...] = (),
    trust: str = "",
    state: str = "ready",
    but: int | None = None,
) -> ZygoteFact:
    """The zygote of an image, as soon as it is in a state; with ``but`` as another process."""
    asked = f"kernelspec/{image}" if "/" not in image else image

    def fits(one: ZygoteFact) -> bool:
        mine = asked in one.images and one.preload == list(preload) and one.trust == trust
        return mine and one.state == state and (but is None or one.pid != but)

    return await wait_until_told(agent, fits)


async def wait_until_told(agent: AgentProcess, fits: Callable[[ZygoteFact], bool]) -> ZygoteFact:
    """Ask again and again until a zygote fits."""
    seen: list[ZygoteFact] = []
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                seen = (await zygotes(agent)).zygotes
                if found := next(filter(fits, seen), None):
                    return found
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"no such zygote: {seen}") from None


async def warmed_up(agent: AgentProcess, image: str = "python3", **order: object) -> ZygoteFact:
    """Let a kernel be started as a new program, so that the next one of its sort can be forked."""
    kernel = await agent.launch(image, **order)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    await agent.done(link.Stop(kernel, "only to prepare"))
    fields = LaunchOrder(
        **{"kernel_id": kernel, "attempt": 1, "provider": "", "image": image, **order}
    )
    return await zygote_of(agent, image, preload=tuple(fields.preload), trust=fields.trust)


def is_forked(agent: AgentProcess, kernel_id: str) -> bool:
    """Whether the process of a kernel that has been started was forked."""
    return bool(json.loads((agent.folder(kernel_id) / "process.json").read_bytes())["forked"])


def all_are_forked(agent: AgentProcess) -> bool:
    """Whether that is so of every kernel that the agent has started."""
    kernels = [path.parent.name for path in agent.data_dir.glob("agent/kernels/*/process.json")]
    return bool(kernels) and all(is_forked(agent, one) for one in kernels)


async def said(agent: AgentProcess, kernel_id: str, code: str, seq: int = 1) -> str:
    """What some code prints on a kernel."""
    await agent.submit(kernel_id, code, first=seq)
    return stdout_of(await agent.records(kernel_id, until=ended(seq)), seq).strip()


def is_alive(pid: int | None) -> bool:
    """Whether there is such a process, and not only a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
