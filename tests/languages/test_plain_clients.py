"""Plain Jupyter clients join kernels of every language, two at a time."""

from __future__ import annotations

import asyncio

from tests.languages.languages import Language
from tests.support.agent_process import AgentProcess
from tests.support.plain_client import PlainClient, bridge_of


async def test_two_plain_clients_join(agent: AgentProcess, language: Language) -> None:
    kernel = await agent.launch(language.name)
    info = await bridge_of(agent, kernel)
    clients = [PlainClient(info), PlainClient(info)]
    try:
        for client in clients:
            await client.ready()
        ran = await asyncio.gather(*(client.run(language.says["prints"]) for client in clients))
        assert [one.stdout.strip() for one in ran] == ["42", "42"]
        assert [one.status for one in ran] == ["ok", "ok"]
    finally:
        for client in clients:
            client.close()
