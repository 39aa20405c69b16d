"""Plain clients join an attached kernel by a bridge, too, and cannot end what is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.model.records import RecordKind
from kernelyard.wire.foreign import Deposit, foreign_connection

from tests.support.agent_process import AgentProcess, of_kind
from tests.support.foreign_kernel import ForeignKernel
from tests.support.plain_client import PlainClient, bridge_of


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[ForeignKernel]:
    with ForeignKernel(tmp_path / "kernel.json") as kernel:
        yield kernel


async def test_a_client_joins_is_told_of_the_death_and_may_not_end_it(
    agent: AgentProcess, kernel: ForeignKernel
) -> None:
    mine = str(uuid4())
    connection = foreign_connection(kernel.file.read_bytes())
    await agent.done(Deposit(kernel_id=mine, connection=connection))
    await agent.launch("python3", provider="foreign", kernel_id=mine, owned=False)
    await agent.records(mine, until=of_kind(RecordKind.KERNEL_READY))
    client = PlainClient(await bridge_of(agent, mine))
    try:
        await client.ready()
        assert (await client.run("print(6 * 7)")).stdout == "42\n"
        refused = await client.ask_nanny("shutdown_request", restart=False)
        assert (refused["status"], refused["ename"]) == ("error", "Forbidden")
        assert (await client.run("print('still here')")).stdout == "still here\n"
        client.send("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        assert (await client.told("kernel_died"))["cause"] == "died"
    finally:
        client.close()
