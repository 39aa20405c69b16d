"""What every store does with the copies of journals."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import uuid

from kernelyard.model.json import JsonValue
from kernelyard.model.projection import project
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import FIRST_CLIENT_SEQ
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import (
    NO_KERNEL,
    NOON,
    Journal,
    append,
    kept_kernel,
    kept_tasks,
    present,
)
from kernelyard.testing.stores.opening import Opening


def a_long_journal() -> list[Record]:
    """Two tasks whose outputs are mixed with what the kernel itself says."""
    journal = Journal()
    journal.ready()
    for seq in (1, 2):
        journal.started(seq)
        for line in range(5):
            journal.said(seq, f"line {line}")
            journal.said(0, "a thread")
        journal.ended(seq)
    return journal.records


class OutputConformance(Opening):
    """Records are kept as they are, once, in order."""

    async def test_records_come_back_as_they_were(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        body = b'{"text":"\xc3\xbc \\u0000 \\ud800"}'
        records = [
            Record(number, NOON + number, number % 3, kind, body)
            for number, kind in enumerate((RecordKind.STREAM, RecordKind.GAP, RecordKind.CUT), 1)
        ]
        assert await append(store, kernel, records) == 3
        assert await store.outputs.read(kernel.no, 0) == records
        assert (await present(store, kernel)).stored_number == 3

    async def test_a_record_stored_twice_is_stored_once(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        records = a_long_journal()
        assert await append(store, kernel, records[:6]) == 6
        history = await store.kernels.history(kernel.no)
        assert await append(store, kernel, records[:6]) == 6
        assert await append(store, kernel, records[1:4]) == 6
        assert await store.outputs.read(kernel.no, 0) == records[:6]
        assert await append(store, kernel, records[3:]) == len(records)
        assert await store.outputs.read(kernel.no, 0) == records
        assert await store.kernels.history(kernel.no) == history

    async def test_whoever_appends_is_told_whether_all_of_it_was_new(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        records = a_long_journal()
        for begin, end, whole in ((0, 6, True), (0, 6, False), (3, 10, False), (10, 12, True)):
            part = records[begin:end]
            stored = await store.outputs.append(kernel.no, part, project(part))
            assert stored is not None
            assert (stored.number, stored.whole) == (end, whole)

    async def test_code_that_no_database_keeps_does_not_stop_a_journal(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        task_id = str(uuid.uuid4())
        asked: JsonValue = {"code": "a\0b\ud800", "author": "ada", "at": NOON}
        journal.add(
            RecordKind.STARTED, FIRST_CLIENT_SEQ + 3, task_id=task_id, msg_id="1", asked=asked
        )
        assert await append(store, kernel, journal.records) == 3
        assert (await store.tasks.get(task_id, None)).code == "a\N{REPLACEMENT CHARACTER}b?"

    async def test_what_comes_behind_a_hole_is_left_for_later(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        records = a_long_journal()
        assert await append(store, kernel, records[4:]) == 0
        assert await append(store, kernel, records[:2] + records[4:]) == 2
        assert await store.outputs.read(kernel.no, 0) == records[:2]
        assert await append(store, kernel, records) == len(records)

    async def test_records_of_a_kernel_that_is_not_there_are_dropped(self, store: Store) -> None:
        records = a_long_journal()
        assert await store.outputs.append(NO_KERNEL, records, project(records)) is None
        assert await store.outputs.read(NO_KERNEL, 0) == []

    async def test_each_kernel_has_its_own_records(self, store: Store) -> None:
        one, two = await kept_kernel(store), await kept_kernel(store)
        records = a_long_journal()
        await append(store, one, records)
        await append(store, two, records[:3])
        assert await store.outputs.read(one.no, 0) == records
        assert await store.outputs.read(two.no, 0) == records[:3]

    async def test_reading_goes_on_behind_a_number(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        records = a_long_journal()
        await append(store, kernel, records)
        assert await store.outputs.read(kernel.no, 4) == records[4:]
        assert await store.outputs.read(kernel.no, 4, limit=3) == records[4:7]
        assert await store.outputs.read(kernel.no, 4, through=6) == records[4:6]
        assert await store.outputs.read(kernel.no, 4, through=4) == []
        assert await store.outputs.read(kernel.no, 0, through=0) == []
        assert await store.outputs.read(kernel.no, len(records)) == []
        assert await store.outputs.read(kernel.no, 10**15) == []

    async def test_one_tasks_records_can_be_read(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task, _) = await kept_tasks(store, kernel, 2)
        records = a_long_journal()
        await append(store, kernel, records)
        task = await store.tasks.get(task.id, None)
        assert task.first_number is not None
        read = await store.outputs.read(
            kernel.no, task.first_number - 1, seq=task.seq, through=task.last_number
        )
        assert read == [record for record in records if record.seq == 1]
        own = await store.outputs.read(kernel.no, 0, seq=0, limit=4)
        assert own == [record for record in records if record.seq == 0][:4]

    async def test_no_more_bytes_are_read_than_asked_for(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        for size in (10, 5000, 10, 10):
            journal.said(1, "x" * size)
        records = journal.records
        await append(store, kernel, records)
        assert await store.outputs.read(kernel.no, 0, most_bytes=200) == records[:1]
        assert await store.outputs.read(kernel.no, 1, most_bytes=200) == records[1:2]
        assert await store.outputs.read(kernel.no, 2, most_bytes=200) == records[2:]
        exactly = len(records[2].body) + len(records[3].body)
        assert await store.outputs.read(kernel.no, 2, most_bytes=exactly) == records[2:]
        assert await store.outputs.read(kernel.no, 2, most_bytes=exactly - 1) == records[2:3]

    async def test_many_records_are_kept_at_once(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        for line in range(3000):
            journal.said(1, f"line {line}")
        assert await append(store, kernel, journal.records) == 3000
        assert await store.outputs.read(kernel.no, 0, limit=5000) == journal.records
        assert len(await store.outputs.read(kernel.no, 0)) == 1000
        await store.kernels.remove(kernel.no)
        assert await store.outputs.read(kernel.no, 0) == []
