"""A WebSocket that speaks the Jupyter kernel protocol with one kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from kernelyard.doors._asgi.bearer import address_of, token_of
from kernelyard.doors._asgi.door import settings_of, yard_of
from kernelyard.doors._asgi.operations import Operations
from kernelyard.doors.native.faults import answer_to
from kernelyard.doors.native.incoming import Incoming
from kernelyard.model.errors import (
    Conflict,
    Forbidden,
    KernelEnded,
    KernelNotFound,
    LimitReached,
    NotFound,
    Unauthenticated,
    Unavailable,
    YardError,
)
from kernelyard.model.ids import is_uuid
from kernelyard.model.principals import Principal
from kernelyard.wire import websocket_json, websocket_v1
from kernelyard.wire.multipart import MalformedMessage
from kernelyard.wire.websocket import SHELL, MalformedFrame, not_understood
from kernelyard.yard.relays import Joined, Line
from kernelyard.yard.welcome import Welcome
from kernelyard.yard.yard import Yard

JSON_PROTOCOL = "json.kernel.websocket.kernelyard"
"""The default framing by name, for browsers that have to be answered with a name."""
BEARER = "bearer."
"""Before a token among the subprotocols: a browser can put it nowhere else but into the address."""
LONGEST_SESSION = 256
_LONGEST_REASON = 123
_CODES: dict[type[YardError], int] = {
    Unauthenticated: 4401,
    Forbidden: 4403,
    NotFound: 4404,
    KernelEnded: 4410,
    Conflict: 4409,
    LimitReached: 4429,
    Unavailable: 1013,
    YardError: 1011,
}
_log = structlog.stdlib.get_logger("kernelyard.websocket")
Send = Callable[[dict[str, object]], Awaitable[None]]


async def channels(websocket: WebSocket) -> None:
    """Serve one WebSocket from its handshake to its end."""
    kernel_id: str = websocket.path_params["kernel_id"]
    yard: Yard = yard_of(websocket)
    offered = websocket.scope.get("subprotocols", [])
    token = _token(websocket, offered)
    try:
        _check_origin(websocket)
        who = await yard.access.authenticate(token, address_of(websocket))
    except YardError as error:
        _log.info("websocket.refused", kernel_id=kernel_id, code=error.code)
        await websocket.send_denial_response(answer_to(_as_request(websocket), error))
        return
    subprotocol = _subprotocol(offered)
    await websocket.accept(subprotocol)
    welcome = yard.access.welcome(token, who)
    talk = _Talk(websocket, yard, welcome, as_json=subprotocol != websocket_v1.PROTOCOL)
    why: YardError | None = None
    try:
        why = await talk.run(who, kernel_id, _session(websocket))
    except (WebSocketDisconnect, OSError):
        pass  # the client has gone, in the middle of something
    if why is not None:
        await _close(websocket, why)
    _log.info("websocket.closed", kernel_id=kernel_id, code=why.code if why else None)


router = Operations()
router.routes.append(
    WebSocketRoute("/v1/kernels/{kernel_id}/channels", channels, name="kernel_channels")
)


class _Talk:
    """What goes to and fro on one socket that was let in."""

    def __init__(
        self, websocket: WebSocket, yard: Yard, welcome: Welcome, *, as_json: bool
    ) -> None:
        self._websocket = websocket
        self._yard = yard
        self._welcome = welcome
        self._incoming = Incoming(websocket.receive)
        self._as_json = as_json

    async def run(self, who: Principal, kernel_id: str, session: str) -> YardError | None:
        """Talk until one side goes; return why, unless it was the client."""
        if not is_uuid(kernel_id):
            return KernelNotFound()
        try:
            async with self._yard.relays.open(who, kernel_id, session) as joined:
                return await self._both_ways(joined)
        except YardError as error:
            return error

    async def _both_ways(self, joined: Joined) -> YardError | None:
        ways = [
            asyncio.create_task(way)
            for way in (self._outward(joined.line), self._inward(joined), self._welcome.watch())
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._incoming.close()
        return None

    async def _outward(self, line: Line) -> None:
        """Pass on what the kernel says, for ever; raises YardError when no more will come."""
        send: Send = self._websocket.send
        while True:
            for payload in await line.next():
                if not self._as_json:
                    await send({"type": "websocket.send", "bytes": payload})
                    continue
                try:
                    await self._send_json(payload)
                except MalformedMessage as error:
                    await self._complain(str(error))

    async def _complain(self, problem: str) -> None:
        """Say on the client's own socket that something was passed over, and why."""
        answer = not_understood(problem)
        made = websocket_v1.encode(answer.channel, answer.parts)
        if self._as_json:
            await self._send_json(made)
        else:
            await self._websocket.send({"type": "websocket.send", "bytes": made})

    async def _send_json(self, payload: bytes) -> None:
        """Raises MalformedMessage for what cannot be said in JSON."""
        data = websocket_json.encode(websocket_v1.decode(payload, most_parts=None))
        kind = "text" if isinstance(data, str) else "bytes"
        await self._websocket.send({"type": "websocket.send", kind: data})

    async def _inward(self, joined: Joined) -> None:
        """Pass on what the client says, until it goes. Raises LimitReached if it asks for too much."""
        line = joined.line
        while (data := await self._incoming.next()) is not None:
            await self._welcome.check()
            if (full := await joined.why_full()) and self._asks(data):
                raise LimitReached(full)
            try:
                line.send(self._as_payload(data))
            except MalformedFrame as error:
                await self._complain(str(error))
            if line.full and await self._incoming.leaves_before(line.drain()):
                return

    def _asks(self, data: str | bytes) -> bool:
        """Whether a client asks for something new: an answer or an interrupt goes on to what runs."""
        try:
            return websocket_v1.decode(self._as_payload(data)).channel == SHELL
        except (MalformedFrame, MalformedMessage):
            return False

    def _as_payload(self, data: str | bytes) -> bytes:
        """What the client has sent, as the agent takes it. Raises MalformedFrame."""
        if self._as_json:
            framed = websocket_json.decode(data)
            return websocket_v1.encode(framed.channel, framed.parts)
        if isinstance(data, str):
            raise MalformedFrame("frames of this subprotocol are binary, and it is text")
        return data


