"""Whoever comes while a kernel ends is told so, and is not left with a line that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.ears import Tap
from kernelyard.agent.journal import Journal
from kernelyard.agent.logs import Log
from kernelyard.agent.relay.relays import Relays
from kernelyard.links.relay import RelayLine
from kernelyard.model.errors import KernelEnded
from kernelyard.model.records import RecordKind
from kernelyard.wire.framing import frame
from kernelyard.wire.link import Done, encode_message
from kernelyard.wire.relaying import Relay

WANTED = Relay("k", "ann", "s")
WELCOME = frame(encode_message(Done()))


class Ending:
    """A kernel that has no process any more."""

    id, attempt, running_msg_id = "k", 1, ""
    speaker = None
    alive = owned = False

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.tapped: Tap | None = None

    def tap(self, tap: Tap | None) -> None:
        self.tapped = tap

    def run(self, run: ClientRun) -> None:
        raise KernelEnded

    async def interrupt(self, by: str) -> str:
        raise KernelEnded

    async def signal(self, number: int, by: str) -> None:
        raise KernelEnded

    def stop(self, reason: str) -> None: ...

    def restart(self, reason: str) -> None: ...


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Ending]:
    journal = Journal(tmp_path / "journal")
    yield Ending(journal)
    journal.close()


@pytest.fixture
def relays(tmp_path: Path) -> Relays:
    return Relays(tmp_path, Log())


async def test_no_client_is_let_in_once_the_end_is_written(kernel: Ending, relays: Relays) -> None:
    kernel.journal.append([(0, RecordKind.KERNEL_ENDED, b"{}")])
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    async with asyncio.timeout(5):
        with pytest.raises(KernelEnded):
            await relays.serve(kernel, transport, WANTED, WELCOME)
    transport.abort()
    theirs.close()


async def test_clients_that_are_left_when_a_kernel_is_dropped_are_sent_away(
    kernel: Ending, relays: Relays
) -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    other, line = await loop.create_connection(RelayLine, sock=theirs)
    serving = asyncio.create_task(relays.serve(kernel, transport, WANTED, WELCOME))
    while kernel.tapped is None:
        await asyncio.sleep(0)
    relays.drop(kernel.id)
    async with asyncio.timeout(5):
        with pytest.raises(KernelEnded):
            await line.next()
        await serving
    assert kernel.tapped is None
    other.abort()
