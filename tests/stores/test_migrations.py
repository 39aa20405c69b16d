"""A migrated database equals a fresh one, and a newer one is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

import kernelyard.stores.sql
from kernelyard.model.projection import project
from kernelyard.model.quotas import Resource
from kernelyard.model.records import Record, RecordKind
from kernelyard.ports.stores import TaskQuery
from kernelyard.stores.sql.migrate import NEWEST, DatabaseTooNew, migrate, version_of
from kernelyard.stores.sql.store import open_sqlite
from kernelyard.stores.sql.tables import metadata
from kernelyard.testing.stores.builders import NOON, a_kernel, a_sighting, a_task

from tests.support.migrations import downgrade, upgrade


def an_engine(path: Path) -> Engine:
    return create_engine(f"sqlite:///{path}")


def schema(engine: Engine) -> dict[str, set[str]]:
    """Each table's and index's statement, as a set of its parts: their order is of no account."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'")
        ).all()
    return {name: parts(sql or "") for name, sql in rows}


def parts(sql: str) -> set[str]:
    """What stands before the brackets, and what stands between the commas in them."""
    head, _, rest = " ".join(sql.replace('"', "").split()).partition("(")
    inner, _, tail = rest.rpartition(")")
    found, depth = [""], 0
    for character in inner:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return {head.strip(), tail.strip(), *(part.strip() for part in found)}


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Everything that is in the tables, SQLite's own counters included where they have counted."""
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ).scalars()
        return {
            name: sorted(
                tuple(row)
                for row in connection.execute(text(f"SELECT * FROM {name}"))  # noqa: S608
                if name != "sqlite_sequence" or row.seq
            )
            for name in names
        }


def columns(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Name, type, need, default and place in the key of each column of each table."""
    with engine.connect() as connection:
        return {
            name: sorted(
                (row.name, row.type, row.notnull, str(row.dflt_value), row.pk)
                for row in connection.execute(text(f"PRAGMA table_info('{name}')"))
            )
            for name in inspect(connection).get_table_names()
        }


def test_a_migrated_database_equals_a_fresh_one(tmp_path: Path) -> None:
    migrated, fresh = an_engine(tmp_path / "a.db"), an_engine(tmp_path / "b.db")
    with migrated.begin() as connection:
        migrate(connection)
    metadata.create_all(fresh)
    assert schema(migrated) == schema(fresh)
    assert {"CREATE TABLE outputs", "seq INTEGER NOT NULL"} <= schema(fresh)["outputs"]
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    migrated.dispose()
    fresh.dispose()


def test_an_empty_file_gets_at_once_what_all_migrations_make_of_it(tmp_path: Path) -> None:
    at_once, migrated = an_engine(tmp_path / "a.db"), an_engine(tmp_path / "b.db")
    with at_once.begin() as connection:
        migrate(connection)
    with migrated.begin() as connection:
        upgrade(connection)
    assert schema(at_once) == schema(migrated)
    assert rows(at_once) == rows(migrated)
    assert rows(at_once)["alembic_version"] == [(NEWEST,)]
    assert columns(at_once) == columns(migrated)
    at_once.dispose()
    migrated.dispose()


def test_a_file_with_tables_of_somebody_else_is_migrated_beside_them(tmp_path: Path) -> None:
    engine = an_engine(tmp_path / "a.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE diary (day TEXT)"))
        migrate(connection)
        assert version_of(connection) == NEWEST
        assert "diary" in inspect(connection).get_table_names()
    engine.dispose()


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


async def test_rows_of_the_first_schema_are_read_after_migrating(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    kept, _ = await store.kernels.insert(a_kernel("old"), None)
    await store.tasks.insert(a_task(kept), None)
    last = await store.events.last()
    await store.kernels.remove((await store.kernels.insert(a_kernel("gone"), None))[0].no)
    await store.events.sight(a_sighting(1, "python3"))
    await store.events.sight(a_sighting(2))
    await store.aclose()
    engine = an_engine(path)
    with engine.begin() as connection:
        downgrade(connection, "0001")
        connection.execute(
            text("UPDATE kernels SET template = json_remove(template, '$.spec.restart_policy')")
        )
    engine.dispose()
    store = await open_sqlite(path)
    assert await store.kernels.get(kept.id, None) == replace(
        kept, open_tasks=1, last_activity_at=NOON
    )
    assert len((await store.tasks.find(TaskQuery())).items) == 1
    events = await store.events.read(0)
    assert [event.number for event in events] == [1, 2]
    # Numbers of what was removed are not given again.
    assert await store.events.last() == last + 2
    await store.events.sight(a_sighting(1))
    assert await store.events.sight(a_sighting(2, "python3")) == 1
    assert (await store.events.read(last))[-1].number == last + 3
    await store.aclose()


async def test_older_programs_find_no_kernel_that_is_only_attached(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    ours, _ = await store.kernels.insert(a_kernel("ours", labels={"a": "b"}), None)
    attached = replace(a_kernel("theirs", labels={"a": "b"}), owned=False, identity="x")
    theirs, _ = await store.kernels.insert(attached, None)
    for kernel in (ours, theirs):
        await store.tasks.insert(replace(a_task(kernel), labels={"c": "d"}), None)
        record = Record(1, NOON, 1, RecordKind.STREAM, b"{}")
        await store.outputs.append(kernel.no, [record], project([record]))
    await store.aclose()
    engine = an_engine(path)
    with engine.begin() as connection:
        downgrade(connection, "0002")
    with engine.connect() as connection:
        for rows in (
            "kernels",
            "tasks",
            "outputs",
            "kernel_labels",
            "task_labels",
            "(SELECT DISTINCT kernel_no FROM changes)",
        ):
            found = connection.execute(text(f"SELECT count(*) FROM {rows}"))  # noqa: S608
            assert (rows, found.scalar_one()) == (rows, 1)
        names = connection.execute(text("SELECT name FROM kernels")).scalars().all()
        assert names == ["ours"]
    engine.dispose()


async def test_what_lives_holds_what_its_template_says_after_migrating(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    kept, _ = await store.kernels.insert(a_kernel(owner="ada"), None)
    before = await store.quotas.usage("ada")
    await store.aclose()
    engine = an_engine(path)
    with engine.connect() as connection:
        downgrade(connection, "0010")
        connection.commit()
    engine.dispose()
    store = await open_sqlite(path)
    after = await store.quotas.usage("ada")
    assert (after, after["ada"].used[Resource.CPU]) == (before, 1500)
    assert (await store.kernels.get(kept.id, "ada")).admitted
    await store.aclose()


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
