"""Lists cost the same however much is kept: what PostgreSQL does with many rows of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from sqlalchemy import Connection, Select, select
from sqlalchemy.sql.compiler import SQLCompiler

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import KernelQuery, TaskQuery
from kernelyard.stores.sql.events import _IMAGES, events_statement
from kernelyard.stores.sql.kernels import kernels_statement
from kernelyard.stores.sql.moves import _OPEN
from kernelyard.stores.sql.outputs import _READ, _READ_SEQ
from kernelyard.stores.sql.postgresql import PostgresqlDatabase
from kernelyard.stores.sql.tables import kernels
from kernelyard.stores.sql.tasks import _BETWEEN, tasks_statement, undelivered_statement

from tests.support.postgres import TEMPLATE, PostgresServer

KERNELS, TASKS_OF_EACH = 8000, 5
TASKS = KERNELS * TASKS_OF_EACH
LARGEST_SHARE = 0.05
"""Of a table's rows: who reads more of them walks through the table."""
FILLING = (
    # Rows as wide as real ones are: where they are narrow, walking through them is the cheapest.
    """
    INSERT INTO kernels (id, owner, name, display_name, image, template, environment, labels, wanted,
      phase, attempt, ran_attempt, open_tasks, stored_number, journal_closed, created_at, live,
      unfinished)
    SELECT 'kernel ' || n, 'owner ' || n % 100, 'name ' || n % 50, '', repeat('i', 200),
      repeat('t', 500), repeat('e', 500), '{}', CASE WHEN n % 1000 = 0 THEN 'gone' ELSE 'run' END,
      CASE WHEN late THEN 'ready' ELSE 'stopped' END, 1, 1, 0, 10, NOT late, n,
      late AND n % 1000 > 0, late OR n % 1000 = 0
    FROM generate_series(1, :kernels) n, LATERAL (SELECT n > :kernels - 40 AS late) lately
    """,
    """
    INSERT INTO tasks (id, kernel_no, kernel_id, owner, seq, code, labels, state, cancel_requested,
      created_at)
    SELECT 'task ' || k.no * 10 + s, k.no, k.id, k.owner, s, repeat('c', 600), '{}',
      CASE WHEN k.no > :kernels - 50 THEN 'queued' ELSE 'succeeded' END, false, k.no * 10 + s
    FROM generate_series(1, :tasks) s, kernels k ORDER BY k.no, s
    """,
    "INSERT INTO kernel_labels (key, value, no) SELECT 'k', (no % 200)::text, no FROM kernels",
    "INSERT INTO task_labels (key, value, no) SELECT 'k', (no % 200)::text, no FROM tasks",
    """
    INSERT INTO outputs (id, at, seq, kind, body)
    SELECT (no << 40) + n, n, n % 5, 1, 'x' FROM kernels, generate_series(1, 10) n
    """,
    """
    INSERT INTO changes (number, at, kernel_no, owner, task_no, state)
    SELECT row_number() OVER (ORDER BY t.no), t.no, t.kernel_no, t.owner, t.no, 'queued' FROM tasks t
    """,
    "ANALYZE",
)


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database with many rows."""
    asyncio.run(postgres.execute(f"CREATE DATABASE filled TEMPLATE {TEMPLATE}"))
    try:
        numbers = {":kernels": str(KERNELS), ":tasks": str(TASKS_OF_EACH)}
        sql = [reduce(lambda text, one: text.replace(*one), numbers.items(), s) for s in FILLING]
        asyncio.run(postgres.execute(*sql, database="filled"))
        yield postgres.url("filled")
    finally:
        asyncio.run(postgres.execute("DROP DATABASE filled WITH (FORCE)"))


async def steps(url: str, query: Select[Any], **values: object) -> list[dict[str, Any]]:
    """What PostgreSQL did to answer, one entry a step."""
    database = PostgresqlDatabase(url)

    def explain(connection: Connection) -> Any:
        compiled = query.compile(connection)
        assert isinstance(compiled, SQLCompiler)
        sent = compiled.construct_expanded_state(values)
        return connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, FORMAT JSON) {sent.statement}", tuple(sent.positional_parameters)
        ).scalar_one()

    try:
        (done,) = await database.read(explain)
    finally:
        await database.aclose()
    return list(_flat(done["Plan"]))


def _flat(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for inner in step.get("Plans", ()):
        yield from _flat(inner)


def walks(done: list[dict[str, Any]]) -> list[str]:
    """The steps that looked at a good part of a table's rows."""
    sizes = {
        "kernels": KERNELS,
        "kernel_labels": KERNELS,
        "tasks": TASKS,
        "task_labels": TASKS,
        "changes": TASKS,
        "outputs": KERNELS * 10,
    }
    found = []
    for step in done:
        size = sizes.get(step.get("Relation Name", ""))
        dropped = step.get("Rows Removed by Filter", 0)
        looked_at = (step["Actual Rows"] + dropped) * step["Actual Loops"]
        if size is not None and looked_at > size * LARGEST_SHARE:
            found.append(f"{step['Node Type']} {step['Relation Name']}: {looked_at}")
    return found


