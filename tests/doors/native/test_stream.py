"""Streams: large pieces go out in parts, and whoever takes nothing has one part waiting for him."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.types import Message

from kernelyard.doors.native.splice import PIECE
from kernelyard.doors.native.stream import Streamed

from tests.support.http_house import scope_of


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nothing wakes it")


async def test_a_large_piece_is_sent_in_parts_that_make_up_the_whole() -> None:
    whole = bytes(range(256)) * 8192
    parts: list[bytes] = []

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield whole
        yield b"end"

    async def send(message: Message) -> None:
        parts.append(message.get("body", b""))

    await Streamed(pieces(), "text/plain")(scope_of("/", {}), never, send)
    assert b"".join(parts) == whole + b"end"
    assert max(map(len, parts)) <= 2 * PIECE


async def test_nothing_more_is_made_for_one_who_takes_nothing() -> None:
    made = 0
    takes = asyncio.Event()
    asked = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes, None]:
        nonlocal made
        for _ in range(10):
            made += 1
            yield b"x"

    async def send(message: Message) -> None:
        if message.get("body"):
            asked.set()
            await takes.wait()

    sending = asyncio.create_task(Streamed(pieces(), "text/plain")(scope_of("/", {}), never, send))
    await asked.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert made == 1
    takes.set()
    await sending
    assert made == 10
