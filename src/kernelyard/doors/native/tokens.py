"""Tokens, and who one is."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import settings_of
from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import people_shapes as shapes
from kernelyard.doors.native import translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    TokenNotFound,
    TooLarge,
    UserNotFound,
)
from kernelyard.model.principals import Role

OfUser = Annotated[str | None, Query(description="Only this user's.")]
router = asking_operations(prefix="/v1", tags=["tokens"])


@router.get(
    "/whoami",
    operation_id="whoami",
    summary="Who am I?",
    response_model=shapes.Caller,
    responses=answers(example=shapes.CALLER),
)
async def whoami(request: Request) -> Response:
    """Whose token this is, and which version the server has."""
    asked = asked_by(request)
    return translate.answer(shapes.caller(asked.who, settings_of(request).version))


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
        Conflict,
        UserNotFound,
        TooLarge,
        example=shapes.NEW_TOKEN,
        status=201,
        description="Keep `token`: it is told this once.",
    ),
)
async def create(order: shapes.NewTokenOrder, request: Request) -> Response:
    """Users make their own, with no more scopes than the token has that they ask with; administrators
    make anybody's."""
    asked = asked_by(request)
    record, text = await asked.yard.tokens.create(
        asked.who,
        order.name,
        Role(order.role) if order.role is not None else None,
        user=order.user,
        scopes=order.scopes,
        seconds=order.expires_in,
    )
    body: shapes.NewToken = {**shapes.token(record), "token": text}
    return translate.answer(body, 201)


@router.get(
    "/tokens",
    operation_id="list_tokens",
    summary="List tokens",
    response_model=shapes.TokenList,
    responses=answers(Forbidden, example=shapes.TOKENS),
)
async def every(request: Request, user: OfUser = None) -> Response:
    """One's own, and for administrators everybody's; never with their text."""
    asked = asked_by(request)
    records = await asked.yard.tokens.list(asked.who, user)
    body: shapes.TokenList = {
        "items": [shapes.token(record) for record in records],
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
    """One's own, and for administrators anybody's. What was traded for it opens nothing either; what
    its user has made stays."""
    asked = asked_by(request)
    await asked.yard.tokens.remove(asked.who, token_id)
    return Response(status_code=204)
