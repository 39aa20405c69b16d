"""Messages of Jupyter clients, written and read as they go over WebSockets and the agent link."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from kernelyard.wire import websocket_v1
from kernelyard.wire.multipart import Parts
from kernelyard.wire.websocket import Framed


@dataclass(frozen=True)
class Said:
    """A message, read."""

    channel: str
    type: str
    parent: str
    content: dict[str, Any]
    header: dict[str, Any]
    buffers: tuple[bytes, ...]


def a_request(
    msg_type: str,
    content: dict[str, Any] | None = None,
    *,
    channel: str = "shell",
    parent: dict[str, Any] | None = None,
    buffers: Sequence[bytes] = (),
    **header: Any,
) -> tuple[str, Framed]:
    """A message of a client, and its id."""
    msg_id = uuid4().hex
    known = {"session": "s", "username": "ann", "version": "5.3", "date": "2026-01-01T00:00:00Z"}
    fields = {"msg_id": msg_id, "msg_type": msg_type, **known, **header}
    parts = (json.dumps(one).encode() for one in (fields, parent or {}, {}, content or {}))
    made, above, metadata, body = parts
    return msg_id, Framed(channel, Parts(made, above, metadata, body, tuple(buffers)))


def an_execution(code: str, **content: Any) -> tuple[str, Framed]:
    """A request to run code, and its id."""
    asked = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return a_request("execute_request", {**asked, **content})


def encoded(framed: Framed) -> bytes:
    """The message in a frame of the v1 protocol."""
    return websocket_v1.encode(framed.channel, framed.parts)


def read(data: str | bytes) -> Said:
    """Read a frame: text is of the default framing, bytes are of v1."""
    if isinstance(data, str):
        found = json.loads(data)
        return _said(found["channel"], found["header"], found["parent_header"], found["content"])
    framed = websocket_v1.decode(data, most_parts=None)
    parts = framed.parts
    above, content = (json.loads(one) for one in (parts.parent, parts.content))
    return _said(framed.channel, json.loads(parts.header), above, content, parts.buffers)


def read_binary_json(data: bytes) -> Said:
    """Read a binary frame of the default framing."""
    count = int.from_bytes(data[:4], "big")
    begins = [int.from_bytes(data[4 * n + 4 : 4 * n + 8], "big") for n in range(count)]
    ends = [*begins[1:], len(data)]
    message, *buffers = (data[begin:end] for begin, end in zip(begins, ends, strict=True))
    said = read(message.decode())
    return Said(said.channel, said.type, said.parent, said.content, said.header, tuple(buffers))


def _said(
    channel: str,
    header: dict[str, Any],
    parent: dict[str, Any],
    content: dict[str, Any],
    buffers: Sequence[bytes] = (),
) -> Said:
    above = str(parent.get("msg_id", ""))
    return Said(channel, header["msg_type"], above, content, header, tuple(buffers))
