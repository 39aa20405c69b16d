"""An agent that dies loses no kernel: the next one finds them, says what it missed, and goes on."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from kernelyard.model.projection import body_of
from kernelyard.model.records import RecordKind
from kernelyard.providers.process_identity import start_time_of
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


async def test_a_task_that_runs_on_is_followed_to_its_end(
    agent: AgentProcess, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    code = (
        "import os, time\nprint('before', flush=True)\n"
        f"while not os.path.exists({str(flag)!r}): time.sleep(0.01)\n"
        "print('after')\n1/0"
    )
    kernel = await agent.launch()
    await agent.submit(kernel, "x = 42", code, "print(x)")
    before = await agent.records(kernel, until=says("before"))
    agent.kill()
    await agent.start()
    assert kernel in (await agent.ask(link.Hello())).kernels
    flag.touch()
    records = await agent.records(kernel, until=ended(3))
    assert records[: len(before)] == before
    assert has_no_holes(records)
    assert stdout_of(records, 2) == "before\nafter\n"
    assert end_of(records, 2)["state"] == "failed"
    assert end_of(records, 2)["error"]["name"] == "ZeroDivisionError"
    assert stdout_of(records, 3) == "42\n"
    (gap,) = [record for record in records if record.kind is RecordKind.GAP]
    assert 0 < body_of(gap)["from"] < body_of(gap)["to"]
    assert gap.seq == 2, "who reads the task alone must see that something is missing"
    ready = [record for record in records if record.kind is RecordKind.KERNEL_READY]
    assert len(ready) == 1


async def test_a_task_that_ended_unheard_is_lost_and_the_queue_goes_on(
    agent: AgentProcess, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    code = (
        "import time\nprint('before', flush=True)\ntime.sleep(0.5)\n"
        f"y = 7\nopen({str(done)!r}, 'w').close()"
    )
    kernel = await agent.launch()
    await agent.submit(kernel, code, "print(y)")
    await agent.records(kernel, until=says("before"))
    agent.kill()
    await wait_until(done.exists)
    await agent.start()
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] in ("lost", "succeeded")
    if end_of(records, 1)["state"] == "lost":
        assert "nobody listened" in end_of(records, 1)["reason"]
    assert stdout_of(records, 1) == "before\n"
    assert stdout_of(records, 2) == "7\n"


async def test_a_kernel_that_died_meanwhile_is_told_dead(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "print('x', flush=True); import time; time.sleep(600)", "1")
    records = await agent.records(kernel, until=says("x"))
    (launched,) = filter(of_kind(RecordKind.KERNEL_LAUNCHED), records)
    agent.kill()
    os.killpg(body_of(launched)["pid"], signal.SIGKILL)
    await agent.start()
    records = await agent.records(kernel)
    assert end_of(records, 1)["state"] == "lost"
    assert end_of(records, 2)["state"] == "cancelled"
    assert last_body(records)["cause"] == "died"
    assert has_no_holes(records)


async def test_a_kernel_that_was_starting_becomes_ready_once(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "print('here')")
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_LAUNCHED))
    agent.kill()
    await agent.start()
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "here\n"
    assert len(list(filter(of_kind(RecordKind.KERNEL_READY), records))) == 1
    assert len(list(filter(of_kind(RecordKind.KERNEL_LAUNCHED), records))) == 1


async def test_a_kernel_found_again_can_be_cancelled_restarted_and_stopped(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    code = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
    (task,) = await agent.submit(kernel, code)
    await agent.records(kernel, until=says("begun"))
    agent.kill()
    await agent.start()
    assert await agent.ask(link.Submit(kernel, [task])) == link.Done()
    await agent.done(link.Cancel(kernel, task.task_id, 1, "no"))
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["state"] == "cancelled"
    reply = await agent.ask(link.Cancel(kernel, task.task_id, 1, "again"))
    assert fault_in(reply).code == "task_finished"
    await agent.done(link.Restart(kernel, 2, "restarted"))
    await agent.submit(kernel, "print('anew')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 2) == "anew\n"
    await agent.done(link.Stop(kernel, "enough"))
    assert last_body(await agent.records(kernel))["cause"] == "asked"


async def test_an_agent_that_is_told_to_end_leaves_its_kernels_alive(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "x = 1")
    await agent.records(kernel, until=ended(1))
    assert agent.terminate() == 0
    await agent.start()
    await agent.submit(kernel, "print(x)", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 2) == "1\n"


async def test_a_torn_journal_is_cut_and_goes_on(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "print('x')")
    before = await agent.records(kernel, until=ended(1))
    agent.kill()
    with (agent.folder(kernel) / "journal").open("ab") as file:
        file.write(b"\x40\0\0\0torn")
    await agent.start()
    await agent.submit(kernel, "print('y')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert records[: len(before)] == before
    assert has_no_holes(records)


async def test_a_second_agent_of_one_directory_refuses(agent: AgentProcess) -> None:
    second = AgentProcess(agent.data_dir)
    with pytest.raises(ProcessLookupError, match="status 3"):
        await second.start()
    assert isinstance(await agent.ask(link.Hello()), link.AgentInfo)


async def test_a_kernel_whose_journal_is_damaged_is_ended_and_runs_nothing_twice(
    agent: AgentProcess, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    kernel = await agent.launch()
    code = f"open({str(marks)!r}, 'a').write('x')"
    await agent.submit(kernel, code, code)
    await agent.records(kernel, until=ended(2))
    pid = json.loads((agent.folder(kernel) / "process.json").read_bytes())["pid"]
    agent.kill()
    journal = agent.folder(kernel) / "journal"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    journal.write_bytes(content)
    await agent.start()
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_ENDED))
    assert has_no_holes(records)
    told = body_of(records[-1])
    assert told["cause"] == "agent_lost"
    assert "damaged" in str(told["reason"])
    assert marks.read_text() == "xx"
    await wait_until(lambda: not Path(f"/proc/{pid}/exe").exists())
    assert (agent.folder(kernel) / "journal.corrupt-1").exists()


async def test_a_kernel_whose_recovery_fails_unexpectedly_ends_and_says_so(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    noted = agent.folder(kernel) / "process.json"
    record = json.loads(noted.read_bytes())
    agent.kill()
    noted.write_text(json.dumps({**record, "pid": 2**62}))
    await agent.start()
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "agent_lost"
    assert "failed to find it again: OverflowError" in end["reason"]
    await wait_until(lambda: start_time_of(record["pid"]) != record["start_time"])
    noted.write_text(json.dumps(record))
