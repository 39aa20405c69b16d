"""Gaps: what to store in place of records that a journal no longer has and the store never had.

That happens when the store was set back, such as by restoring an older copy of its database, after
the agent had been told that records are stored. The kernel goes on; what is lost is said.
"""

from __future__ import annotations

import json

from kernelyard.model.json import JsonValue
from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import body_of
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, Record, RecordKind, StoppedBy
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Task, TaskState
from kernelyard.ports.stores import Store, TaskQuery

LOST = (
    "its end is among the records that were cut from the journal while the store had been set back; "
    "what was stored is kept"
)
_OPEN = frozenset({TaskState.QUEUED, TaskState.RUNNING})
_PAGE = 500
_Mark = tuple[int, RecordKind, dict[str, JsonValue]]


async def bridged(store: Store, kernel: Kernel, records: list[Record]) -> list[Record]:
    """Return ``records``, the first to come, with what stands for those that are missing before them.

    Tasks before the one that the records are about must have ended in between: they are lost. If the
    records only tell that the kernel has ended, all are.
    """
    lost = records[0].number - kernel.stored_number - 1
    if lost <= 0:
        return records
    about = next((record for record in records if _shows_progress(record)), None)
    last = await store.outputs.read(kernel.no, kernel.stored_number - 1, limit=1)
    closed = records[-1].kind is RecordKind.KERNEL_ENDED
    marks: list[_Mark] = []
    if about is not None or closed:
        marks = (await _marks(store, kernel, about))[: lost - 1]
    first, at = records[0].number - len(marks), records[0].at
    since = last[0].at if last else kernel.created_at
    gap: dict[str, JsonValue] = {"from": since, "to": at, "records": lost - len(marks)}
    return [
        _record(first - 1, at, kernel.current_seq or 0, RecordKind.GAP, gap),
        *(
            _record(number, at, seq, kind, body)
            for number, (seq, kind, body) in enumerate(marks, first)
        ),
        *records,
    ]


async def _marks(store: Store, kernel: Kernel, about: Record | None) -> list[_Mark]:
    """The ends that fell into the gap, and the start of the task in whose middle it ends."""
    marks: list[_Mark] = []
    for task in await _open_tasks(store, kernel):
        # Runs of clients are in the store from their start on: they ended before another began.
        if about is None or task.seq < about.seq or task.seq >= FIRST_CLIENT_SEQ:
            end: dict[str, JsonValue] = {
                "task_id": task.id,
                "state": TaskState.LOST.value,
                "reason": LOST,
                "cause": EndCause.AGENT_LOST.value,
            }
            marks.append((task.seq, RecordKind.ENDED, end))
        elif task.seq == about.seq and _begun_unheard(task, about):
            marks.append((task.seq, RecordKind.STARTED, {"task_id": task.id}))
    return marks


def _shows_progress(record: Record) -> bool:
    """Whether all tasks before that of the record must have ended; those that wait may end in any order."""
    if not record.seq or record.seq >= FIRST_CLIENT_SEQ:
        return False
    waited = (
        record.kind is RecordKind.ENDED and body_of(record).get("stopped_by") == StoppedBy.QUEUE
    )
    return not waited


def _begun_unheard(task: Task, about: Record) -> bool:
    return task.state is TaskState.QUEUED and about.kind is not RecordKind.STARTED


async def _open_tasks(store: Store, kernel: Kernel) -> list[Task]:
    found: list[Task] = []
    before: int | None = None
    while True:
        page = await store.tasks.find(
            TaskQuery(kernel_no=kernel.no, states=_OPEN, before=before, limit=_PAGE)
        )
        found += page.items
        before = page.next
        if before is None:
            return sorted(found, key=lambda task: task.seq)


def _record(
    number: int, at: Micros, seq: int, kind: RecordKind, body: dict[str, JsonValue]
) -> Record:
    return Record(number, at, seq, kind, json.dumps(body, separators=(",", ":")).encode())
