"""A yard for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.yard_house import YardHouse, a_yard


@pytest.fixture
async def house() -> AsyncIterator[YardHouse]:
    async with a_yard() as house:
        yield house
