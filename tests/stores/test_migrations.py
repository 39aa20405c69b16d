"""A migrated database equals a fresh one, and a newer one is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

import kernelyard.stores.sql
from kernelyard.stores.sql.migrate import NEWEST, DatabaseTooNew, migrate, version_of
from kernelyard.stores.sql.store import open_sqlite
from kernelyard.stores.sql.tables import metadata


def an_engine(path: Path) -> Engine:
    return create_engine(f"sqlite:///{path}")


def schema(engine: Engine) -> dict[str, set[str]]:
    """Each table's and index's statement, as a set of its lines: their order is of no account."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'")
        ).all()
    return {name: {line.strip(" \t,") for line in (sql or "").splitlines()} for name, sql in rows}


def test_a_migrated_database_equals_a_fresh_one(tmp_path: Path) -> None:
    migrated, fresh = an_engine(tmp_path / "a.db"), an_engine(tmp_path / "b.db")
    with migrated.begin() as connection:
        migrate(connection)
    metadata.create_all(fresh)
    assert schema(migrated) == schema(fresh)
    assert "CREATE TABLE outputs (" in schema(fresh)["outputs"]
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    migrated.dispose()
    fresh.dispose()


def test_the_newest_migration_is_the_one_the_program_knows() -> None:
    folder = Path(kernelyard.stores.sql.__path__[0]) / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == NEWEST


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    engine = an_engine(tmp_path / "a.db")
    for _ in range(2):
        with engine.begin() as connection:
            migrate(connection)
            assert version_of(connection) == NEWEST
    engine.dispose()


@pytest.mark.parametrize("version", ["9999", "f00ba4"])
async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path, version: str) -> None:
    path = tmp_path / "a.db"
    await (await open_sqlite(path)).aclose()
    engine = an_engine(path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    with pytest.raises(DatabaseTooNew, match=version):
        await open_sqlite(path)
    with engine.begin() as connection:
        assert version_of(connection) == version
    engine.dispose()


async def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_text("my diary\n" * 100)
    with pytest.raises(Exception, match="not a database"):
        await open_sqlite(path)
    assert path.read_text() == "my diary\n" * 100
