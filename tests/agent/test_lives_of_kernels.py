"""The life of a kernel: its end is told truthfully, and every open task gets an end with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from uuid import uuid4

from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    fault_in,
    has_no_holes,
    last_body,
    of_kind,
    says,
    stdout_of,
    wait_until,
)

BUSY = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


def pid_in(records: list[Record]) -> int:
    """The pid that the journal tells, of the last start."""
    told = [body_of(r)["pid"] for r in records if r.kind is RecordKind.KERNEL_LAUNCHED]
    return int(told[-1])


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_kernel_that_is_killed_loses_what_ran_and_keeps_what_it_said(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, BUSY, "print('never')")
    records = await agent.records(kernel, until=says("begun"))
    os.kill(pid_in(records), signal.SIGKILL)
    records = await agent.records(kernel)
    assert end_of(records, 1)["state"] == "lost"
    assert "killed by SIGKILL" in end_of(records, 1)["reason"]
    assert stdout_of(records, 1) == "begun\n"
    assert end_of(records, 2)["state"] == "cancelled"
    assert "never ran" in end_of(records, 2)["reason"]
    assert [r.kind for r in records if r.seq == 2] == [RecordKind.ENDED]
    end = last_body(records)
    assert (end["cause"], end["signal"]) == ("died", "SIGKILL")
    assert end["reason"] == "killed by SIGKILL"
    assert has_no_holes(records)


async def test_a_kernel_that_exits_by_itself_tells_its_code(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "import os\nos._exit(3)")
    records = await agent.records(kernel)
    assert end_of(records, 1)["state"] == "lost"
    end = last_body(records)
    assert (end["cause"], end["exit_code"]) == ("died", 3)
    assert end["reason"].startswith("exited by itself with code 3")
    reply = await agent.ask(link.Submit(kernel, []))
    assert fault_in(reply).code == "kernel_ended"


async def test_output_said_just_before_death_is_kept(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = (
        "import os, time\n"
        "for i in range(5000): print(i)\n"
        "import sys; sys.stdout.flush(); time.sleep(0.3); os.kill(os.getpid(), 9)"
    )
    await agent.submit(kernel, code)
    records = await agent.records(kernel)
    assert stdout_of(records, 1) == "".join(f"{i}\n" for i in range(5000))
    assert end_of(records, 1)["state"] == "lost"


async def test_stopping_settles_the_tasks_first_and_ends_the_process(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, BUSY, "1")
    pid = pid_in(await agent.records(kernel, until=says("begun")))
    await agent.done(link.Stop(kernel, "terminated by Ada"))
    records = await agent.records(kernel)
    kinds = [record.kind for record in records]
    assert end_of(records, 1)["state"] == end_of(records, 2)["state"] == "cancelled"
    assert "terminated by Ada" in end_of(records, 1)["reason"]
    assert kinds.index(RecordKind.KERNEL_STOPPING) > kinds.index(RecordKind.ENDED)
    assert last_body(records)["cause"] == "asked"
    assert last_body(records)["reason"] == "terminated by Ada"
    await wait_until(lambda: not is_alive(pid))
    assert not list(agent.folder(kernel).glob("connection-*"))
    assert (agent.folder(kernel) / "work").is_dir()


async def test_stopping_while_it_starts_ends_it_too(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.done(link.Stop(kernel, "no longer wanted"))
    await agent.done(link.Stop(kernel, "asked twice"))
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "asked"
    assert last_body(records)["reason"] == "no longer wanted"


async def test_stopping_a_kernel_that_never_came_leaves_a_journal_that_says_it_ended(
    agent: AgentProcess,
) -> None:
    kernel = str(uuid4())
    await agent.done(link.Stop(kernel, "no longer wanted"))
    await agent.done(link.Stop(kernel, "no longer wanted"))
    records = await agent.records(kernel)
    assert [record.kind for record in records] == [RecordKind.KERNEL_ENDED]
    assert last_body(records)["cause"] == "asked"


async def test_a_restart_ends_what_runs_keeps_what_waits_and_forgets_the_variables(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    code = "x = 1; open('kept.txt', 'w').write('here')\n" + BUSY
    await agent.submit(kernel, code, "print('x' in globals(), open('kept.txt').read())")
    first = pid_in(await agent.records(kernel, until=says("begun")))
    await agent.done(link.Restart(kernel, 2, "restarted by Ada"))
    await agent.done(link.Restart(kernel, 2, "asked twice"))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "cancelled"
    assert end_of(records, 1)["reason"] == "the kernel was restarted"
    assert stdout_of(records, 2) == "False here\n"
    marks = [
        (r.kind, body_of(r)["attempt"]) for r in records if r.seq == 0 and b"attempt" in r.body
    ]
    assert marks == [
        (RecordKind.KERNEL_LAUNCHED, 1),
        (RecordKind.KERNEL_READY, 1),
        (RecordKind.KERNEL_RESTARTING, 2),
        (RecordKind.KERNEL_LAUNCHED, 2),
        (RecordKind.KERNEL_READY, 2),
    ]
    assert pid_in(records) != first
    await wait_until(lambda: not is_alive(first))


async def test_a_restart_while_it_starts_gives_one_ready_kernel(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.done(link.Restart(kernel, 2, "at once"))
    await agent.submit(kernel, "print('here')")
    records = await agent.records(kernel, until=ended(1))
    ready = [body_of(r)["attempt"] for r in records if r.kind is RecordKind.KERNEL_READY]
    assert ready == [2]
    assert stdout_of(records, 1) == "here\n"


async def test_launching_again_changes_nothing(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.launch(kernel_id=kernel)
    await agent.submit(kernel, "1")
    records = await agent.records(kernel, until=ended(1))
    assert len([r for r in records if r.kind is RecordKind.KERNEL_LAUNCHED]) == 1


async def test_a_kernel_with_nothing_to_do_ends_after_its_idle_time(agent: AgentProcess) -> None:
    kernel = await agent.launch(max_idle_seconds=1.0)
    await agent.submit(kernel, "import time; time.sleep(1.2)")
    records = await agent.records(kernel)
    assert end_of(records, 1)["state"] == "succeeded"
    assert last_body(records)["cause"] == "idle"
    assert last_body(records)["reason"] == "idle for 1s, the limit of its template"


async def test_the_environment_is_the_agents_and_the_orders_without_our_secrets(
    tmp_path: Path,
) -> None:
    secrets = {"KERNELYARD_ADMIN_TOKEN": "secret", "JPY_PARENT_PID": "1", "FROM_AGENT": "yes"}
    agent = AgentProcess(tmp_path / "data", env=secrets)
    try:
        await agent.start()
        kernel = await agent.launch(environment={"FROM_ORDER": "yes", "FROM_AGENT": "overridden"})
        names = [*secrets, "FROM_ORDER"]
        await agent.submit(kernel, f"import os; print([os.environ.get(n) for n in {names}])")
        records = await agent.records(kernel, until=ended(1))
        assert stdout_of(records, 1) == "[None, None, 'overridden', 'yes']\n"
    finally:
        await agent.clean_up()


async def test_forgetting_removes_every_trace(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    pid = pid_in(await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY)))
    await agent.done(link.Forget(kernel))
    assert not agent.folder(kernel).exists()
    assert not is_alive(pid)
    assert fault_in(await agent.ask(link.Stop("../../etc", "x"))).code == "invalid"
    await agent.done(link.Forget(kernel))
    reply = await agent.ask(link.Submit(kernel, []))
    assert fault_in(reply).code == "kernel_not_found"
