"""An interrupt reaches everything that the code has started in its process group."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from kernelyard.agent.belongings import ProcessTable
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Cancellation
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    of_kind,
    says,
    stdout_of,
    wait_until,
)

IPYKERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


async def test_child_processes_of_the_code_are_interrupted_with_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, '-c', 'import time; print("child", flush=True); time.sleep(600)'],
    stdout=subprocess.PIPE,
)
print(child.stdout.readline().decode(), flush=True)
child.wait()
"""
    await agent.submit(kernel, code, "print(child.wait(20) is not None)")
    await agent.records(kernel, until=says("child"))
    await agent.ask(link.Interrupt(kernel))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["error"]["name"] == "KeyboardInterrupt"
    assert stdout_of(records, 2) == "True\n"
    table = ProcessTable()
    await wait_until(lambda: len(table.processes_of(kernel, fresh=True)) == 1)


async def test_an_interrupt_says_what_it_achieved_and_everybody_learns_of_it(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    idle = await agent.ask(link.Interrupt(kernel, "ann", "a try"))
    assert idle == link.Interrupted(InterruptOutcome.DELIVERED)
    await agent.submit(kernel, "import time; print('x', flush=True); time.sleep(600)")
    await agent.records(kernel, until=says("x"))
    effective = await agent.ask(link.Interrupt(kernel, "ann"))
    assert effective == link.Interrupted(InterruptOutcome.EFFECTIVE)
    records = await agent.records(
        kernel, until=lambda one: _told(one).get("outcome") == "effective"
    )
    told = [_told(one) for one in records if one.kind is RecordKind.KERNEL_INTERRUPTED]
    assert [(one["by"], one["outcome"]) for one in told] == [
        ("ann", "delivered"),
        ("ann", "effective"),
    ]
    assert told[0]["reason"] == "interrupted by ann: a try (delivered)"


async def test_code_that_takes_no_interrupt_is_not_said_to_have_stopped(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    deaf = "import signal, time; signal.signal(2, signal.SIG_IGN); print('x', flush=True)\n"
    await agent.submit(kernel, deaf + "time.sleep(600)")
    await agent.records(kernel, until=says("x"))
    answer = await agent.ask(link.Interrupt(kernel, "ann"))
    assert answer == link.Interrupted(InterruptOutcome.DELIVERED)


async def test_a_kernel_that_an_interrupt_would_end_is_not_interrupted(tmp_path: Path) -> None:
    spec = {"argv": IPYKERNEL, "display_name": "x", "language": "python"}
    quirks = {"interrupt": "none", "lethal_interrupt": True}
    place = tmp_path / "jupyter" / "kernels" / "frail"
    place.mkdir(parents=True)
    text = json.dumps({**spec, "metadata": {"kernelyard": quirks}})
    (place / "kernel.json").write_text(text)
    agent = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")})
    await agent.start()
    try:
        kernel = await agent.launch("frail")
        code = "import time\nprint('x', flush=True)\ntime.sleep(0.1)\nprint('done')"
        await agent.submit(kernel, code)
        await agent.records(kernel, until=says("x"))
        answer = await agent.ask(link.Interrupt(kernel, "ann"))
        assert answer == link.Interrupted(InterruptOutcome.WOULD_KILL)
        records = await agent.records(kernel, until=ended(1))
        assert end_of(records, 1)["state"] == "succeeded"
        # Where a restart is allowed, no interrupt is waited for that would be none.
        tasks = await agent.submit(
            kernel, "print('y', flush=True)\ntime.sleep(600)", "print('on')", first=2
        )
        await agent.records(kernel, until=says("y"))
        how = Cancellation(allow_restart=True, grace_seconds=600.0)
        await agent.done(link.Cancel(kernel, tasks[0].task_id, 2, "no", how))
        records = await agent.records(kernel, until=ended(3))
        assert end_of(records, 2)["stopped_by"] == "restart"
        assert stdout_of(records, 3) == "on\n"
    finally:
        await agent.clean_up()


async def test_a_signal_reaches_the_code_and_everybody_learns_of_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = (
        "import signal, threading\n"
        "come = threading.Event()\n"
        "signal.signal(signal.SIGUSR1, lambda *_: come.set())\n"
        "print('ready', flush=True)\n"
        "import time\n"
        "while not come.is_set(): time.sleep(0.01)\n"
        "print('heard')"
    )
    await agent.submit(kernel, code)
    await agent.records(kernel, until=says("ready"))
    answer = await agent.ask(link.Signal(kernel, int(signal.SIGUSR1), "ann", "to see"))
    assert answer == link.Signalled(delivered=True)
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "ready\nheard\n"
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_SIGNALLED))
    told = _told(records[-1])
    assert (told["by"], told["signal"], told["delivered"]) == ("ann", "SIGUSR1", True)


async def test_a_restart_says_who_wanted_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    await agent.done(link.Restart(kernel, 2, "restarted by ann", "ann"))
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_RESTARTING))
    assert _told(records[-1])["by"] == "ann"


def _told(record: Record) -> JsonObject:
    return body_of(record)
