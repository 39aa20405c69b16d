"""A process of somebody else is told from all others, and signalled without harm to its neighbours."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.agent.foreign.listeners import listener_of
from kernelyard.agent.foreign.stranger import Stranger
from kernelyard.wire.connections import Connection

SLEEPS = "import time\nprint('on', flush=True)\ntime.sleep(100)"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One in our own process group, as a program starts a kernel that thinks of nothing else."""
    process = subprocess.Popen([sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


async def test_its_end_is_noticed_and_told_apart_from_a_later_process(
    process: subprocess.Popen[bytes],
) -> None:
    stranger = Stranger.of(process.pid)
    assert stranger is not None
    assert "-c" in stranger.command()
    record = stranger.record()
    again = Stranger.again(record)
    assert again is not None
    again.close()
    for wrong in ({"start_time": 1}, {"boot_id": "another"}, {"pid": 2**22 - 1}):
        assert Stranger.again({**record, **wrong}) is None
    ended = asyncio.ensure_future(stranger.ended())
    process.kill()
    async with asyncio.timeout(5):
        await ended
    process.wait()
    assert Stranger.again(record) is None
    assert Stranger.of(process.pid) is None
    assert not stranger.signal(signal.SIGINT)
    stranger.close()


async def test_a_signal_spares_the_group_that_it_does_not_lead(
    process: subprocess.Popen[bytes],
) -> None:
    assert os.getpgid(process.pid) == os.getpgid(0)
    stranger = Stranger.of(process.pid)
    assert stranger is not None
    assert stranger.signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    stranger.close()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells who listens")
def test_the_one_process_that_listens_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listener_of(connection(port)) == os.getpid()
        assert listener_of(connection(port, ip="192.0.2.1")) is None, "it is elsewhere"
        child = subprocess.Popen(
            [sys.executable, "-c", SLEEPS],
            pass_fds=[server.fileno()],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        assert listener_of(connection(port)) is None, "two hold it, and nobody knows which is meant"
        child.kill()
        child.wait()
        child.stdout.close()
    assert listener_of(connection(port)) is None


def connection(port: int, ip: str = "127.0.0.1") -> Connection:
    return Connection(
        ip=ip, shell_port=1, iopub_port=2, stdin_port=3, control_port=port, hb_port=5, key="k"
    )
