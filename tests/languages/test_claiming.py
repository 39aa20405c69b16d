"""A kernel of any language may wait in a pool; one that cannot take up variables is started anew with them."""

from __future__ import annotations

import pytest

from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.interventions import Claim

from tests.languages.languages import Language
from tests.support.agent_process import AgentProcess, ended, of_kind, stdout_of

pytestmark = pytest.mark.journey


async def claimed(agent: AgentProcess, language: Language, **order: object) -> list[Record]:
    """What the journal has of a kernel that has waited, was claimed, and has run something."""
    kernel_id = await agent.launch(language.name, pooled=True)
    await agent.records(kernel_id, until=of_kind(RecordKind.KERNEL_READY))
    named = {"kernel_id": kernel_id, "attempt": 1, "provider": "kernelspec"}
    await agent.done(Claim(LaunchOrder(**named, image=language.name, **order)))
    await agent.submit(kernel_id, language.says["prints"])
    return await agent.records(kernel_id, until=ended(1))


def restarts(records: list[Record]) -> int:
    """How often it was started anew."""
    return sum(one.kind is RecordKind.KERNEL_RESTARTING for one in records)


async def test_a_claim_that_asks_for_nothing(agent: AgentProcess, language: Language) -> None:
    records = await claimed(agent, language)
    assert "42" in stdout_of(records, 1)
    assert restarts(records) == 0


async def test_a_claim_with_a_variable(agent: AgentProcess, language: Language) -> None:
    records = await claimed(agent, language, environment={"GREETING": "hello"})
    assert "42" in stdout_of(records, 1)
    assert restarts(records) == (0 if language.name == "ipykernel" else 1)
