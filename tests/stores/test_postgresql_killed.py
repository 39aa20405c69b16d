"""A PostgreSQL server that is killed: requests are told so, and all goes on when it is back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernelyard.model.errors import Unavailable
from kernelyard.stores.sql.postgresql import open_postgresql
from kernelyard.testing.stores.builders import Journal, a_task, append, kept_kernel, present

from tests.support.postgres import TEMPLATE, PostgresServer, running_server


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server of this module's own."""
    with running_server() as server:
        yield server


@pytest.mark.parametrize("in_order", [False, True], ids=["killed", "stopped in order"])
async def test_a_store_outlives_its_server(mortal: PostgresServer, in_order: bool) -> None:
    async with mortal.database(template=TEMPLATE) as url:
        store = await open_postgresql(url)
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        assert await append(store, kernel, journal.records) == 2
        before = await present(store, kernel)
        if in_order:
            mortal.stop()
        else:
            mortal.kill()
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                await store.kernels.by_no(kernel.no)
            with pytest.raises(Unavailable):
                await store.tasks.insert(a_task(kernel), None)
            with pytest.raises(Unavailable):
                await store.ping()
        assert caught.value.message == "The database does not answer. Try again shortly."
        mortal.start()
        await store.ping()
        assert await present(store, kernel) == before
        assert await store.outputs.read(kernel.no, 0) == journal.records
        task, _ = await store.tasks.insert(a_task(kernel), None)
        assert task.seq == 1
        await store.aclose()


async def test_connections_that_died_unnoticed_cost_no_request(mortal: PostgresServer) -> None:
    async with mortal.database(template=TEMPLATE) as url:
        store = await open_postgresql(url)
        kernel = await kept_kernel(store)
        mortal.stop()
        mortal.start()
        assert await present(store, kernel) == kernel
        await store.tasks.insert(a_task(kernel), None)
        await store.aclose()
