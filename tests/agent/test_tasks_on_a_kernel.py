"""Tasks on a real kernel: in order, each to its true end, with all they said."""

from __future__ import annotations

from uuid import uuid4

from kernelyard.model.projection import body_of
from kernelyard.model.records import RecordKind
from kernelyard.model.tasks import Assignment
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    fault_in,
    has_no_holes,
    of_kind,
    started,
    stdout_of,
)


async def test_code_queued_before_the_kernel_is_up_runs_in_order_and_says_everything(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "x = 20; print('one')", "x + 1", "raise ValueError('no')", "x")
    records = await agent.records(kernel, until=ended(4))
    kinds = [record.kind for record in records if record.seq == 0]
    assert kinds[0] is RecordKind.KERNEL_LAUNCHED
    assert kinds[-1] is RecordKind.KERNEL_READY
    assert has_no_holes(records)
    tasks = [record.seq for record in records if record.seq]
    assert tasks == sorted(tasks)
    assert stdout_of(records, 1) == "one\n"
    (result,) = [r for r in records if r.seq == 2 and r.kind is RecordKind.EXECUTE_RESULT]
    assert body_of(result)["data"] == {"text/plain": "21"}
    failed = end_of(records, 3)
    assert failed["state"] == "failed"
    assert failed["error"]["name"] == "ValueError"
    assert failed["error"]["value"] == "no"
    assert any("ValueError" in line for line in failed["error"]["traceback"])
    assert [end_of(records, seq)["state"] for seq in (1, 2, 4)] == ["succeeded"] * 3
    assert end_of(records, 4)["execution_count"] == 4


async def test_the_end_of_a_task_is_its_last_record(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "for i in range(3000): print(i)", "display(1)\n2")
    records = await agent.records(kernel, until=ended(2))
    for seq in (1, 2):
        mine = [record for record in records if record.seq == seq]
        assert mine[0].kind is RecordKind.STARTED
        assert mine[-1].kind is RecordKind.ENDED
    assert stdout_of(records, 1) == "".join(f"{i}\n" for i in range(3000))


