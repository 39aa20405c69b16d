"""Kernels in no table are met by an agent in whatever way they can be, or their start fails in time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.places import runtime_path
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.agent.rendezvous.conftest import STAND_IN
from tests.support.agent_process import (
    AgentProcess,
    ended,
    last_body,
    of_kind,
    stdout_of,
    wait_until,
)

MODERN = {"kernel_protocol_version": "5.6"}
PYTHON = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


def a_spec(*traits: str, **more: object) -> dict[str, object]:
    return {"argv": [sys.executable, str(STAND_IN), "{connection_file}", *traits], **more}


def settled(*meets: str) -> dict[str, object]:
    return {"metadata": {"kernelyard": {"meets": list(meets)}}}


SPECS: dict[str, dict[str, object]] = {
    "ipc": a_spec("ipc"),
    "tcp": a_spec("tcp"),
    "colon": a_spec("colon"),
    "welcome": a_spec("ipc", "welcome"),
    "deaf": a_spec("ipc", "deaf"),
    "a": a_spec("a", **MODERN),
    "b": a_spec("b", **MODERN),
    "file": a_spec("file", **MODERN),
    "claims": a_spec("tcp", **MODERN),
    "lies": a_spec("a", "lies", **settled("handshake_a")),
    "wrong-key": a_spec("a", "wrong-key", **settled("handshake_a")),
    "mute": a_spec("ipc", "mute"),
    "unsigned": a_spec("ipc", "unsigned"),
    "forged": a_spec("ipc", "forged"),
    "taken": a_spec("tcp", "first-taken", **settled("classic")),
    "python-by-file": {"argv": PYTHON, **settled("read_back")},
    "python-by-either": {"argv": PYTHON, **settled("handshake_a", "read_back")},
}


def with_specs(place: Path) -> dict[str, str]:
    """Write the kernelspecs, and return the environment in which they are found."""
    for name, spec in SPECS.items():
        directory = place / "kernels" / name
        directory.mkdir(parents=True)
        shown = {"display_name": name, "language": "none"}
        (directory / "kernel.json").write_text(json.dumps({**shown, **spec}))
    return {"JUPYTER_PATH": str(place)}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    process = AgentProcess(tmp_path / "data", env=with_specs(tmp_path / "jupyter"))
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def said_by(agent: AgentProcess, image: str, code: str = "hello") -> str:
    """What a new kernel prints of some code."""
    kernel = await agent.launch(image)
    await agent.submit(kernel, code)
    records = await agent.records(kernel, until=ended(1))
    return stdout_of(records, 1)


async def test_kernels_are_met_in_the_ways_that_they_can(agent: AgentProcess) -> None:
    expected = {
        "ipc": "ipc",
        "tcp": "tcp",
        "welcome": "ipc",
        "deaf": "ipc",
        "a": "registration",
        "b": "registration",
        "file": "file",
        "claims": "tcp",
        "taken": "tcp",
    }
    said = await asyncio.gather(*(said_by(agent, image) for image in expected))
    wanted = [f"{how}: hello\n" for how in expected.values()]
    assert dict(zip(expected, said, strict=True)) == dict(zip(expected, wanted, strict=True))


async def test_ipykernel_chooses_ports_and_tells_them_by_its_file(agent: AgentProcess) -> None:
    for image in ("python-by-file", "python-by-either"):
        kernel = await agent.launch(image)
        await agent.submit(kernel, "print(6 * 7)")
        assert stdout_of(await agent.records(kernel, until=ended(1)), 1) == "42\n"
        file = agent.folder(kernel) / "connection-1.json"
        said = json.loads(file.read_bytes())
        assert said["transport"] == "tcp"
        assert all(said[name] for name in ("shell_port", "iopub_port", "hb_port"))
        assert file.stat().st_mode & 0o777 == 0o600


async def test_what_was_learned_of_a_stranger_saves_the_vain_start(agent: AgentProcess) -> None:
    async def starts() -> int:
        kernel = await agent.launch("tcp")
        records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
        return len([one for one in records if one.kind is RecordKind.KERNEL_LAUNCHED])

    assert await starts() == 2
    assert await starts() == 1


async def test_a_kernel_met_by_registration_is_found_again_by_the_next_agent(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("a")
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    agent.kill()
    await agent.start()
    await agent.submit(kernel, "again")
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "registration: again\n"


async def test_a_kernel_that_cannot_be_believed_is_ended_and_its_start_has_failed(
    agent: AgentProcess,
) -> None:
    async def fails(image: str) -> str:
        limit = {"start_timeout_seconds": 2.0} if image in silent else {}
        kernel = await agent.launch(image, **limit)
        end = last_body(await agent.records(kernel))
        assert end["cause"] == "start_failed"
        folder = agent.folder(kernel)
        await wait_until(lambda: not list(folder.glob("connection-*")))
        assert not list(runtime_path(agent.data_dir).glob(f"{kernel.replace('-', '')}*"))
        return end["reason"]

    silent = ("mute", "unsigned", "forged", "wrong-key")
    images = (*silent, "lies", "colon")
    reasons = dict(zip(images, await asyncio.gather(*map(fails, images)), strict=True))
    for image in silent:
        assert "did not answer within 2 s" in reasons[image]
    assert "ports that cannot be" in reasons["lies"]
    assert "code 4" in reasons["colon"]


async def test_files_and_sockets_of_a_kernel_are_removed_with_it(agent: AgentProcess) -> None:
    kernel = await agent.launch("ipc")
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    sockets = runtime_path(agent.data_dir)
    assert len(list(sockets.glob(f"{kernel.replace('-', '')}-1-*"))) == 5
    await agent.done(link.Stop(kernel, "enough"))
    assert last_body(await agent.records(kernel))["cause"] == "asked"
    assert not list(sockets.glob(f"{kernel.replace('-', '')}*"))
    assert not list(agent.folder(kernel).glob("connection-*"))


async def test_where_no_unix_socket_can_be_kernels_are_met_otherwise(tmp_path: Path) -> None:
    long = tmp_path / ("long-" * 15)
    process = AgentProcess(long, env=with_specs(tmp_path / "jupyter"))
    process.data_dir.mkdir()
    await process.start()
    squatted = runtime_path(process.data_dir)
    try:
        squatted.chmod(0o755)
        kernel = await process.launch("python3")
        await process.submit(kernel, "print(6 * 7)")
        records = await process.records(kernel, until=ended(1))
        assert stdout_of(records, 1) == "42\n"
        said = json.loads((process.folder(kernel) / "connection-1.json").read_bytes())
        assert said["transport"] == "tcp"
    finally:
        squatted.chmod(0o700)
        await process.clean_up()
