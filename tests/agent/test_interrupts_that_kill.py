"""An interrupt that ends its kernel is answered, and stands in the journal before that end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.projection import body_of
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, of_kind, says

FRAGILE = """
import os
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp

class Fragile(IPythonKernel):
    async def interrupt_request(self, *_):
        os._exit(7)

IPKernelApp.launch_instance(kernel_class=Fragile)
"""


@pytest.mark.parametrize("busy", [False, True])
async def test_an_interrupt_by_message_that_ends_its_kernel_says_so(
    tmp_path: Path, busy: bool
) -> None:
    place = tmp_path / "jupyter" / "kernels" / "fragile"
    place.mkdir(parents=True)
    argv = [sys.executable, "-c", FRAGILE, "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "x", "language": "python", "interrupt_mode": "message"}
    (place / "kernel.json").write_text(json.dumps(spec))
    agent = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")})
    await agent.start()
    try:
        kernel = await agent.launch("fragile")
        if busy:
            await agent.submit(kernel, "import time; print('x', flush=True); time.sleep(600)")
            await agent.records(kernel, until=says("x"))
        else:
            await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
        answer = await agent.ask(link.Interrupt(kernel, "ann"))
        assert answer == link.Interrupted(InterruptOutcome.KILLED)
        records = await agent.records(kernel)
        told = [body_of(one) for one in records if one.kind is RecordKind.KERNEL_INTERRUPTED]
        assert [(one["by"], one["outcome"]) for one in told] == [("ann", "killed")]
        assert body_of(records[-1])["exit_code"] == 7
    finally:
        await agent.clean_up()


async def test_a_signal_that_ends_its_kernel_stands_before_the_end(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert await agent.ask(link.Signal(kernel, 9, "ann")) == link.Signalled(delivered=True)
    records = await agent.records(kernel)
    assert RecordKind.KERNEL_SIGNALLED in [one.kind for one in records]
    assert body_of(records[-1])["signal"] == "SIGKILL"
