"""The quick lane: everyday requests go to the same endpoints without the framework's road to them.

Only a request that is plainly in order is taken: a known path, parameters in their simplest form, a
body that fits. Every other one is left to the routes, which have the last word and the errors; so
nothing is answered here that they would answer otherwise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kernelyard.doors._asgi.door import Homestead
from kernelyard.doors.native import kernels, outputs, tasks
from kernelyard.doors.native.asking import Asking, authenticated
from kernelyard.doors.native.faults import answer_to
from kernelyard.doors.native.orders import NewKernel, NewTask, Order
from kernelyard.doors.native.parameters import LONGEST_WAIT
from kernelyard.model.errors import Invalid
from kernelyard.model.ids import is_uuid

Endpoint = Callable[..., Awaitable[Response]]
Reader = Callable[[str], object]
_PATH = re.compile(r"/v1/(kernels|tasks)(?:/([0-9a-f-]{36})(?:/(run|tasks|outputs|result))?)?")
_KEY = re.compile(r"[ -~]{1,255}")
_SECONDS = re.compile(r"[0-9]{1,2}(\.[0-9]{1,9})?")
_NUMBER = re.compile(r"[0-9]{1,18}")
_WORDS = {"true": True, "false": False}


class _NotPlain(Exception):
    """The routes are to look at this."""


def _seconds(text: str) -> float:
    if not _SECONDS.fullmatch(text) or float(text) > LONGEST_WAIT:
        raise _NotPlain
    return float(text)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _NotPlain
    return int(text)


def _word(text: str) -> bool:
    if text not in _WORDS:
        raise _NotPlain
    return _WORDS[text]


@dataclass(frozen=True, slots=True)
class _Way:
    """One operation: its endpoint, and what it takes."""

    endpoint: Endpoint
    id: str | None
    """What the id in the path is; None where there is none."""
    query: Mapping[str, Reader]
    headers: Mapping[bytes, str]
    body: type[Order] | None = None


_PAGING: dict[str, Reader] = {"after": _number, "stream": _word}
_SENT_AGAIN = {b"idempotency-key": "idempotency_key"}
_WAYS = {
    ("POST", "kernels", "run"): _Way(
        tasks.run, "kernel_id", {"wait": _seconds}, _SENT_AGAIN, NewTask
    ),
    ("POST", "kernels", "tasks"): _Way(tasks.submit, "kernel_id", {}, _SENT_AGAIN, NewTask),
    ("POST", "kernels", None): _Way(kernels.create, None, {}, _SENT_AGAIN, NewKernel),
    ("GET", "tasks", None): _Way(tasks.get, "task_id", {"wait": _seconds}, {}),
    ("GET", "tasks", "result"): _Way(outputs.result, "task_id", {"wait": _seconds}, {}),
    ("GET", "tasks", "outputs"): _Way(
        outputs.of_task, "task_id", _PAGING, {b"last-event-id": "last_event_id"}
    ),
}


@dataclass(frozen=True, slots=True)
class _Taken:
    """A request that is in order so far."""

    way: _Way
    arguments: dict[str, object]


class QuickLane:
    """Stands before the routes."""

    def __init__(self, routes: ASGIApp, home: Homestead) -> None:
        self._routes = routes
        self._home = home

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            taken = _taken(scope) if scope["type"] == "http" else None
        except _NotPlain:
            taken = None
        if taken is None:
            await self._routes(scope, receive, send)
            return
        read: list[Message] = []
        scope["app"] = self._home
        request = Request(scope, receive)
        try:
            answer = await self._answer(taken, request, receive, read)
        except _NotPlain:
            del scope["app"]
            await self._routes(scope, _once_more(read, receive), send)
            return
        await answer(scope, receive, send)

    async def _answer(
        self, taken: _Taken, request: Request, receive: Receive, read: list[Message]
    ) -> Response:
        try:
            yard = self._home.state.yard
            request.state.asking = Asking(yard, await authenticated(request))
            arguments = taken.arguments
            if taken.way.id is not None:
                structlog.contextvars.bind_contextvars(**{taken.way.id: arguments[taken.way.id]})
            if taken.way.body is not None:
                arguments["order"] = await _order(taken.way.body, receive, read)
            return await taken.way.endpoint(request=request, **arguments)
        except _NotPlain:
            raise
        except Exception as error:  # noqa: BLE001 - answer_to raises again what is not ours
            return answer_to(request, error)


def _taken(scope: Scope) -> _Taken | None:
    path: str = scope["path"]
    if root := scope.get("root_path", ""):
        path = path.removeprefix(root)
    parts = _PATH.fullmatch(path)
    way = _WAYS.get((scope["method"], parts[1], parts[3])) if parts else None
    if parts is None or way is None or (parts[2] is None) != (way.id is None):
        return None
    arguments: dict[str, object] = {}
    if way.id is not None:
        if not is_uuid(parts[2]):
            return None
        arguments[way.id] = parts[2]
    if query := scope["query_string"]:
        arguments |= _asked(query.decode("latin-1"), way.query)
    arguments |= _told(scope["headers"], way)
    return _Taken(way, arguments)


def _asked(query: str, readers: Mapping[str, Reader]) -> dict[str, object]:
    """The parameters of a query, each at most once."""
    arguments: dict[str, object] = {}
    for pair in query.split("&"):
        name, _, text = pair.partition("=")
        if name not in readers or name in arguments:
            raise _NotPlain
        arguments[name] = readers[name](text)
    return arguments


def _told(headers: list[tuple[bytes, bytes]], way: _Way) -> dict[str, object]:
    """The headers that are parameters, each at most once; a body must be said to be JSON."""
    arguments: dict[str, object] = {}
    kind = b""
    for name, value in headers:
        if name in way.headers:
            text = value.decode("latin-1")
            if way.headers[name] in arguments or not _KEY.fullmatch(text):
                raise _NotPlain
            arguments[way.headers[name]] = text
        elif name == b"content-type":
            if kind:
                raise _NotPlain
            kind = value
    if way.body is not None and kind != b"application/json":
        raise _NotPlain
    return arguments


async def _order(kind: type[Order], receive: Receive, read: list[Message]) -> Order:
    """Read the body; what was read is kept for the routes, should they have to look at it."""
    more = True
    while more:
        message = await receive()
        read.append(message)
        if message["type"] != "http.request":
            raise _NotPlain
        more = message.get("more_body", False)
    body = b"".join(message.get("body", b"") for message in read)
    try:
        value: Any = json.loads(body)
        return kind.model_validate(value)
    except (ValueError, RecursionError, ValidationError, Invalid) as error:
        raise _NotPlain from error


def _once_more(read: list[Message], receive: Receive) -> Receive:
    waiting = iter(read)

    async def again() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return again
