"""One PostgreSQL server for all tests of the stores, and a database of its own for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.postgres import TEMPLATE, PostgresServer, running_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server."""
    with running_server() as server:
        yield server


@pytest_asyncio.fixture
async def database_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """An empty database with every table."""
    async with postgres.database(template=TEMPLATE) as url:
        yield url


@pytest_asyncio.fixture
async def bare_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """An empty database without tables."""
    async with postgres.database() as url:
        yield url
