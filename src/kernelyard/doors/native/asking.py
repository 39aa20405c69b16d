"""Who asks: every route of this door knows, before it reads anything else of the request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.bearer import principal_of, token_of
from kernelyard.doors._asgi.door import yard_of
from kernelyard.doors._asgi.operations import Handle, Operations
from kernelyard.doors.native.faults import answer_to
from kernelyard.doors.native.missing import missing
from kernelyard.model.errors import KernelNotFound, TaskNotFound, YardError
from kernelyard.model.ids import is_uuid
from kernelyard.model.principals import Principal
from kernelyard.yard.welcome import check_same
from kernelyard.yard.yard import Yard

T = TypeVar("T")
_IDS: dict[str, type[YardError]] = {"kernel_id": KernelNotFound, "task_id": TaskNotFound}


@dataclass(frozen=True, slots=True)
class Asking:
    """The yard, and in whose name it is asked."""

    yard: Yard
    who: Principal


def asking_operations(*, prefix: str, tags: Sequence[str]) -> Operations:
    """Return operations that authenticate first and turn errors into problems."""
    return Operations(prefix=prefix, tags=tags, around=_asking)


def _asking(handle: Handle) -> Handle:
    async def asked(request: Request) -> Response:
        try:
            yard = yard_of(request)
            who = await authenticated(request)
            request.state.asking = Asking(yard, who)
            _check_path(request)
            return await handle(request)
        except Exception as error:  # noqa: BLE001 - answer_to raises again what is not ours
            return answer_to(request, error)

    return asked


def asked_by(request: Request) -> Asking:
    """Return who asks. Not a dependency of FastAPI: one doubles what a request costs."""
    asking: Asking = request.state.asking
    return asking


async def authenticated(request: Request) -> Principal:
    """Return who asks, by the token in a request. Raises Unauthenticated, TooManyFailures."""
    return await principal_of(request)


async def still_welcome(request: Request) -> None:
    """Raise Unauthenticated if a request's token is not valid any more, or not for the same."""
    check_same(asked_by(request).who, await authenticated(request))


async def while_welcome(request: Request, batches: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Pass on what is followed until the token is taken away, or some of what it is good for.

    That is looked at now and then.
    """
    welcome = yard_of(request).access.welcome(token_of(request), asked_by(request).who)
    try:
        async for batch in batches:
            await welcome.check()
            yield batch
            del batch
    finally:
        if isinstance(batches, AsyncGenerator):
            await batches.aclose()


def _check_path(request: Request) -> None:
    for key, not_found in _IDS.items():
        value = request.path_params.get(key)
        if value is None:
            continue
        if not is_uuid(value):
            raise not_found
        structlog.contextvars.bind_contextvars(**{key: value})
    if any("\0" in value for value in request.path_params.values()):
        raise missing(request.scope["path"].removeprefix(request.scope.get("root_path", "")))
