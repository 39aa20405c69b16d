"""The same house, with this door in front of it, and one request as the published client sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors.h2o import door
from kernelyard.doors.native import door as native
from kernelyard.model.principals import Principal, Role

from tests.doors.h2o.wire import Wire
from tests.support.http_house import ADMIN, House

LIMIT = 100_000


@pytest.fixture
async def wire(house: House) -> AsyncIterator[Wire]:
    """The door as an administrator meets it."""
    app = build_app(house.yard, AppSettings(version="1", body_limit=LIMIT), [door, native])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://yard:8700"
    ) as client:
        yield Wire(client, app, ADMIN)


@pytest.fixture
async def user(house: House, wire: Wire) -> Wire:
    """The door as a user meets it."""
    _, token = await house.yard.tokens.create(Principal("admin", Role.ADMIN), "ada", Role.USER)
    return wire.holding(token)


@pytest.fixture
async def ben(house: House, wire: Wire) -> Wire:
    """The door as another user meets it."""
    _, token = await house.yard.tokens.create(Principal("admin", Role.ADMIN), "ben", Role.USER)
    return wire.holding(token)
