"""A client of the Jupyter kernel protocol over a WebSocket: one and the same for us and for peers."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("v1.kernel.websocket.jupyter.org")
PATIENCE = 120.0
QUIET = 5.0
Content = dict[str, Any]


class SocketKernel:
    """One kernel behind a server."""

    def __init__(self, socket: ClientConnection, kernel_id: str) -> None:
        self.id = kernel_id
        self._socket = socket
        self._session = uuid.uuid4().hex

    async def execute(self, code: str, take: Callable[[str, Content], None] | None = None) -> bool:
        """Run ``code`` until reply and idle have come; False if one was dropped on the way."""
        asked = uuid.uuid4().hex
        await self._socket.send(self._request(asked, code))
        waiting = {"reply", "idle"}
        while waiting:
            try:
                # After the reply nothing but a dropped message takes this long.
                patience = PATIENCE if "reply" in waiting else QUIET
                async with asyncio.timeout(patience):
                    raw = await self._socket.recv()
            except TimeoutError:
                return False
            kind, parent, content = _unpacked(raw)
            if parent != asked:
                continue
            if kind == "execute_reply":
                assert content["status"] == "ok", content
                waiting.discard("reply")
            elif kind == "status" and content["execution_state"] == "idle":
                waiting.discard("idle")
            elif take is not None:
                take(kind, content)
        return True

    def _request(self, asked: str, code: str) -> bytes:
        header = {
            "msg_id": asked,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "bench",
            "date": "2000-01-01T00:00:00Z",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
        offsets = [8 * (len(parts) + 2)]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        head = b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets))
        return head + b"".join(parts)


@asynccontextmanager
async def opened(
    url: str, path: str, kernel_id: str, headers: Mapping[str, str]
) -> AsyncIterator[SocketKernel]:
    """Open the WebSocket of a kernel at ``path`` of a server."""
    address = f"{url.replace('http', 'ws', 1)}{path}"
    async with connect(
        address,
        subprotocols=[SUBPROTOCOL],
        additional_headers=headers,
        max_size=None,
        open_timeout=PATIENCE,
        compression=None,
        proxy=None,
    ) as socket:
        yield SocketKernel(socket, kernel_id)


def _unpacked(raw: str | bytes) -> tuple[str, str | None, Content]:
    data = raw.encode() if isinstance(raw, str) else raw
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * n : 8 * n + 8], "little") for n in range(1, count + 1)]
    parts = [data[start:end] for start, end in pairwise(offsets)]
    header, parent, content = (json.loads(parts[n]) for n in (1, 2, 4))
    return header["msg_type"], parent.get("msg_id"), content
