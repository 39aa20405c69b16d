"""A real yard on a store in memory and a scripted agent, behind the real application."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from kernelyard.clock import SystemClock
from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors.native import door
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.yard.limits import Limits
from kernelyard.yard.yard import Yard

from tests.support.http_house import ADMIN, House
from tests.support.scripted_agent import ScriptedAgent, ScriptedEngine, ScriptedLinks


@pytest.fixture
async def house() -> AsyncIterator[House]:
    agent = ScriptedAgent()
    yard = Yard(
        store=MemoryStore(),
        engine=ScriptedEngine(agent),
        links=ScriptedLinks(agent),
        bell=LocalBell(),
        clock=SystemClock(),
        limits=Limits(),
        admin_token=ADMIN,
    )
    app = build_app(yard, AppSettings(version="1.2.3", body_limit=100_000), [door])
    async with (
        yard,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://yard",
            headers={"Authorization": f"Bearer {ADMIN}"},
        ) as client,
    ):
        yield House(client, app, yard, agent)
    await agent.aclose()


@pytest.fixture
def client(house: House) -> httpx.AsyncClient:
    return house.client
