"""Whoever waits for changes of the images is answered when there is one, and when the agent ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, fault_in

LEVELS = {"level": {"enum": ["low", "high"], "default": "low"}}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent whose kernelspecs are in a directory of the test's."""
    (tmp_path / "kernels").mkdir()
    process = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path)})
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


def install(tmp_path: Path, name: str, **spec: object) -> None:
    directory = tmp_path / "kernels" / name
    directory.mkdir()
    content = {"argv": [sys.executable], "display_name": name, "language": "x", **spec}
    (directory / "kernel.json").write_text(json.dumps(content))


async def listed(agent: AgentProcess, than: int, seconds: float) -> link.ImageList:
    images = await agent.ask(link.NewImages(than, seconds))
    assert isinstance(images, link.ImageList)
    return images


async def test_a_kernelspec_that_appears_answers_whoever_waits(
    agent: AgentProcess, tmp_path: Path
) -> None:
    images = await listed(agent, 0, 20)
    while (later := await listed(agent, images.version, 0.01)).version != images.version:
        images = later
    waiting = asyncio.create_task(listed(agent, images.version, 20))
    install(tmp_path, "fresh")
    async with asyncio.timeout(40):
        images = await waiting
        while "fresh" not in [image.name for image in images.images]:
            images = await listed(agent, images.version, 20)
    assert images.began == later.began


async def test_an_agent_that_is_to_end_does_not_keep_anybody_waiting(agent: AgentProcess) -> None:
    images = await listed(agent, 0, 20)
    while (later := await listed(agent, images.version, 0.01)).version != images.version:
        images = later
    connection = await agent.connect()
    waiting = asyncio.create_task(connection.ask(link.NewImages(images.version, 25)))
    await agent.ask(link.Hello())
    assert agent.terminate() == 0
    try:
        reply = await waiting
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    if not isinstance(reply, link.ImageList):
        assert fault_in(reply).code == "agent_unavailable"


async def test_what_is_not_safe_is_listed_only_where_that_is_allowed(
    agent: AgentProcess, tmp_path: Path
) -> None:
    free = {"properties": {"any": {"type": "string"}}}
    install(tmp_path, "unsafe", metadata={"parameters": free})
    images = await agent.ask(link.Images(refresh=True))
    assert isinstance(images, link.ImageList)
    assert [one.reference for one in images.hidden] == ["kernelspec/unsafe"]
    trusting = AgentProcess(
        tmp_path / "trusting", "--allow-insecure-parameters", env={"JUPYTER_PATH": str(tmp_path)}
    )
    try:
        await trusting.start()
        images = await trusting.ask(link.Images(refresh=True))
        assert isinstance(images, link.ImageList)
        (unsafe,) = [image for image in images.images if image.name == "unsafe"]
        assert unsafe.parameters["properties"] == free["properties"]
        assert images.hidden == []
    finally:
        await trusting.clean_up()


async def test_parameters_are_checked_over_the_link(agent: AgentProcess, tmp_path: Path) -> None:
    install(tmp_path, "levels", metadata={"parameters": {"properties": LEVELS}})
    await agent.ask(link.Images(refresh=True))
    await agent.done(link.Parameters("kernelspec", "levels", {"level": "high"}))
    wrong = fault_in(await agent.ask(link.Parameters("kernelspec", "levels", {"level": "no"})))
    assert (wrong.code, wrong.field) == ("invalid", "parameters.level")
