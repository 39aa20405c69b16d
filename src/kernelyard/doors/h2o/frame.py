"""The frame: takes this dialect's requests before the routes, finds who asks and what answers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kernelyard.doors._asgi.bearer import principal_of
from kernelyard.doors._asgi.door import Homestead
from kernelyard.doors.h2o import faults, legacy, reading
from kernelyard.doors.h2o.gate import PREFIX, path_of
from kernelyard.doors.h2o.routing import Call, MethodRefused, Open, Table
from kernelyard.model.errors import NotFound
from kernelyard.model.principals import Principal
from kernelyard.yard.yard import Yard

RESOURCES = "workspaces"
_WITH_BODY = ("POST", "PATCH")
_encode = msgspec.json.Encoder().encode


class Frame:
    """Stands before the routes. ``opened`` are paths below which nobody needs a token."""

    def __init__(
        self,
        routes: ASGIApp,
        home: Homestead,
        table: Table,
        opened: Mapping[str, Open],
    ) -> None:
        self._routes = routes
        self._home = home
        self._table = table
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = path_of(scope)
        answer = self._opened.get(path) or self._answer_for(path)
        if answer is None:
            await self._routes(scope, receive, send)
            return
        scope["app"] = self._home
        response = await _answered(answer, Request(scope, receive))
        await response(scope, receive, send)

    def _answer_for(self, path: str) -> Open | None:
        """What answers at a path of resources."""
        if not path.startswith(PREFIX):
            return None
        name = path[len(PREFIX) :]
        if name == RESOURCES or name.startswith(f"{RESOURCES}/"):
            return lambda request: self._called(request, name, old=False)
        full = legacy.full_name(name)
        if full is None:
            return None
        return lambda request: self._called(request, full, old=True)

    async def _called(self, request: Request, name: str, *, old: bool) -> Response:
        who: Principal | None = None
        try:
            yard: Yard = self._home.state.yard
            who = await principal_of(request)
            method = "GET" if request.method == "HEAD" else request.method
            found = self._table.find(method, name, who)
            body = reading.decoded(await request.body()) if method in _WITH_BODY else {}
            call = Call(
                yard=yard,
                who=who,
                request=request,
                name=name,
                ids=found.ids,
                query={key: value for key, value in request.query_params.items() if value},
                body=legacy.with_workspaces(body) if old else body,
            )
            answer = await found.endpoint(call)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - answer_to raises again what is not ours
            return faults.answer_to(error, who)
        told = legacy.without_workspaces(answer) if old else answer
        return Response(_encode(told), media_type="application/json")


async def _answered(answer: Open, request: Request) -> Response:
    try:
        return await answer(request)
    except (NotFound, MethodRefused) as error:
        return faults.answer_to(error, None)
    except Exception as error:  # noqa: BLE001 - logged, and told in this dialect
        return faults.unexpected(request, error)
