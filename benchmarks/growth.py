"""Growth: what lists, pages, follows and events cost with few rows and with very many.

Two stores in SQLite are filled as a long life fills them: 1,000 tasks with 10,000 outputs, and 100,000
tasks with 1,000,000 outputs (in a quick run far fewer). The same questions are put to both in turns,
through the store's port, and bring the same number of rows; what matters is the ratio. Then one store is written to and read from with
records of several sizes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from statistics import median
from time import perf_counter

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.projection import project
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import KernelQuery, TaskQuery
from kernelyard.stores.sql.store import SqlStore, open_sqlite

from benchmarks.figures import Figure, Found
from benchmarks.filling import OUTPUTS_EACH, TASKS_EACH, Filled, a_kernel, fill
from benchmarks.scene import Scene

MEASURE = "growth"
FEW = 10
"""Kernels of the small store: enough for each of its owners to have one."""
Question = Callable[[SqlStore, Filled], Awaitable[object]]
OPEN = frozenset({TaskState.QUEUED, TaskState.RUNNING})
QUESTIONS: dict[str, Question] = {
    "tasks: newest": lambda store, _: store.tasks.find(TaskQuery()),
    "tasks: of an owner": lambda store, _: store.tasks.find(TaskQuery(owner="owner 0")),
    "tasks: of a kernel": lambda store, _: store.tasks.find(TaskQuery(kernel_no=1)),
    "tasks: open ones": lambda store, _: store.tasks.find(TaskQuery(states=OPEN)),
    "tasks: failed, of an owner": lambda store, _: store.tasks.find(
        TaskQuery(owner="owner 0", states=frozenset({TaskState.FAILED}), limit=10)
    ),
    "tasks: with a label": lambda store, _: store.tasks.find(TaskQuery(labels={"part": "7"})),
    "tasks: with a label, open ones": lambda store, _: store.tasks.find(
        TaskQuery(labels={"part": "7"}, states=OPEN)
    ),
    "kernels: newest": lambda store, _: store.kernels.find(KernelQuery(limit=10)),
    "kernels: ready, of an owner": lambda store, _: store.kernels.find(
        KernelQuery(owner="owner 0", phases=frozenset({Phase.READY}), limit=1)
    ),
    "outputs: first page of a kernel": lambda store, _: store.outputs.read(1, 0, limit=100),
    "outputs: last page of a kernel": lambda store, filled: store.outputs.read(
        filled.kernels, TASKS_EACH * OUTPUTS_EACH - 100, limit=100
    ),
    "follow: a look at a task that is silent": lambda store, filled: _look(store, filled),
    "events: last page": lambda store, filled: store.events.read(filled.events - 100, limit=100),
    "events: last page of an owner": lambda store, filled: store.events.read(
        filled.events - 100, owner="owner 0", limit=100
    ),
}


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    many = scene.pick(quick=20, full=1000)
    async with AsyncExitStack() as stack:
        stores: list[tuple[SqlStore, Filled]] = []
        for kernels in (FEW, many):
            path = scene.home / f"growth-{kernels}.db"
            store = await open_sqlite(path)
            stack.push_async_callback(store.aclose)
            stores.append((store, await asyncio.to_thread(fill, path, kernels)))
        rounds = scene.pick(quick=5, full=200)
        figures = [await _asked(name, ask, stores, rounds) for name, ask in QUESTIONS.items()]
        figures += await _sizes(scene, stores[1][0], many)
    return Found(figures)


async def _asked(
    name: str, ask: Question, stores: list[tuple[SqlStore, Filled]], rounds: int
) -> Figure:
    took: list[list[float]] = [[], []]
    for _ in range(rounds):
        for seconds, (store, filled) in zip(took, stores, strict=True):
            begun = perf_counter()
            await ask(store, filled)
            seconds.append(perf_counter() - begun)
    few, many = map(median, took)
    tasks = [f"{filled.kernels * TASKS_EACH:,}" for _, filled in stores]
    cells = (
        f"{1000 * few:.2f} ms of {tasks[0]} tasks",
        f"{1000 * many:.2f} ms of {tasks[1]}",
        f"{many / few:.2f} × the few",
    )
    return Figure(MEASURE, name, cells)


async def _look(store: SqlStore, filled: Filled) -> None:
    task = await store.tasks.get(filled.running_task, None)
    assert task.first_number is not None
    found = await store.outputs.read(task.kernel_no, task.first_number, seq=task.seq)
    assert not found, found


async def _sizes(scene: Scene, store: SqlStore, kernels: int) -> list[Figure]:
    """What an output costs by its size: stored in batches as following stores them, and read."""
    figures = []
    total = scene.pick(quick=2_000_000, full=50_000_000)
    for place, size in enumerate((100, 10_000, 1_000_000)):
        count = min(total // size, 50_000)
        kernel, _ = await store.kernels.insert(a_kernel(kernels + 1 + place), None)
        begun = perf_counter()
        for batch in _batches(count, size):
            await store.outputs.append(kernel.no, batch, project(batch))
        written = perf_counter() - begun
        begun = perf_counter()
        after = 0
        while records := await store.outputs.read(kernel.no, after, limit=2000):
            after = records[-1].number
        read = perf_counter() - begun
        assert after == count
        cells = (f"stored {_speed(count, size, written)}", f"read {_speed(count, size, read)}")
        figures.append(Figure("outputs by size", f"{count:,} of {size:,} bytes", cells))
    return figures


def _batches(count: int, size: int) -> Iterator[list[Record]]:
    body = b'{"name":"stdout","text":"%b"}' % (b"x" * (size - 27))
    at_once = max(1, min(500, 4_000_000 // size))
    for first in range(1, count + 1, at_once):
        numbers = range(first, min(first + at_once, count + 1))
        yield [Record(number, number, 1, RecordKind.STREAM, body) for number in numbers]


def _speed(count: int, size: int, seconds: float) -> str:
    return f"{1e6 * seconds / count:,.0f} µs each, {count * size / seconds / 1e6:,.0f} MB/s"
