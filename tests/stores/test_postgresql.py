"""The store in PostgreSQL does what every store does, and says clearly why it cannot."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from kernelyard.model.errors import Invalid, StorageFull, Unavailable, YardError
from kernelyard.model.projection import project
from kernelyard.ports.stores import Store, StoreSetup
from kernelyard.stores.sql.migrate import NEWEST, DatabaseTooNew, migrate
from kernelyard.stores.sql.opening import postgresql
from kernelyard.stores.sql.postgresql import _MIGRATING, PostgresqlDatabase, open_postgresql
from kernelyard.stores.sql.postgresql_url import checked_url, place_of
from kernelyard.stores.sql.tables import metadata, tell_of_postgresql
from kernelyard.testing.stores import StoreConformance
from kernelyard.testing.stores.builders import (
    Journal,
    a_kernel,
    a_task,
    append,
    kept_kernel,
    kept_tasks,
    present,
)

from tests.support.postgres import PostgresServer

SECRET = "sesame"


class TestPostgresqlStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def place(self, database_url: str) -> None:
        self.url = database_url

    async def open(self, tmp_path: Path) -> Store:
        return await open_postgresql(self.url)


async def schema(url: str) -> dict[str, set[Any]]:
    """Columns, constraints and indexes as PostgreSQL itself describes them."""
    questions = {
        "columns": """
            SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
              a.attcollation::regcollation::text, pg_get_expr(d.adbin, d.adrelid)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
        """,
        "constraints": """
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        """,
        "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    connection = await asyncpg.connect(url)
    try:
        return {
            name: {tuple(row) for row in await connection.fetch(sql) if row[0] != "alembic_version"}
            for name, sql in questions.items()
        }
    finally:
        await connection.close()


async def test_a_migrated_database_equals_a_fresh_one(database_url: str, bare_url: str) -> None:
    fresh, migrated = PostgresqlDatabase(bare_url), PostgresqlDatabase(database_url)
    tell_of_postgresql()
    await fresh.write(metadata.create_all)
    await fresh.aclose()

    def differences(connection: Connection) -> Any:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert await migrated.read(differences) == []
    await migrated.aclose()
    assert await schema(database_url) == await schema(bare_url)
    assert len((await schema(bare_url))["indexes"]) > 20


async def test_servers_that_open_an_empty_database_at_once_migrate_it_once(bare_url: str) -> None:
    stores = await asyncio.gather(*(open_postgresql(bare_url) for _ in range(4)))
    kernel = await kept_kernel(stores[0])
    for store in stores:
        assert await present(store, kernel) == kernel
        await store.aclose()


async def test_who_opens_a_database_waits_for_whoever_migrates_it(bare_url: str) -> None:
    connection = await asyncpg.connect(bare_url)
    await connection.execute("SELECT pg_advisory_lock($1)", _MIGRATING)
    opening = asyncio.create_task(open_postgresql(bare_url))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(20):
        while not await connection.fetchval(waiting):
            assert not opening.done()
    assert not (await schema(bare_url))["columns"]
    await connection.close()
    await (await opening).aclose()
    assert (await schema(bare_url))["columns"]


@pytest.mark.parametrize("version", ["9999", "f00ba4"])
async def test_a_newer_database_is_refused_and_left_alone(database_url: str, version: str) -> None:
    database = PostgresqlDatabase(database_url)
    change = text("UPDATE alembic_version SET version_num = :v")
    await database.write(lambda c: c.execute(change, {"v": version}))
    with pytest.raises(DatabaseTooNew, match=version):
        await open_postgresql(database_url)
    await database.write(lambda c: c.execute(change, {"v": NEWEST}))
    await database.write(migrate)
    await database.aclose()


async def test_everything_is_there_after_opening_again(database_url: str) -> None:
    store = await open_postgresql(database_url)
    kernel = await kept_kernel(store, a_kernel("work"))
    tasks = await kept_tasks(store, kernel, 2)
    await store.aclose()
    store = await open_postgresql(database_url)
    assert (await present(store, kernel)).open_tasks == 2
    assert await store.tasks.get(tasks[1].id, None) == tasks[1]
    await store.aclose()


@pytest.mark.parametrize(
    "url",
    [
        "",
        SECRET,
        f"mysql://ada:{SECRET}@host/yard",
        f"postgresql+psycopg://ada:{SECRET}@host/yard",
        f"postgresql:ada:{SECRET}@host/yard",
        f"postgresql://ada:{SECRET}#@host/yard",
        f"postgresql://ada:{SECRET}@host:{SECRET}/yard",
        f"postgresql://ada:{SECRET}@[::1/yard",
        f"postgresql://ada:{SECRET}@host/yard?sslmode={SECRET}",
    ],
)
async def test_what_is_no_address_is_refused_without_repeating_it(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Invalid) as caught:
        await open_postgresql(url)
    assert caught.value.field == "store_url"
    assert "postgresql://" in caught.value.message
    assert SECRET not in f"{caught.value} {caught.value.detail} {caplog.text}"


def test_an_address_may_be_written_as_other_programs_write_it() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        assert checked_url(f" {scheme}://a@b:1/c?d=e\n") == "postgresql://a@b:1/c?d=e"


def test_a_place_is_told_without_user_password_and_options() -> None:
    assert place_of(f"postgresql://a:{SECRET}@b:1/c?password={SECRET}") == "'c' at b:1"
    assert place_of("postgresql:///c?host=/run/x") == "'c' at /run/x"
    assert place_of("postgresql://?dbname=d") == "'d' at of this machine"


async def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        await open_postgresql(f"postgresql://yard:{SECRET}@/work?host={tmp_path}")
    assert f"'work' at {tmp_path}" in caught.value.message
    assert SECRET not in f"{caught.value} {caught.value.detail}"


async def test_a_database_that_is_not_there_is_told(postgres: PostgresServer) -> None:
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        await open_postgresql(postgres.url("nowhere"))


async def test_a_role_that_may_not_make_tables_is_told(
    postgres: PostgresServer, bare_url: str
) -> None:
    await postgres.execute(
        "CREATE ROLE weak LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        database=bare_url.split("/")[3].partition("?")[0],
    )
    try:
        with pytest.raises(YardError, match="needs the right to create tables"):
            await open_postgresql(bare_url.replace("//yard@", "//weak@"))
    finally:
        await postgres.execute("DROP ROLE weak")


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer) -> None:
    await postgres.execute("CREATE DATABASE old ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(Invalid, match="encoding LATIN1"):
            await open_postgresql(postgres.url("old"))
    finally:
        await postgres.execute("DROP DATABASE old WITH (FORCE)")


async def test_without_an_address_it_says_where_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="KERNELYARD_STORE_URL"):
        await postgresql(StoreSetup(data_dir=tmp_path))


async def test_without_its_driver_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(Invalid, match=r"pip install 'kernelyard\[postgresql\]'"):
        await postgresql(StoreSetup(data_dir=tmp_path, url="postgresql://host/yard"))


def test_an_address_is_not_in_what_a_setup_shows(tmp_path: Path) -> None:
    assert SECRET not in repr(StoreSetup(data_dir=tmp_path, url=f"postgresql://a:{SECRET}@b/c"))


async def test_a_full_disk_is_told_and_passes(database_url: str) -> None:
    store = await open_postgresql(database_url)
    kernel = await kept_kernel(store)
    journal = Journal()
    journal.ready()
    full = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'"
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        f"CREATE FUNCTION full_disk() RETURNS trigger AS $$ BEGIN {full}; END $$ LANGUAGE plpgsql"
    )
    await connection.execute(
        "CREATE TRIGGER full_disk BEFORE INSERT ON outputs EXECUTE FUNCTION full_disk()"
    )
    with pytest.raises(StorageFull, match="database has no space left"):
        await append(store, kernel, journal.records)
    assert await present(store, kernel) == kernel
    await connection.execute("DROP TRIGGER full_disk ON outputs")
    assert await append(store, kernel, journal.records) == len(journal.records)
    await connection.close()
    await store.aclose()


async def test_text_that_postgresql_cannot_hold_is_refused_and_does_not_stop_a_journal(
    database_url: str,
) -> None:
    store = await open_postgresql(database_url)
    kernel = await kept_kernel(store)
    for code in ("print('\0')", "print('\ud800')"):
        with pytest.raises(Invalid, match="cannot keep"):
            await store.tasks.insert(a_task(kernel, code), None)
    task, _ = await store.tasks.insert(a_task(kernel), None)
    journal = Journal()
    journal.ready()
    journal.started(1)
    journal.add(journal.said(1).kind, 1, name="stdout", text="\0")
    journal.ended(
        1, "failed", "it said \0 and \ud800", {"name": "\0", "value": "", "traceback": []}
    )
    last = journal.records[-1]
    huge = last.body.replace(b'"execution_count":1', b'"execution_count":99999999999999999999')
    journal.records[-1] = type(last)(last.number, last.at, last.seq, last.kind, huge)
    assert await store.outputs.append(kernel.no, journal.records, project(journal.records))
    found = await store.tasks.get(task.id, None)
    assert found.reason == "it said \N{REPLACEMENT CHARACTER} and ?"
    assert found.error is not None
    assert (found.error.name, found.execution_count) == ("\0", None)
    await store.aclose()
