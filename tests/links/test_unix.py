"""The link: calls come back or fail clearly · a stale connection is replaced · a journal comes whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kernelyard.links.unix import UnixLink, UnixLinks
from kernelyard.model.errors import AgentUnavailable, ImageNotFound, KernelNotFound
from kernelyard.model.records import Record, RecordKind
from kernelyard.ports.engine import AgentAddress
from kernelyard.wire.framing import LENGTH_SIZE, frame, frame_length
from kernelyard.wire.interventions import Interrupt
from kernelyard.wire.link import (
    Done,
    Fault,
    Follow,
    Reply,
    Request,
    decode_request,
    encode_message,
)

from tests.support.records import encode_all

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
END = Record(3, 30, 0, RecordKind.KERNEL_ENDED, b'{"cause":"asked","reason":"done"}')
RECORDS = [
    Record(1, 10, 1, RecordKind.STARTED, b'{"task_id":"t"}'),
    Record(2, 20, 1, RecordKind.STREAM, b'{"name":"stdout","text":"x"}'),
    END,
]


@asynccontextmanager
async def an_agent(path: Path, talk: Talk) -> AsyncIterator[UnixLink]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(served, path)
    link = UnixLink(str(path))
    try:
        yield link
    finally:
        link.close()
        server.close()


async def heard(reader: asyncio.StreamReader) -> Request:
    head = await reader.readexactly(LENGTH_SIZE)
    return decode_request(await reader.readexactly(frame_length(head)))


async def follow_into(got: list[Record], link: UnixLink) -> None:
    async for records in link.follow("k", 0):
        got += records


def said(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(frame(encode_message(reply)))


async def test_connections_are_used_again(tmp_path: Path) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await heard(reader)
            said(writer, Done())

    async with an_agent(tmp_path / "s", talk) as link:
        for _ in range(5):
            await link.attach("k", 1.0)
    assert connections == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        said(writer, Done())

    async with an_agent(tmp_path / "s", talk) as link:
        for _ in range(5):
            await link.attach("k", 1.0)


async def test_an_interrupt_that_is_not_answered_is_not_sent_again(tmp_path: Path) -> None:
    interrupts = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal interrupts
        while not isinstance(await heard(reader), Interrupt):
            said(writer, Done())
        interrupts += 1

    async with an_agent(tmp_path / "s", talk) as link:
        await link.attach("k", 1.0)
        with pytest.raises(AgentUnavailable):
            await link.interrupt("k", "ann", "")
    assert interrupts == 1


async def test_calls_at_the_same_time_do_not_mix_their_answers(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await heard(reader)
            code = getattr(request, "kernel_id", "")
            said(writer, Fault("kernel_not_found", code))

    async def ask(link: UnixLink, name: str) -> None:
        with pytest.raises(KernelNotFound, match=name):
            await link.attach(name, 1.0)

    async with an_agent(tmp_path / "s", talk) as link:
        await asyncio.gather(*(ask(link, f"kernel-{n:03}") for n in range(50)))


async def test_a_fault_is_raised_as_the_error_it_stands_for(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        said(writer, Fault("image_not_found", "no such thing"))

    async with an_agent(tmp_path / "s", talk) as link:
        with pytest.raises(ImageNotFound, match="no such thing"):
            await link.resource("kernelspec", "nope", "logo.png")


async def test_nobody_there_is_agent_unavailable(tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailable):
        await UnixLink(str(tmp_path / "nothing")).hello()


async def test_an_answer_of_another_kind_is_told_as_a_mismatch(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        said(writer, Done())

    async with an_agent(tmp_path / "s", talk) as link:
        with pytest.raises(AgentUnavailable, match="version"):
            await link.hello()


@pytest.mark.parametrize("per_frame", [1, 2, 3])
async def test_a_journal_is_followed_to_its_last_record(tmp_path: Path, per_frame: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await heard(reader)
        assert request == Follow("k", 0)
        said(writer, Done())
        for at in range(0, len(RECORDS), per_frame):
            writer.write(frame(b""))
            writer.write(frame(encode_all(RECORDS[at : at + per_frame])))
        await writer.drain()

    async with an_agent(tmp_path / "s", talk) as link:
        got = [record async for records in link.follow("k", 0) for record in records]
    assert got == RECORDS


async def test_a_cut_stream_yields_what_came_and_then_fails(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        said(writer, Done())
        data = frame(encode_all(RECORDS[:2])) + frame(encode_all([END]))[:-3]
        writer.write(data)
        await writer.drain()

    got: list[Record] = []
    async with an_agent(tmp_path / "s", talk) as link:
        with pytest.raises(AgentUnavailable):
            await follow_into(got, link)
    assert got == RECORDS[:2]


async def test_a_damaged_record_is_not_handed_on(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        said(writer, Done())
        data = bytearray(encode_all(RECORDS[:1]))
        data[-1] ^= 1
        writer.write(frame(bytes(data)))
        await writer.drain()

    got: list[Record] = []
    async with an_agent(tmp_path / "s", talk) as link:
        with pytest.raises(AgentUnavailable):
            await follow_into(got, link)
    assert got == []


async def test_links_are_one_per_address_and_of_known_kinds() -> None:
    links = UnixLinks()
    address = AgentAddress("unix", "/run/x")
    assert links.open(address) is links.open(address)
    with pytest.raises(ValueError, match="carrier"):
        links.open(AgentAddress("carrier-pigeon", "x"))
    await links.aclose()