async def _close(websocket: WebSocket, error: YardError) -> None:
    """Say why no more will come. Reasons of WebSockets are short."""
    if websocket.client_state is not WebSocketState.CONNECTED:
        return
    code = next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)
    reason = error.message.encode()[:_LONGEST_REASON].decode(errors="ignore")
    try:
        await websocket.close(code, reason)
    except (WebSocketDisconnect, RuntimeError, OSError):
        # It went while it was being told.
        return


def _as_request(websocket: WebSocket) -> Request:
    """The handshake as the request that it is, to be answered with a problem."""
    return Request({**websocket.scope, "type": "http", "method": "GET"})


def _token(websocket: WebSocket, offered: list[str]) -> str | None:
    """The token, from the first place that has one: header, subprotocol, address."""
    if (token := token_of(websocket)) is not None:
        return token
    for name in offered:
        if name.startswith(BEARER):
            return unquote(name.removeprefix(BEARER))
    return websocket.query_params.get("token")


def _subprotocol(offered: list[str]) -> str | None:
    """The framing to use: never a token is said back."""
    for name in (websocket_v1.PROTOCOL, JSON_PROTOCOL):
        if name in offered:
            return name
    return None


def _session(websocket: WebSocket) -> str:
    given = websocket.query_params.get("session_id", "")[:LONGEST_SESSION]
    return given or uuid4().hex


def _check_origin(websocket: WebSocket) -> None:
    """Let in pages of this server and of those that are listed, and whatever is no page.

    Raises Forbidden.
    """
    origin = websocket.headers.get("origin")
    if origin is None:
        return
    allowed = settings_of(websocket).websocket_origins
    own = urlsplit(origin).netloc.lower() == websocket.headers.get("host", "").lower()
    if not own and origin not in allowed and "*" not in allowed:
        raise Forbidden(
            f"Pages of {origin[:80]!r} may not open WebSockets here. An administrator can add it to "
            "the setting 'websocket_origins'."
        )