async def test_a_task_handed_over_twice_runs_once(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    tasks = await agent.submit(kernel, "print('once')")
    await agent.done(link.Submit(kernel, tasks))
    await agent.records(kernel, until=ended(1))
    await agent.done(link.Submit(kernel, tasks))
    await agent.submit(kernel, "print('next')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert len([record for record in records if record.kind is RecordKind.STARTED]) == 2
    assert stdout_of(records, 1) == "once\n"


async def test_a_running_task_that_is_cancelled_keeps_its_output_and_the_next_one_runs(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    code = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
    tasks = await agent.submit(kernel, code, "print('next')")
    await agent.records(kernel, until=of_kind(RecordKind.STREAM))
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "cancelled by Ada"))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "cancelled"
    assert end_of(records, 1)["reason"] == "cancelled by Ada"
    assert stdout_of(records, 1) == "begun\n"
    assert not [r for r in records if r.seq == 1 and r.kind is RecordKind.ERROR]
    assert stdout_of(records, 2) == "next\n"


async def test_a_task_cancelled_in_the_moment_it_starts_is_interrupted_all_the_same(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    (task,) = await agent.submit(kernel, "import time; time.sleep(600)")
    await agent.records(kernel, until=started(1))
    await agent.done(link.Cancel(kernel, task.task_id, 1, "no"))
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["state"] == "cancelled"


async def test_a_task_that_outlives_its_interrupt_is_what_it_ends_as(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = (
        "import time\n"
        "try:\n    print('begun', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('caught')"
    )
    (task,) = await agent.submit(kernel, code)
    await agent.records(kernel, until=of_kind(RecordKind.STREAM))
    await agent.done(link.Cancel(kernel, task.task_id, 1, "no"))
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["state"] == "succeeded"
    assert stdout_of(records, 1) == "begun\ncaught\n"


async def test_a_queued_task_that_is_cancelled_never_starts(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    tasks = await agent.submit(
        kernel, "import time; time.sleep(0.5)", "print('no')", "print('yes')"
    )
    await agent.done(link.Cancel(kernel, tasks[1].task_id, 2, "not wanted"))
    records = await agent.records(kernel, until=ended(3))
    assert [r.kind for r in records if r.seq == 2] == [RecordKind.ENDED]
    assert end_of(records, 2)["state"] == "cancelled"
    assert stdout_of(records, 3) == "yes\n"


async def test_a_finished_task_cannot_be_cancelled(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    (task,) = await agent.submit(kernel, "1")
    await agent.records(kernel, until=ended(1))
    reply = await agent.ask(link.Cancel(kernel, task.task_id, 1, "too late"))
    assert fault_in(reply).code == "task_finished"


async def test_a_task_cancelled_before_it_comes_is_cancelled_when_it_comes(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    early = Assignment(task_id=str(uuid4()), seq=1, code="print('no')")
    await agent.done(link.Cancel(kernel, early.task_id, 1, "changed my mind"))
    await agent.done(link.Submit(kernel, [early]))
    await agent.submit(kernel, "print('yes')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert [r.kind for r in records if r.seq == 1] == [RecordKind.ENDED]
    assert end_of(records, 1)["reason"] == "changed my mind"


async def test_code_that_asks_for_input_fails_and_says_what_to_do(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "input('name? ')", "print('next')")
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "failed"
    assert end_of(records, 1)["error"]["name"] == "StdinNotImplementedError"
    assert "nobody can answer a prompt here yet" in end_of(records, 1)["reason"]
    assert stdout_of(records, 2) == "next\n"


async def test_an_interrupt_without_a_cancel_shows_what_it_did(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    assert fault_in(await agent.ask(link.Interrupt(kernel))).code == "kernel_not_running"
    await agent.submit(kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)")
    await agent.records(kernel, until=of_kind(RecordKind.STREAM))
    await agent.ask(link.Interrupt(kernel))
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["state"] == "failed"
    assert end_of(records, 1)["error"]["name"] == "KeyboardInterrupt"


async def test_output_over_the_limit_is_cut_and_the_cut_is_recorded(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = "for i in range(200): print('x' * 999, flush=True)"
    await agent.submit(kernel, code, limit=50_000)
    await agent.submit(kernel, "print('whole')", first=2, limit=50_000)
    records = await agent.records(kernel, until=ended(2))
    mine = [record for record in records if record.seq == 1]
    assert mine[-2].kind is RecordKind.CUT
    cut = body_of(mine[-2])
    outputs = [record for record in mine if record.kind is RecordKind.STREAM]
    kept = sum(len(record.body) for record in outputs)
    assert 49_000 <= kept <= 50_500
    assert cut["messages"] >= 100
    assert cut["bytes"] + kept >= 200 * 1000
    assert end_of(records, 1)["state"] == "succeeded"
    assert stdout_of(records, 2) == "whole\n"


async def test_a_hundred_megabytes_arrive_whole(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "for i in range(100): print(chr(97 + i % 26) * 999_999)")
    records = await agent.records(kernel, until=ended(1))
    text = stdout_of(records, 1)
    assert len(text) == 100_000_000
    assert [line[0] for line in text.splitlines()] == [chr(97 + i % 26) for i in range(100)]


async def test_output_of_a_thread_after_its_task_ended_belongs_to_the_kernel(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    code = (
        "import threading\ngo = threading.Event()\n"
        "t = threading.Thread(target=lambda: (go.wait(), print('late', flush=True)))\nt.start()"
    )
    await agent.submit(kernel, code, "go.set(); t.join()", "1")
    records = await agent.records(kernel, until=ended(3))
    (late,) = [r for r in records if r.kind is RecordKind.STREAM and "late" in body_of(r)["text"]]
    assert late.seq in (0, 2), "it must not follow the end of task 1 under its number"
