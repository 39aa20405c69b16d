"""Kernels, tasks and records to test with."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.json import JsonValue
from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import project
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.sightings import Sighting
from kernelyard.model.tasks import Task, TaskOrder
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec
from kernelyard.ports.stores import Store

NOON: Micros = 1_750_000_000_000_000
NO_KERNEL = 10**6


def a_kernel(
    name: str | None = None,
    *,
    owner: str = "ada",
    labels: dict[str, str] | None = None,
    created_at: Micros = NOON,
) -> Kernel:
    """A kernel that no store has seen yet."""
    spec = TemplateSpec(
        milli_cpu_limit=1500,
        memory_bytes_limit=2**40,
        environment={"GREETING": "grüße"},
        max_idle_seconds=0.5,
        engine_options={"deep": {"list": [1, None, True, "x"]}},
    )
    return Kernel(
        no=0,
        id=str(uuid.uuid4()),
        owner=owner,
        name=name,
        display_name="Für Elise",
        image=ImageSnapshot(
            name="python3", reference="kernelspec/python3", display_name="Py", language="python"
        ),
        template=TemplateSnapshot(name="default", spec=spec),
        environment={"PATH_LIKE": "a:b", "EMPTY": ""},
        labels=labels or {},
        created_at=created_at,
    )


def a_task(
    kernel: Kernel,
    code: str = "print('ü')",
    *,
    labels: dict[str, str] | None = None,
    created_at: Micros = NOON,
) -> Task:
    """A task for ``kernel`` that no store has seen yet."""
    order = TaskOrder(code=code, labels=labels or {})
    return Task(
        no=0,
        id=str(uuid.uuid4()),
        kernel_no=kernel.no,
        kernel_id=kernel.id,
        owner=kernel.owner,
        seq=0,
        code=order.code,
        labels=order.labels,
        created_at=created_at,
    )


def a_sighting(
    version: int,
    *names: str,
    began: Micros = NOON,
    unknown: frozenset[str] = frozenset(),
    **more: str,
) -> Sighting:
    """A sighting of images of these names, each with ``more`` that is remembered of it."""
    return Sighting(
        began=began,
        version=version,
        at=NOON + version,
        images={name: {"language": "python", "problem": None, **more} for name in names},
        unknown=unknown,
    )


class Journal:
    """Writes records as an agent would, numbered without holes."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def add(self, kind: RecordKind, seq: int = 0, **body: JsonValue) -> Record:
        """Write one record and return it."""
        number = len(self.records) + 1
        text = json.dumps(body, separators=(",", ":"))
        record = Record(number, NOON + number * 1000, seq, kind, text.encode())
        self.records.append(record)
        return record

    def ready(self, attempt: int = 1) -> Record:
        """The kernel answers."""
        self.add(RecordKind.KERNEL_LAUNCHED, attempt=attempt, pid=4711)
        info: JsonValue = {"banner": "hello ☀"}
        return self.add(RecordKind.KERNEL_READY, attempt=attempt, info=info, started="fork")

    def started(self, seq: int) -> Record:
        """A task begins."""
        return self.add(RecordKind.STARTED, seq, task_id=f"task {seq}")

    def said(self, seq: int, text: str = "x") -> Record:
        """A task prints."""
        return self.add(RecordKind.STREAM, seq, name="stdout", text=text)

    def ended(
        self, seq: int, state: str = "succeeded", reason: str | None = None, error: JsonValue = None
    ) -> Record:
        """A task ends."""
        return self.add(
            RecordKind.ENDED,
            seq,
            task_id=f"task {seq}",
            state=state,
            reason=reason,
            error=error,
            execution_count=seq,
        )

    def kernel_ended(self, cause: str = "died", reason: str | None = "killed by SIGKILL") -> Record:
        """The kernel ends; the last record."""
        return self.add(
            RecordKind.KERNEL_ENDED, cause=cause, reason=reason, exit_code=None, signal="SIGKILL"
        )


async def append(store: Store, kernel: Kernel, records: Sequence[Record]) -> int | None:
    """Copy records with what they mean."""
    stored = await store.outputs.append(kernel.no, records, project(records))
    return stored.number if stored else None


async def kept_kernel(store: Store, kernel: Kernel | None = None) -> Kernel:
    """A kernel in the store."""
    kept, _ = await store.kernels.insert(kernel or a_kernel(), None)
    return kept


async def kept_tasks(store: Store, kernel: Kernel, count: int) -> list[Task]:
    """Some tasks in the store."""
    inserted = [await store.tasks.insert(a_task(kernel), None) for _ in range(count)]
    return [task for task, _ in inserted]


async def present(store: Store, kernel: Kernel) -> Kernel:
    """The kernel as it is now."""
    found = await store.kernels.by_no(kernel.no)
    if found is None:
        raise LookupError(kernel.id)
    return found


def unnumbered(kernel: Kernel) -> Kernel:
    """The kernel without what the store has given it."""
    return replace(kernel, no=0)
