"""What a client of a WebSocket says comes in order, and its going is noticed while there is no room."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from kernelyard.doors.native import incoming as subject
from kernelyard.doors.native.incoming import Incoming

SECONDS = 5.0
GONE: Message = {"type": "websocket.disconnect", "code": 1000}


def said(data: str | bytes) -> Message:
    kind = "text" if isinstance(data, str) else "bytes"
    return {"type": "websocket.receive", kind: data}


class Client:
    """A client, and an agent that has room when ``room`` is set."""

    def __init__(self, *messages: Message) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self.messages.put_nowait(message)
        self.room = asyncio.Event()
        self.incoming = Incoming(self.messages.get)

    async def leaves(self) -> bool:
        async with asyncio.timeout(SECONDS):
            return await self.incoming.leaves_before(self._has_room())

    async def _has_room(self) -> None:
        await self.room.wait()


async def test_a_client_that_goes_while_there_is_no_room_is_noticed() -> None:
    assert await Client(said(b"one"), said("two"), GONE).leaves()


async def test_what_was_said_while_there_was_no_room_comes_in_order() -> None:
    client = Client(said(b"one"), said("two"))
    waiting = asyncio.create_task(client.leaves())
    while not client.messages.empty():
        await asyncio.sleep(0)
    client.room.set()
    assert not await waiting
    client.messages.put_nowait(said(""))
    client.messages.put_nowait(GONE)
    assert [await client.incoming.next() for _ in range(4)] == [b"one", "two", "", None]
    client.incoming.close()


async def test_no_more_than_a_little_is_taken_ahead() -> None:
    large = b"x" * (subject.MOST_AHEAD_BYTES // 3 + 1)
    client = Client(*[said(large)] * 5)
    waiting = asyncio.create_task(client.leaves())
    while client.messages.qsize() > 2:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert client.messages.qsize() == 2
    client.room.set()
    assert not await waiting
    assert [await client.incoming.next() for _ in range(5)] == [large] * 5
