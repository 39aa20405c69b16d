"""Lists cost the same however much is kept: what SQLite says it will do.

It keeps no statistics here, so it does the same with an empty database and with a full one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Select, create_engine, select
from sqlalchemy.sql.compiler import SQLCompiler

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import KernelQuery, TaskQuery
from kernelyard.stores.sql.events import _IMAGES, events_statement
from kernelyard.stores.sql.kernels import (
    external_statement,
    history_statement,
    kernels_statement,
)
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.moves import _OPEN
from kernelyard.stores.sql.outputs import _READ, _READ_SEQ
from kernelyard.stores.sql.rooms import ASKING, USED
from kernelyard.stores.sql.tables import kernels
from kernelyard.stores.sql.tasks import (
    _BETWEEN,
    EXTERNAL,
    tasks_statement,
    undelivered_statement,
)

from tests.support.migrations import upgrade


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
    """What SQLite says about a query, one line a step."""
    compiled = query.compile(engine)
    assert isinstance(compiled, SQLCompiler)
    sent = compiled.construct_expanded_state(values)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {sent.statement}", tuple(sent.positional_parameters)
        ).all()
    return [row[3] for row in rows]


def scans(steps: list[str]) -> list[str]:
    """The steps that walk through a whole table or index, save that of the few kernels wanted GONE."""
    mine = re.compile(r"SCAN (kernels|tasks|outputs|changes|kernel_labels|task_labels)\b")
    return [step for step in steps if mine.match(step) and "ix_kernels_gone" not in step]


OPEN = frozenset({TaskState.QUEUED, TaskState.RUNNING})
EVERY = frozenset(TaskState)


@pytest.mark.parametrize(
    "query",
    [
        TaskQuery(states=OPEN),
        TaskQuery(states=EVERY, before=5000),
        TaskQuery(owner="owner 1"),
        TaskQuery(owner="owner 1", states=OPEN, before=9000),
        TaskQuery(kernel_no=3),
        TaskQuery(kernel_no=3, before=3040),
        TaskQuery(kernel_no=3, states=OPEN, owner="owner 0"),
        TaskQuery(labels={"k": "1"}),
        TaskQuery(labels={"k": "1"}, states=OPEN, owner="owner 1", before=7000),
    ],
    ids=repr,
)
def test_no_list_of_tasks_walks_through_all_tasks(engine: Engine, query: TaskQuery) -> None:
    steps = plan(engine, tasks_statement(query))
    assert scans(steps) == []
    assert any("SEARCH" in step and "tasks" in step for step in steps)


@pytest.mark.parametrize(
    "query",
    [
        KernelQuery(owner="owner 1"),
        KernelQuery(phases=frozenset({Phase.READY, Phase.CONNECTING})),
        KernelQuery(owner="owner 1", phases=frozenset({Phase.FAILED}), before=9),
        KernelQuery(name="work"),
        KernelQuery(labels={"k": "1"}),
        KernelQuery(labels={"k": "1"}, owner="owner 1", before=9),
    ],
    ids=repr,
)
def test_no_list_of_kernels_walks_through_all_kernels(engine: Engine, query: KernelQuery) -> None:
    assert scans(plan(engine, kernels_statement(query))) == []


def test_what_is_held_and_who_waits_is_found_among_the_living_alone(engine: Engine) -> None:
    for query in (USED, USED.where(kernels.c.owner == "owner 1"), ASKING):
        narrow = re.compile("ix_kernels_(unfinished|not_admitted)")
        steps = plan(engine, query)
        assert scans([step for step in steps if not narrow.search(step)]) == []


def test_a_list_of_everything_reads_the_newest_rows_and_stops(engine: Engine) -> None:
    for query in (tasks_statement(TaskQuery()), kernels_statement(KernelQuery())):
        steps = plan(engine, query)
        assert not any("B-TREE" in step for step in steps), steps


@pytest.mark.parametrize(
    "query",
    [
        TaskQuery(kernel_no=3, states=OPEN),
        TaskQuery(owner="owner 1"),
        TaskQuery(states=EVERY),
        TaskQuery(labels={"k": "1"}),
    ],
    ids=repr,
)
def test_runs_of_tasks_are_read_in_the_order_of_their_index(
    engine: Engine, query: TaskQuery
) -> None:
    steps = plan(engine, tasks_statement(query))
    sorted_before_the_page = [step for step in steps[2:] if "FOR ORDER BY" in step]
    assert len(sorted_before_the_page) <= 1, steps


def test_live_and_unfinished_kernels_are_found_by_their_own_indexes(engine: Engine) -> None:
    live = plan(engine, select(kernels.c.no).where(kernels.c.live))
    named = plan(
        engine, select(kernels).where(kernels.c.live, kernels.c.owner == "a", kernels.c.name == "b")
    )
    attached = plan(
        engine,
        select(kernels).where(kernels.c.live, kernels.c.owner == "a", kernels.c.identity == "0123"),
    )
    unfinished = plan(engine, select(kernels).where(kernels.c.unfinished).order_by(kernels.c.no))
    assert any("uq_kernels_live_identity" in step for step in attached)
    assert any("uq_kernels_live_name" in step for step in live)
    assert any("uq_kernels_live_name (owner=? AND name=?)" in step for step in named)
    assert any("ix_kernels_unfinished" in step for step in unfinished)


def test_ids_given_at_doors_are_found_by_their_own_indexes(engine: Engine) -> None:
    values = {"external_id": "h2o/a", "owner": "ada"}
    mine = plan(engine, external_statement("ada"), **values)
    anybodys = plan(engine, external_statement(None), external_id="h2o/a")
    task = plan(engine, EXTERNAL, kernel_no=3, external_id="h2o/a")
    assert any("uq_kernels_external_id (external_id=? AND owner=?)" in step for step in mine)
    assert any("uq_kernels_external_id (external_id=?)" in step for step in anybodys)
    assert any("uq_tasks_external_id (kernel_no=? AND external_id=?)" in step for step in task)


def test_outputs_are_read_as_one_range_of_their_key(engine: Engine) -> None:
    bounds = {"after": 1 << 40, "through": (1 << 40) + 9, "most": 5}
    for query, values in ((_READ, bounds), (_READ_SEQ, {**bounds, "seq": 1})):
        steps = plan(engine, query, **values)
        assert steps == ["SEARCH outputs USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


def test_the_queue_is_read_from_where_the_last_delivery_ended(engine: Engine) -> None:
    steps = plan(engine, undelivered_statement(3, 46, 10))
    wanted = (
        "SEARCH tasks USING INDEX ix_tasks_kernel_no_state_no (kernel_no=? AND state=? AND no>?)"
    )
    assert wanted in steps
    assert not any("B-TREE" in step for step in steps)


def test_places_in_the_queue_are_counted_in_an_index_of_open_tasks(engine: Engine) -> None:
    steps = plan(engine, _BETWEEN, nos=[3046, 3047])
    index = "COVERING INDEX ix_tasks_kernel_no_state_no (kernel_no=? AND state=? AND no>? AND no<?)"
    assert any(index in step for step in steps), steps
    opened = plan(engine, _OPEN, kernel_no=3)
    assert any("ix_tasks_kernel_no_state_no (kernel_no=? AND state=?)" in step for step in opened)


@pytest.mark.parametrize(
    ("by_owner", "by_kernel", "index"),
    [
        (False, False, "INTEGER PRIMARY KEY (rowid>?)"),
        (True, False, "INDEX ix_changes_owner_number (owner=? AND number>?)"),
        (False, True, "INDEX ix_changes_kernel_no_number (kernel_no=? AND number>?)"),
        (True, True, "INDEX ix_changes_kernel_no_number (kernel_no=? AND number>?)"),
    ],
)
def test_events_are_read_from_the_cursor_on_along_one_index(
    engine: Engine, by_owner: bool, by_kernel: bool, index: str
) -> None:
    values = {"after": 7, "most": 5, "owner": "a", "kernel_no": 3}
    steps = plan(engine, events_statement(by_owner=by_owner, by_kernel=by_kernel), **values)
    assert f"SEARCH changes USING {index}" in steps
    assert scans(steps) == []
    assert not any("B-TREE" in step for step in steps), steps


def test_events_of_images_are_read_like_those_of_one_kernel(engine: Engine) -> None:
    steps = plan(engine, _IMAGES, after=7, most=5)
    index = "INDEX ix_changes_kernel_no_number (kernel_no=? AND number>?)"
    assert any(index in step for step in steps), steps
    assert not any("B-TREE" in step for step in steps), steps


def test_the_history_of_a_kernel_does_not_walk_through_its_tasks(engine: Engine) -> None:
    steps = plan(engine, history_statement(3))
    assert any("USING INDEX ix_changes_of_kernels (kernel_no=?)" in step for step in steps), steps
    assert not any("B-TREE" in step for step in steps), steps


def test_open_tasks_of_a_label_are_looked_for_among_the_open_ones(engine: Engine) -> None:
    steps = plan(engine, tasks_statement(TaskQuery(labels={"k": "1", "m": "2"}, states=OPEN)))
    assert any("ix_tasks_state_no" in step for step in steps), steps
    assert not any("task_labels" in step and "key=? AND value=?)" in step for step in steps), steps
