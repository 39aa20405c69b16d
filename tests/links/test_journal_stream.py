"""A followed journal: told at once, handed on in batches, and its silence noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kernelyard.links.frames import Connection
from kernelyard.links.journal_stream import JournalStream
from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.framing import LENGTH_SIZE, frame, frame_length
from kernelyard.wire.link import Done, Follow, Hello, encode_message

from tests.support.records import encode_all

START = Record(1, 10, 1, RecordKind.STARTED, b'{"task_id":"t"}')
OUTPUT = Record(2, 20, 1, RecordKind.STREAM, b'{"name":"stdout","text":"x"}')
END = Record(3, 30, 1, RecordKind.ENDED, b'{"task_id":"t","state":"succeeded"}')


class Agent:
    """The other end: answers one request and then says what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def answer(self) -> None:
        head = await self._reader.readexactly(LENGTH_SIZE)
        await self._reader.readexactly(frame_length(head))
        self.writer.write(frame(encode_message(Done())))

    def say(self, *records: Record) -> None:
        self.writer.write(frame(encode_all(records)))

    async def say_in_pieces(self, data: bytes, size: int) -> None:
        for at in range(0, len(data), size):
            self.writer.write(data[at : at + size])
            await asyncio.sleep(0)


class Listener:
    """Notes what is told as it arrives."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.came = asyncio.Event()

    def begin(self, last: int | None) -> None: ...

    def take(self, records: Sequence[Record]) -> None:
        self.records += records
        self.came.set()


async def turns_of_the_loop(seconds: float) -> AsyncIterator[None]:
    """The turns that the loop takes while so much time goes by."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        yield
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(tmp_path: Path) -> AsyncIterator[tuple[Connection, Agent]]:
    agents: asyncio.Queue[Agent] = asyncio.Queue()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agents.put(Agent(reader, writer))

    server = await asyncio.start_unix_server(served, tmp_path / "s")
    connection = await Connection.open(str(tmp_path / "s"))
    agent = await agents.get()
    try:
        async with asyncio.timeout(20):
            yield connection, agent
    finally:
        connection.close()
        agent.writer.close()
        server.close()


@asynccontextmanager
async def a_stream(
    tmp_path: Path, heard: Listener | None = None, silence: float = 60.0
) -> AsyncIterator[tuple[JournalStream, Agent]]:
    async with connected(tmp_path) as (connection, agent):
        answering = asyncio.create_task(agent.answer())
        await connection.call(Follow("k", 0))
        await answering
        stream = JournalStream(connection, heard, silence=silence)
        try:
            yield stream, agent
        finally:
            stream.close()


async def test_an_agent_that_is_silent_for_long_counts_as_gone(tmp_path: Path) -> None:
    async with a_stream(tmp_path, silence=0.1) as (stream, agent):
        agent.say(START)
        assert await stream.next() == [START]
        with pytest.raises(AgentUnavailable) as caught:
            await stream.next()
    assert "silent" in str(caught.value.detail)


async def test_signs_of_life_are_no_records_and_keep_the_stream(tmp_path: Path) -> None:
    async def live(agent: Agent) -> None:
        async for _ in turns_of_the_loop(2.5):
            agent.say()
        agent.say(END)

    async with a_stream(tmp_path, silence=2.0) as (stream, agent):
        living = asyncio.create_task(live(agent))
        assert await stream.next() == [END]
        await living


async def test_an_agent_that_is_made_to_wait_is_not_silent(tmp_path: Path) -> None:
    outputs = [Record(n, 20, 1, RecordKind.STREAM, OUTPUT.body) for n in range(1, 20001)]

    async def speak(agent: Agent) -> None:
        for at in range(0, len(outputs), 100):
            agent.say(*outputs[at : at + 100])
            await agent.writer.drain()
        agent.say(END)

    heard = Listener()
    got: list[Record] = []
    async with a_stream(tmp_path, heard, silence=2.0) as (stream, agent):
        speaking = asyncio.create_task(speak(agent))
        await heard.came.wait()
        async for _ in turns_of_the_loop(2.5):
            pass
        assert 0 < len(heard.records) < len(outputs), "it must be made to wait"
        while END not in got:
            got += await stream.next()
        await speaking
    assert got == [*outputs, END]
    assert heard.records == got


async def test_what_belongs_together_comes_together(tmp_path: Path) -> None:
    async with a_stream(tmp_path) as (stream, agent):
        coming = asyncio.create_task(stream.next())
        for record in (START, OUTPUT, END):
            agent.say(record)
            await asyncio.sleep(0)
        assert await coming == [START, OUTPUT, END]


@pytest.mark.parametrize("record", [START, OUTPUT, END])
async def test_a_record_that_nothing_follows_is_not_held_back_for_ever(
    tmp_path: Path, record: Record
) -> None:
    async with a_stream(tmp_path) as (stream, agent):
        agent.say(record)
        assert await stream.next() == [record]


async def test_whoever_listens_hears_of_records_that_nobody_has_asked_for(tmp_path: Path) -> None:
    heard = Listener()
    async with a_stream(tmp_path, heard) as (stream, agent):
        agent.say(START)
        await heard.came.wait()
        assert heard.records == [START]
        assert await stream.next() == [START]


async def test_a_wait_that_is_given_up_loses_nothing(tmp_path: Path) -> None:
    async with a_stream(tmp_path) as (stream, agent):
        for _ in range(3):
            waiting = asyncio.create_task(stream.next())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        agent.say(START, OUTPUT)
        agent.say(END)
        got: list[Record] = []
        while END not in got:
            got += await stream.next()
    assert got == [START, OUTPUT, END]


async def test_records_before_a_damaged_one_are_handed_on(tmp_path: Path) -> None:
    async with a_stream(tmp_path) as (stream, agent):
        damaged = bytearray(frame(encode_all([END])))
        damaged[-1] ^= 1
        agent.writer.write(frame(encode_all([START])) + bytes(damaged))
        assert await stream.next() == [START]
        with pytest.raises(AgentUnavailable):
            await stream.next()


async def test_frames_may_come_in_any_pieces(tmp_path: Path) -> None:
    data = b"".join(frame(encode_all([record])) for record in (START, OUTPUT, END))
    got: list[Record] = []
    async with a_stream(tmp_path) as (stream, agent):
        saying = asyncio.create_task(agent.say_in_pieces(data, 3))
        while END not in got:
            got += await stream.next()
        await saying
    assert got == [START, OUTPUT, END]


async def test_a_frame_over_the_limit_ends_the_stream(tmp_path: Path) -> None:
    async with a_stream(tmp_path) as (stream, agent):
        agent.writer.write(b"\xff\xff\xff\xff")
        with pytest.raises(AgentUnavailable) as caught:
            await stream.next()
    assert "limit" in str(caught.value.detail)


async def test_a_call_that_is_not_answered_ends_in_time(tmp_path: Path) -> None:
    async with connected(tmp_path) as (connection, _):
        with pytest.raises(TimeoutError):
            await connection.call(Hello(), 0.05)


async def test_a_connection_with_an_answer_too_many_is_not_used_again(tmp_path: Path) -> None:
    async with connected(tmp_path) as (connection, agent):
        answering = asyncio.create_task(agent.answer())
        await connection.call(Hello())
        await answering
        agent.say()
        while not connection.ended:
            await asyncio.sleep(0)
        with pytest.raises(AgentUnavailable):
            await connection.call(Hello())
