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

from kernelyard.agent.foreign.listeners import eldest, listeners_of
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
def test_whoever_listens_is_found_and_told_from_what_it_has_forked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners_of(connection(port)) == {os.getpid()}
        assert listeners_of(connection(port, ip="192.0.2.1")) == set(), "it is elsewhere"
        child = subprocess.Popen(
            [sys.executable, "-c", SLEEPS],
            pass_fds=[server.fileno()],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()
        holders = listeners_of(connection(port))
        assert holders == {os.getpid(), child.pid}
        assert eldest(holders) == os.getpid()
        assert eldest({child.pid, os.getppid()}) == os.getppid()
        child.kill()
        child.wait()
        child.stdout.close()
    assert listeners_of(connection(port)) == set()
    assert eldest(set()) is None


def test_of_processes_that_do_not_descend_from_each_other_none_is_the_eldest() -> None:
    sleepers = [subprocess.Popen([sys.executable, "-c", SLEEPS]) for _ in range(2)]
    assert eldest({one.pid for one in sleepers}) is None
    for one in sleepers:
        one.kill()
        one.wait()


def connection(port: int, ip: str = "127.0.0.1") -> Connection:
    return Connection(
        ip=ip, shell_port=1, iopub_port=2, stdin_port=3, control_port=port, hb_port=5, key="k"
    )
