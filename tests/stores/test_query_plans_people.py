"""Letting somebody in, and reading the audit trail, cost the same however much is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Select, create_engine

from kernelyard.model.audit import AuditQuery
from kernelyard.stores.sql.audit import audit_statement
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.tokens import _BY_HASH, _BY_ID

from tests.stores.test_query_plans import plan


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        migrate(connection)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(("query", "value"), [(_BY_HASH, "sha256"), (_BY_ID, "id")])
def test_a_token_and_its_user_are_looked_up(
    engine: Engine, query: Select[tuple[()]], value: str
) -> None:
    steps = plan(engine, query, **{value: "x"})
    assert all(step.startswith("SEARCH") for step in steps), steps


@pytest.mark.parametrize("column", ["user", "action", "subject"])
def test_the_trail_is_read_backwards_along_an_index(engine: Engine, column: str) -> None:
    query = audit_statement(AuditQuery(before=100, **{column: "x"}))  # type: ignore[arg-type]
    (step,) = plan(engine, query)
    assert f"ix_audit_{column}_no" in step


def test_the_whole_of_it_is_read_backwards_without_sorting(engine: Engine) -> None:
    (step,) = plan(engine, audit_statement(AuditQuery(since=1)))
    assert "TEMP B-TREE" not in step
