"""A relay's line: messages come whole and in order · its end says why · nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernelyard.links.relay import MOST_WAITING_BYTES, RelayLine
from kernelyard.model.errors import AgentUnavailable, KernelEnded, KernelNotFound
from kernelyard.wire import websocket_v1
from kernelyard.wire.framing import LENGTH_SIZE, frame, frame_length
from kernelyard.wire.link import Done, Fault, decode_request, encode_message
from kernelyard.wire.multipart import Parts
from kernelyard.wire.relaying import Relay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WANTED = Relay("k", "ann", "s")
ACCEPTED = frame(encode_message(Done()))
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def an_agent(path: Path, talk: Talk) -> AsyncIterator[str]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readexactly(LENGTH_SIZE)
            assert decode_request(await reader.readexactly(frame_length(head))) == WANTED
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(served, path)
    try:
        yield str(path)
    finally:
        server.close()


async def all_of(line: RelayLine, into: list[bytes]) -> None:
    """Read until the line ends; raises what it ends with."""
    while True:
        into += await line.next()


async def test_messages_go_both_ways_and_the_end_says_why(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED + frame(b"one") + frame(b"two"))
        head = await reader.readexactly(LENGTH_SIZE)
        writer.write(frame(await reader.readexactly(frame_length(head))))
        writer.write(frame(encode_message(Fault("kernel_ended", "It has ended."))))
        await writer.drain()

    async with an_agent(tmp_path / "s", talk) as path:
        line = await RelayLine.open(path, WANTED)
        line.send(b"three")
        got: list[bytes] = []
        with pytest.raises(KernelEnded, match="It has ended"):
            await all_of(line, got)
    assert got == [b"one", b"two", b"three"]


@pytest.mark.parametrize("buffers", [5000, 8821])
async def test_a_message_is_no_fault_however_many_parts_it_has(
    tmp_path: Path, buffers: int
) -> None:
    message = websocket_v1.encode("iopub", Parts(b"{}", b"{}", b"{}", b"{}", [b""] * buffers))

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED + frame(message) + frame(encode_message(Fault("kernel_ended", ""))))
        await writer.drain()

    async with an_agent(tmp_path / "s", talk) as path:
        line = await RelayLine.open(path, WANTED)
        got: list[bytes] = []
        with pytest.raises(KernelEnded):
            await all_of(line, got)
    assert got == [message]
    assert len(websocket_v1.decode(message, most_parts=None).parts.buffers) == buffers


async def test_what_is_refused_is_raised_when_it_is_opened(tmp_path: Path) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(encode_message(Fault("kernel_not_found", "There is none."))))
        await writer.drain()

    async with an_agent(tmp_path / "s", talk) as path:
        with pytest.raises(KernelNotFound):
            await RelayLine.open(path, WANTED)


async def test_an_agent_that_is_away_or_hangs_up_is_unavailable(tmp_path: Path) -> None:
    async def silent(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        return

    async def short(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED + frame(b"one")[:-1])
        await writer.drain()

    with pytest.raises(AgentUnavailable):
        await RelayLine.open(str(tmp_path / "nothing"), WANTED)
    async with an_agent(tmp_path / "silent", silent) as path:
        with pytest.raises(AgentUnavailable):
            await RelayLine.open(path, WANTED)
    async with an_agent(tmp_path / "short", short) as path:
        line = await RelayLine.open(path, WANTED)
        with pytest.raises(AgentUnavailable):
            await line.next()


async def test_what_nobody_takes_waits_at_the_agent_and_comes_whole(tmp_path: Path) -> None:
    messages = [bytes([n]) * (MOST_WAITING_BYTES // 4) for n in range(40)]

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED)
        for message in messages:
            writer.write(frame(message))
            await writer.drain()

    async with an_agent(tmp_path / "s", talk) as path:
        line = await RelayLine.open(path, WANTED)
        got = await line.next()
        assert sum(map(len, got)) <= 3 * MOST_WAITING_BYTES
        with pytest.raises(AgentUnavailable):
            await all_of(line, got)
    assert got == messages