def indexes(done: list[dict[str, Any]]) -> set[str]:
    return {step["Index Name"] for step in done if "Index Name" in step}


OPEN = frozenset({TaskState.QUEUED, TaskState.RUNNING})
TASK_QUERIES = [
    TaskQuery(),
    TaskQuery(states=OPEN),
    TaskQuery(states=frozenset(TaskState), before=20_000),
    TaskQuery(owner="owner 1"),
    TaskQuery(owner="owner 1", states=OPEN, before=30_000),
    TaskQuery(kernel_no=3),
    TaskQuery(kernel_no=3, states=OPEN, owner="owner 3"),
    TaskQuery(labels={"k": "1"}),
    TaskQuery(labels={"k": "1"}, states=OPEN, owner="owner 1", before=7000),
]
KERNEL_QUERIES = [
    KernelQuery(),
    KernelQuery(owner="owner 1"),
    KernelQuery(phases=frozenset({Phase.READY, Phase.CONNECTING})),
    KernelQuery(owner="owner 1", phases=frozenset({Phase.FAILED}), before=900),
    KernelQuery(name="name 7"),
    KernelQuery(labels={"k": "1"}),
    KernelQuery(labels={"k": "1"}, owner="owner 1", before=900),
]


@pytest.mark.parametrize("query", TASK_QUERIES, ids=repr)
async def test_no_list_of_tasks_walks_through_all_tasks(filled: str, query: TaskQuery) -> None:
    assert walks(await steps(filled, tasks_statement(query))) == []


@pytest.mark.parametrize("query", KERNEL_QUERIES, ids=repr)
async def test_no_list_of_kernels_walks_through_all_kernels(
    filled: str, query: KernelQuery
) -> None:
    assert walks(await steps(filled, kernels_statement(query))) == []


async def test_live_and_unfinished_kernels_are_found_by_their_own_indexes(filled: str) -> None:
    named = await steps(
        filled,
        select(kernels).where(
            kernels.c.live, kernels.c.owner == "owner 7", kernels.c.name == "name 7"
        ),
    )
    unfinished = await steps(
        filled, select(kernels).where(kernels.c.unfinished).order_by(kernels.c.no)
    )
    assert "uq_kernels_live_name" in indexes(named)
    assert "ix_kernels_unfinished" in indexes(unfinished)


async def test_outputs_are_read_as_one_range_of_their_key(filled: str) -> None:
    bounds = {"after": 7 << 40, "through": (7 << 40) + 9, "most": 5}
    for query, values in ((_READ, bounds), (_READ_SEQ, {**bounds, "seq": 1})):
        done = await steps(filled, query, **values)
        assert (indexes(done), walks(done)) == ({"pk_outputs"}, [])


async def test_the_queue_is_read_and_counted_along_its_index(filled: str) -> None:
    number = TASKS - TASKS_OF_EACH
    for query, values in (
        (undelivered_statement(KERNELS, 2, 10), {}),
        (_OPEN, {"kernel_no": KERNELS}),
        (_BETWEEN, {"nos": [number, number + 1]}),
    ):
        done = await steps(filled, query, **values)
        assert walks(done) == []
        assert indexes(done) & {"ix_tasks_kernel_no_state_no", "uq_tasks_kernel_no_seq"}


@pytest.mark.parametrize("by_owner", [False, True])
@pytest.mark.parametrize("by_kernel", [False, True])
async def test_events_are_read_from_where_the_last_reading_ended(
    filled: str, by_owner: bool, by_kernel: bool
) -> None:
    values: dict[str, object] = {"after": TASKS // 2, "most": 100}
    values |= {"owner": "owner 1"} if by_owner else {}
    values |= {"kernel_no": 4101} if by_kernel else {}
    done = await steps(filled, events_statement(by_owner=by_owner, by_kernel=by_kernel), **values)
    assert walks(done) == []


async def test_events_of_images_are_read_like_those_of_one_kernel(filled: str) -> None:
    done = await steps(filled, _IMAGES, after=TASKS // 2, most=100)
    assert (indexes(done), walks(done)) == ({"ix_changes_kernel_no_number"}, [])
