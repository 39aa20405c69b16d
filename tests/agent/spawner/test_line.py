"""What a spawner says is understood however closely its words follow each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.spawner.line import End, connect, frame


async def test_the_end_of_a_process_that_ended_at_once_is_told_with_the_answer(
    tmp_path: Path,
) -> None:
    over = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame({"spawner": 1, "children": []}))
        await reader.readexactly(4)
        started = frame({"id": 1, "pid": 4711, "start_time": 7})
        writer.write(started + frame({"exit": 4711, "start_time": 7, "code": 3, "at": 9}))
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    place = tmp_path / "s"
    async with await asyncio.start_unix_server(speak, str(place)):
        line = await connect(place)
        answer = await line.ask({})
        async with asyncio.timeout(20):
            assert await answer.told == End(4711, 7, code=3, at=9)
        line.close()
        async with asyncio.timeout(20):
            await over.wait()
