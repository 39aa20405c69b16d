"""Asking a socket whether an agent answers there."""

from __future__ import annotations

import asyncio

import msgspec

from kernelyard.wire.framing import LENGTH_SIZE, frame, frame_length
from kernelyard.wire.link import (
    LINK_VERSION,
    AgentInfo,
    Hello,
    decode_reply,
    encode_message,
)

_SECONDS = 5.0
_LOOK_SECONDS = 0.05


async def answers(path: str) -> bool:
    """Whether an agent that speaks our version of the link answers at the unix socket ``path``."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await _connected(path)
            try:
                writer.write(frame(encode_message(Hello())))
                head = await reader.readexactly(LENGTH_SIZE)
                reply = decode_reply(await reader.readexactly(frame_length(head)))
            finally:
                writer.close()
    except (OSError, EOFError, ValueError, TimeoutError, msgspec.DecodeError):
        return False
    return isinstance(reply, AgentInfo) and reply.link_version == LINK_VERSION


async def _connected(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; an agent whose queue of connections is full is there, and is asked again."""
    while True:
        try:
            return await asyncio.open_unix_connection(path)
        except BlockingIOError:
            await asyncio.sleep(_LOOK_SECONDS)
