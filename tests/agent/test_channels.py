"""The sockets to one kernel: greeted however often it is joined, whatever it signs with."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from kernelyard.agent.channels import Channels
from kernelyard.agent.connection import over_ipc, write_connection
from kernelyard.agent.logs import Log
from kernelyard.wire.connections import Connection
from kernelyard.wire.messages import Message, ask

SECONDS = 30
STAND_IN = Path(__file__).parents[1] / "support" / "standin_kernel.py"
IPYKERNEL = ["-m", "ipykernel_launcher", "-f"]


class Ear:
    """Keeps the types of what a kernel says."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._more = asyncio.Event()

    def on_shell(self, messages: list[Message]) -> None:
        self.heard += [message.type for message in messages]
        self._more.set()

    on_control = on_stdin = on_iopub = on_shell

    def on_wrongly_signed(self) -> None:
        self.heard.append("wrongly signed")
        self._more.set()

    async def hear(self, kind: str) -> None:
        """Wait until a message of a type has come."""
        async with asyncio.timeout(SECONDS):
            while kind not in self.heard:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def context() -> AsyncIterator[zmq.Context[zmq.Socket[bytes]]]:
    made: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield made
    made.destroy(linger=0)


@pytest.fixture
def connection(tmp_path_factory: pytest.TempPathFactory) -> Connection:
    return over_ipc(str(tmp_path_factory.mktemp("s") / "k"), "kernel")


@contextmanager
def running(connection: Connection, *command: str) -> Iterator[None]:
    """A kernel that is ended afterwards."""
    file = Path(f"{connection.ip}.json")
    write_connection(file, connection)
    arguments = [str(file) if word == "FILE" else word for word in command]
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def joined(context: Any, connection: Connection, ear: Ear) -> Channels:
    """Sockets that have asked who the kernel is."""
    channels = Channels(context, connection, identity="same", listener=ear, log=Log())
    channels.send_shell(ask("kernel_info_request", msg_id="m", session="s", date="d"))
    return channels


async def test_a_kernel_that_greets_a_topic_once_greets_each_that_joins(
    context: Any, connection: Connection
) -> None:
    with running(connection, *IPYKERNEL, "FILE"):
        first, second = Ear(), Ear()
        one = joined(context, connection, first)
        await first.hear("iopub_welcome")
        # Shell's identity is the same: what the first asked is answered to whoever has it now.
        one.close()
        other = joined(context, connection, second)
        again = Ear()
        third = Channels(context, connection, identity="same", listener=again, log=Log())
        await second.hear("iopub_welcome")
        await again.hear("iopub_welcome")
        other.close()
        third.close()


@pytest.mark.parametrize(
    ("scheme", "key"),
    [("hmac-sha256", "k"), ("hmac-sha512", "k"), ("hmac-md5", "k"), ("hmac-sha256", "")],
)
async def test_a_kernel_is_understood_whatever_it_signs_with(
    context: Any, connection: Connection, scheme: str, key: str
) -> None:
    signed = msgspec.structs.replace(connection, signature_scheme=scheme, key=key)
    with running(signed, str(STAND_IN), "FILE", "ipc"):
        ear = Ear()
        channels = joined(context, signed, ear)
        await ear.hear("kernel_info_reply")
        assert "wrongly signed" not in ear.heard
        channels.close()


async def test_a_way_of_signing_that_nobody_knows_is_refused(
    context: Any, connection: Connection
) -> None:
    strange = msgspec.structs.replace(connection, signature_scheme="rot13")
    with pytest.raises(ValueError, match="rot13"):
        Channels(context, strange, identity="x", listener=Ear(), log=Log())
