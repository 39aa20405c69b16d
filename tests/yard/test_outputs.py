"""A late follower sees everything · one that resumes sees nothing twice · the end is data."""

from __future__ import annotations

import asyncio

import pytest

from kernelyard.model.errors import CursorBeyondEnd, Invalid, TaskNotFound, Unavailable
from kernelyard.model.records import RecordKind

from tests.support.yard_house import ANN, BEN, YardHouse


async def test_a_late_follower_sees_everything(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "lines:50\ndisplay:picture")
    await house.ended(task)
    kinds = [record.kind for record in await house.records(task)]
    assert kinds[0] is RecordKind.STARTED
    assert kinds[-1] is RecordKind.ENDED
    assert kinds.count(RecordKind.STREAM) == 50
    assert RecordKind.DISPLAY_DATA in kinds


async def test_a_follower_that_resumes_anywhere_sees_the_rest_and_nothing_twice(
    house: YardHouse,
) -> None:
    task = await house.task(await house.kernel(), "lines:30")
    whole = await house.records(task)
    for stop in range(0, len(whole), 7):
        after = whole[stop].number
        assert await house.records(task, after) == whole[stop + 1 :]


async def test_a_follower_of_a_running_task_waits_for_what_is_to_come(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "print:first\nwait:go\nprint:second")
    following = await house.yard.outputs.follow(ANN, task.id, 0)
    texts: list[bytes] = []
    async for batch in following:
        texts += [record.body for record in batch if record.kind is RecordKind.STREAM]
        if len(texts) == 1:
            house.agent.gates.release("go")
    assert [b"first" in texts[0], b"second" in texts[1]] == [True, True]


async def test_a_queued_task_can_be_followed_before_it_starts(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.task(kernel, "wait:go")
    queued = await house.task(kernel, "print:mine")
    following = asyncio.create_task(house.records(queued))
    house.agent.gates.release("go")
    records = await following
    assert {record.seq for record in records} == {queued.seq}
    assert records[-1].kind is RecordKind.ENDED


async def test_pages_say_where_to_go_on_and_when_they_are_complete(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "lines:25")
    await house.ended(task)
    numbers: list[int] = []
    after, complete = 0, False
    while not complete:
        page = await house.yard.outputs.page(ANN, task.id, after, 10)
        numbers += [record.number for record in page.records]
        after, complete = page.last, page.complete
    assert numbers == [record.number for record in await house.records(task)]


async def test_a_page_of_a_running_task_is_not_complete(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "print:x\nhang")
    following = await house.yard.outputs.follow(ANN, task.id, 0)
    async for batch in following:
        if any(record.kind is RecordKind.STREAM for record in batch):
            break
    page = await house.yard.outputs.page(ANN, task.id, 0, 100)
    assert not page.complete


async def test_a_result_puts_everything_together(house: YardHouse) -> None:
    task = await house.task(
        await house.kernel(), "print:a\nwarn:b\nprint:c\ndisplay:d\nresult:42\ncut:7"
    )
    await house.ended(task)
    whole = await house.yard.outputs.result(ANN, task.id)
    assert (whole.stdout, whole.stderr, whole.cut_bytes) == ("a\nc\n", "b\n", 7)
    assert [display.data["text/plain"] for display in whole.displays] == ["d", "42"]
    texts = await house.yard.outputs.streams(ANN, task.id, "stderr")
    assert [text async for text in texts] == ["b\n"]


async def test_a_cursor_from_nowhere_is_refused(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "print:x")
    await house.ended(task)
    with pytest.raises(CursorBeyondEnd, match="numbered up to"):
        await house.yard.outputs.page(ANN, task.id, 10_000, 10)
    with pytest.raises(CursorBeyondEnd):
        await house.yard.outputs.follow(ANN, task.id, 10_000)
    with pytest.raises(Invalid):
        await house.yard.outputs.page(ANN, task.id, -1, 10)
    with pytest.raises(Invalid):
        await house.yard.outputs.page(ANN, task.id, 0, 0)


async def test_nobody_reads_what_belongs_to_another(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "print:secret")
    with pytest.raises(TaskNotFound):
        await house.yard.outputs.page(BEN, task.id, 0, 10)
    with pytest.raises(TaskNotFound):
        await house.yard.outputs.follow(BEN, task.id, 0)


async def test_the_journal_of_a_kernel_is_numbered_without_holes(house: YardHouse) -> None:
    kernel = await house.kernel()
    for code in ("lines:10", "raise:Oops", "print:z"):
        await house.task(kernel, code)
    await house.ended(await house.task(kernel, "print:last"))
    await house.yard.kernels.terminate(ANN, kernel.id)
    following = await house.yard.outputs.kernel_follow(ANN, kernel.id, 0)
    numbers = [record.number async for batch in following for record in batch]
    assert numbers == list(range(1, len(numbers) + 1))
    page = await house.yard.outputs.kernel_page(ANN, kernel.id, len(numbers) - 1, 10)
    assert page.complete


async def test_a_follower_is_sent_away_when_the_server_stops_and_not_told_of_an_end(
    house: YardHouse,
) -> None:
    task = await house.task(await house.kernel(), "print:x\nhang")
    await house.has_spoken(task)
    following = asyncio.create_task(house.records(task))
    waiting = asyncio.create_task(house.yard.tasks.wait(ANN, task.id, 30))
    await asyncio.sleep(0)
    house.yard.hang_up()
    with pytest.raises(Unavailable, match="Follow again"):
        await following
    assert not (await waiting).state.is_final
