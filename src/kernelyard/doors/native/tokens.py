"""Tokens, and who one is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import settings_of
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import NewToken
from kernelyard.model.errors import AlreadyExists, Forbidden, Invalid, TokenNotFound, TooLarge
from kernelyard.model.principals import Role

router = asking_operations(prefix="/v1", tags=["tokens"])


@router.get(
    "/whoami",
    operation_id="whoami",
    summary="Who am I?",
    response_model=shapes.Caller,
    responses=answers(example=examples.CALLER),
)
async def whoami(request: Request) -> Response:
    """Whose token this is, and which version the server has."""
    asked = asked_by(request)
    body: shapes.Caller = {
        "name": asked.who.name,
        "role": translate.role(asked.who.role),
        "server": settings_of(request).version,
    }
    return translate.answer(body)


@router.post(
    "/tokens",
    operation_id="create_token",
    summary="Make a token",
    status_code=201,
    response_model=shapes.NewToken,
    responses=answers(
        Invalid,
        Forbidden,
        AlreadyExists,
        TooLarge,
        example=examples.NEW_TOKEN,
        status=201,
        description="Keep `token`: it is told this once.",
    ),
)
async def create(order: NewToken, request: Request) -> Response:
    """For administrators. A user sees and changes what is his own."""
    asked = asked_by(request)
    record, text = await asked.yard.access.create_token(asked.who, order.name, Role(order.role))
    body: shapes.NewToken = {**translate.token(record), "token": text}
    return translate.answer(body, 201)


@router.get(
    "/tokens",
    operation_id="list_tokens",
    summary="List tokens",
    response_model=shapes.TokenList,
    responses=answers(Forbidden, example=examples.TOKENS),
)
async def every(request: Request) -> Response:
    """For administrators; never with their text."""
    asked = asked_by(request)
    records = await asked.yard.access.list_tokens(asked.who)
    body: shapes.TokenList = {
        "items": [translate.token(record) for record in records],
        "next_cursor": None,
    }
    return translate.answer(body)


@router.delete(
    "/tokens/{token_id}",
    operation_id="remove_token",
    summary="Remove a token",
    status_code=204,
    response_class=Response,
    responses=answers(
        Forbidden, TokenNotFound, status=204, description="It opens nothing any more."
    ),
)
async def remove(token_id: str, request: Request) -> Response:
    """For administrators. What its owner made stays."""
    asked = asked_by(request)
    await asked.yard.access.remove_token(asked.who, token_id)
    return Response(status_code=204)
