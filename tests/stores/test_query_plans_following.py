"""What a follower, a page and a list ask is answered along an index, as far as it is needed.

Each look of a follower is two such questions, and there may be very many looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Select, create_engine
from sqlalchemy.sql.compiler import SQLCompiler

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import KernelQuery, TaskQuery
from kernelyard.stores.sql.kernels import _BY_ID as KERNEL_BY_ID
from kernelyard.stores.sql.kernels import _BY_NO as KERNEL_BY_NO
from kernelyard.stores.sql.kernels import kernels_statement
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.moves import _BY_SEQS
from kernelyard.stores.sql.outputs import _READ, _READ_SEQ
from kernelyard.stores.sql.tasks import _BY_ID as TASK_BY_ID
from kernelyard.stores.sql.tasks import tasks_statement

from tests.support.migrations import upgrade

FAILED = frozenset({TaskState.FAILED})
READY = frozenset({Phase.READY})


@pytest.fixture(scope="module", params=[migrate, upgrade], ids=["made at once", "migrated"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'a.db'}")
    with engine.begin() as connection:
        request.param(connection)
    yield engine
    engine.dispose()


def plan(engine: Engine, query: Select[Any], **values: Any) -> list[str]:
    """What SQLite says about a query, one line a step; how few are wanted GONE is nobody's concern."""
    compiled = query.compile(engine)
    assert isinstance(compiled, SQLCompiler)
    sent = compiled.construct_expanded_state(values)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sent.statement}", tuple(sent.positional_parameters)
        ).all()
    return [row[3] for row in rows if "ix_kernels_gone" not in row[3]]


@pytest.mark.parametrize(
    ("query", "values", "step"),
    [
        (TASK_BY_ID, {"id": "x"}, "SEARCH tasks USING INDEX {index} (id=?)"),
        (KERNEL_BY_ID, {"id": "x"}, "SEARCH kernels USING INDEX {index} (id=?)"),
        (KERNEL_BY_NO, {"no": 1}, "SEARCH kernels USING INTEGER PRIMARY KEY (rowid=?)"),
    ],
    ids=["task", "kernel by id", "kernel by number"],
)
def test_what_is_followed_is_found_by_its_key(
    engine: Engine, query: Select[Any], values: dict[str, Any], step: str
) -> None:
    (first, *_) = plan(engine, query, **values)
    before, _, after = step.partition("{index}")
    assert first.startswith(before), first
    assert first.endswith(after), first


def test_tasks_that_records_tell_of_are_found_by_their_numbers(engine: Engine) -> None:
    steps = plan(engine, _BY_SEQS, kernel_no=3, seqs=[4, 5])
    assert len(steps) == 1
    assert steps[0].endswith("(kernel_no=? AND seq=?)"), steps


@pytest.mark.parametrize("query", [_READ, _READ_SEQ], ids=["kernel", "task"])
def test_outputs_come_in_order_without_being_sorted_and_from_the_cursor_on(
    engine: Engine, query: Select[Any]
) -> None:
    bounds = {"after": 3 << 40, "through": (3 << 40) + 9, "most": 5, "seq": 1}
    steps = plan(engine, query, **bounds)
    assert steps == ["SEARCH outputs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (TaskQuery(owner="a", states=FAILED), "ix_tasks_owner_state_no (owner=? AND state=?)"),
        (
            TaskQuery(owner="a", states=FAILED, before=9),
            "ix_tasks_owner_state_no (owner=? AND state=? AND no<?)",
        ),
        (TaskQuery(kernel_no=3), "ix_tasks_kernel_no_state_no (kernel_no=? AND state=?)"),
        (
            TaskQuery(kernel_no=3, before=9),
            "ix_tasks_kernel_no_state_no (kernel_no=? AND state=? AND no<?)",
        ),
        (TaskQuery(states=FAILED), "ix_tasks_state_no (state=?)"),
        (TaskQuery(labels={"k": "v"}), "PRIMARY KEY (key=? AND value=?)"),
        (TaskQuery(labels={"k": "v"}, before=9), "PRIMARY KEY (key=? AND value=? AND no<?)"),
    ],
    ids=repr,
)
def test_pages_of_tasks_begin_at_their_cursor_in_an_index(
    engine: Engine, query: TaskQuery, index: str
) -> None:
    steps = plan(engine, tasks_statement(query))
    assert any(index in step for step in steps), steps


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            KernelQuery(owner="a", phases=READY, before=9),
            "ix_kernels_owner_phase_no (owner=? AND phase=? AND no<?)",
        ),
        (KernelQuery(phases=READY), "ix_kernels_phase_no (phase=?)"),
        (KernelQuery(name="n", before=9), "ix_kernels_name_no (name=? AND no<?)"),
        (KernelQuery(labels={"k": "v"}, before=9), "PRIMARY KEY (key=? AND value=? AND no<?)"),
    ],
    ids=repr,
)
def test_pages_of_kernels_begin_at_their_cursor_in_an_index(
    engine: Engine, query: KernelQuery, index: str
) -> None:
    steps = plan(engine, kernels_statement(query))
    assert any(index in step for step in steps), steps


@pytest.mark.parametrize(
    "query",
    [
        tasks_statement(TaskQuery(labels={"k": "v"}, owner="a", states=FAILED)),
        kernels_statement(KernelQuery(labels={"k": "v"}, owner="a", before=9)),
        kernels_statement(KernelQuery(name="n")),
    ],
    ids=["tasks by label", "kernels by label", "kernels by name"],
)
def test_rows_come_newest_first_without_being_sorted(engine: Engine, query: Select[Any]) -> None:
    steps = plan(engine, query)
    assert not any("B-TREE" in step for step in steps), steps


@pytest.mark.parametrize(
    "query",
    [
        kernels_statement(KernelQuery(phases=frozenset(Phase), owner="a", limit=5)),
        tasks_statement(TaskQuery(states=frozenset(TaskState), owner="a", limit=5)),
    ],
    ids=["kernels", "tasks"],
)
def test_no_more_than_a_page_of_each_state_is_ever_sorted(
    engine: Engine, query: Select[Any]
) -> None:
    steps = plan(engine, query)
    sorts = [step for step in steps if "FOR ORDER BY" in step]
    assert len(sorts) <= 1, steps
    assert not any(step.startswith(("SCAN kernels", "SCAN tasks")) for step in steps), steps
