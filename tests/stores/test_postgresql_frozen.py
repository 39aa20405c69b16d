"""A server that freezes within a transaction: its locks go, the others go on, and it comes back."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection
from sqlalchemy.util import await_only

from kernelyard.stores.sql.moves import load_kernel
from kernelyard.stores.sql.postgresql import PostgresqlDatabase, open_postgresql
from kernelyard.testing.stores.builders import Journal, a_task, append, kept_kernel, present


async def test_what_a_frozen_server_has_locked_is_free_before_its_lease_ends(
    database_url: str,
) -> None:
    other = await open_postgresql(database_url)
    kernel = await kept_kernel(other)
    frozen = PostgresqlDatabase(database_url, frozen_seconds=1)
    locked, thawed = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    def work(connection: Connection) -> int:
        runs.append(1)
        found = load_kernel(connection, kernel.no)
        assert found is not None
        if len(runs) == 1:
            locked.set()
            await_only(thawed.wait())
            load_kernel(connection, kernel.no)
        return found.stored_number

    working = asyncio.create_task(frozen.write(work))
    await asyncio.wait_for(locked.wait(), 20)
    journal = Journal()
    journal.ready()
    assert await asyncio.wait_for(append(other, kernel, journal.records), 20) == 2
    await other.tasks.insert(a_task(kernel), None)
    thawed.set()
    # It begins anew, and sees what the other has made of it.
    assert await working == 2
    assert len(runs) == 2
    await frozen.aclose()
    assert (await present(other, kernel)).stored_number == 2
    await other.aclose()
