"""The probes."""

from __future__ import annotations

import httpx

from kernelyard.clock import SystemClock
from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.yard.limits import Limits
from kernelyard.yard.yard import Yard

from tests.support.scripted_agent import ScriptedAgent, ScriptedEngine, ScriptedLinks


class SilentStore(MemoryStore):
    """A store that does not answer."""

    async def ping(self) -> None:
        raise OSError("the disk is gone: /secret/place")


async def test_both_probes_answer_without_a_token(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_server_whose_store_is_silent_lives_and_is_not_ready() -> None:
    agent = ScriptedAgent()
    yard = Yard(
        store=SilentStore(),
        engine=ScriptedEngine(agent),
        links=ScriptedLinks(agent),
        bell=LocalBell(),
        clock=SystemClock(),
        limits=Limits(),
        admin_token=None,
    )
    transport = httpx.ASGITransport(build_app(yard, AppSettings(version="1"), []))
    async with httpx.AsyncClient(transport=transport, base_url="http://yard") as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "secret" not in answer.text
