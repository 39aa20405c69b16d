"""A kernel goes on, and its agent can die, after the head of its journal was cut away."""

from __future__ import annotations

from pathlib import Path

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

PRINT_MUCH = "for n in range(200): print(n, 'x' * 2000, flush=True)"


def taken(path: Path) -> int:
    return path.stat().st_blocks * 512


async def test_a_live_kernel_goes_on_behind_the_cut_and_is_found_again(
    agent: AgentProcess, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    kernel = await agent.launch()
    wait = (
        f"import os, time\nprint('waits')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    )
    tasks = await agent.submit(
        kernel, f"{PRINT_MUCH}\nruns = 1", f"runs += 1\n{wait}", "print(runs)"
    )
    records = await agent.records(kernel, until=says("waits"))
    journal = agent.folder(kernel) / "journal"
    before = taken(journal)
    (first_end,) = filter(ended(1), records)
    await agent.done(link.Stored(kernel, first_end.number))
    assert taken(journal) < before - 300_000
    gone = fault_in(await agent.ask(link.Follow(kernel, 0)))
    assert (gone.code, gone.first) == ("records_gone", first_end.number)
    agent.kill()
    await agent.start()
    assert fault_in(await agent.ask(link.Follow(kernel, 0))) == gone
    again = await agent.ask(link.Follow(kernel, first_end.number, first_end.at))
    assert isinstance(again, link.Done)
    await agent.done(link.Submit(kernel, tasks))
    go.touch()
    rest = await agent.records(kernel, after=first_end.number, until=ended(3))
    assert has_no_holes(rest, first_end.number)
    assert end_of(rest, 2)["state"] == "succeeded"
    assert stdout_of(rest, 3) == "2\n"
    assert [one.seq for one in rest if one.kind is RecordKind.STARTED] == [2, 3]


async def test_a_kernel_whose_checkpoint_is_torn_is_ended_and_runs_nothing_twice(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    tasks = await agent.submit(kernel, PRINT_MUCH, "print('second')")
    records = await agent.records(kernel, until=ended(2))
    (first_end,) = filter(ended(1), records)
    await agent.done(link.Stored(kernel, first_end.number))
    agent.kill()
    checkpoint = agent.folder(kernel) / "checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    await agent.start()
    rest = await agent.records(kernel, after=first_end.number)
    assert rest[: len(records) - first_end.number] == records[first_end.number :]
    assert last_body(rest)["cause"] == "agent_lost"
    assert "journal was damaged" in str(last_body(rest)["reason"])
    assert not [one for one in rest if one.kind is RecordKind.STARTED and one.seq == 1]
    assert fault_in(await agent.ask(link.Submit(kernel, tasks))).code == "kernel_ended"


async def test_whoever_follows_slowly_is_not_overtaken(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    connection = await agent.connect()
    following = connection.follow(kernel, 0)
    begun = [await anext(following)]
    await agent.submit(kernel, PRINT_MUCH)
    records = await agent.records(kernel, until=ended(1))
    await agent.done(link.Stored(kernel, records[-1].number))
    async for record in following:
        begun.append(record)
        if record.number == records[-1].number:
            break
    assert begun == records
    connection.close()


async def test_of_an_ended_kernel_all_but_the_last_record_is_given_back(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, f"{PRINT_MUCH}\nopen('result', 'w').write('kept')")
    await agent.records(kernel, until=ended(1))
    await agent.done(link.Stop(kernel, "enough"))
    records = await agent.records(kernel)
    folder = agent.folder(kernel)
    await wait_until(lambda: (folder / "ended.json").exists())
    last = records[-1]
    for _ in range(2):
        await agent.done(link.Stored(kernel, last.number))
        assert taken(folder / "journal") <= 8192
    assert (folder / "work" / "result").read_text() == "kept"
    assert await agent.records(kernel, after=last.number - 1) == [last]
    assert await agent.records(kernel, after=last.number) == []
    agent.kill()
    await agent.start()
    assert await agent.records(kernel, after=last.number - 1) == [last]
    await agent.done(link.Stored(kernel, last.number))
    await agent.done(link.Forget(kernel))
    assert not folder.exists()
    assert fault_in(await agent.ask(link.Stored(kernel, 1))).code == "kernel_not_found"


async def test_what_was_never_written_cannot_have_been_stored(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    ready = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    for number in (ready[-1].number + 1000, -1):
        assert fault_in(await agent.ask(link.Stored(kernel, number))).code == "invalid"
    again: list[Record] = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert again == ready
