"""A client of a kernel's WebSocket, as Jupyter's clients are."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from kernelyard.wire import websocket_v1

from tests.support.kernel_messages import (
    Said,
    a_request,
    an_execution,
    encoded,
    read,
    read_binary_json,
)
from tests.support.live_server import LiveServer

SECONDS = 30.0


class ChannelClient:
    """One WebSocket of one kernel; what it has heard is kept. Use as a context manager."""

    def __init__(
        self,
        live: LiveServer,
        kernel_id: str,
        session: str = "s",
        *,
        token: str | None = None,
        as_json: bool = False,
        **options: Any,
    ) -> None:
        base = live.url.replace("http", "ws", 1)
        options.setdefault("additional_headers", {"Authorization": f"token {token or live.token}"})
        if not as_json:
            options.setdefault("subprotocols", [websocket_v1.PROTOCOL])
        self._connecting = connect(
            f"{base}v1/kernels/{kernel_id}/channels?session_id={session}",
            max_size=None,
            compression=None,
            **options,
        )
        self.socket: ClientConnection
        self.as_json = as_json
        self.heard: list[Said] = []

    def __enter__(self) -> Self:
        self.socket = self._connecting.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def execute(self, code: str, **content: object) -> str:
        """Ask for code to be run; return the id of the request."""
        msg_id, framed = an_execution(code, **content)
        if self.as_json:
            parts = framed.parts
            body = b'{"channel":"shell","header":%b,"parent_header":{},"metadata":{},"content":%b}'
            self.socket.send((body % (parts.header, parts.content)).decode())
        else:
            self.socket.send(encoded(framed))
        return msg_id

    def ask(self, msg_type: str, *arguments: Any, **fields: Any) -> str:
        """Send any other message; return its id."""
        msg_id, framed = a_request(msg_type, *arguments, **fields)
        self.socket.send(encoded(framed))
        return msg_id

    def until(self, wanted: Callable[[Said], bool]) -> Said:
        """Hear on until a message fits; return it."""
        deadline = time.monotonic() + SECONDS
        while True:
            data = self.socket.recv(deadline - time.monotonic())
            binary_json = self.as_json and isinstance(data, bytes)
            said = read_binary_json(data) if binary_json else read(data)
            self.heard.append(said)
            if wanted(said):
                return said

    def end(self, msg_id: str) -> Said:
        """Hear on until reply and idle mark of a request have come; return the reply."""
        reply: Said | None = None
        idle = False
        while reply is None or not idle:
            said = self.until(lambda one: one.parent == msg_id)
            if said.type.endswith("_reply"):
                reply = said
            elif said.type == "status":
                idle = said.content["execution_state"] == "idle"
        return reply

    def run(self, code: str, **content: object) -> Said:
        """Run code to its reply and its idle mark; return the reply."""
        return self.end(self.execute(code, **content))

    def texts(self, msg_id: str) -> str:
        """What one request printed."""
        said = (one for one in self.heard if one.type == "stream" and one.parent == msg_id)
        return "".join(one.content["text"] for one in said)
