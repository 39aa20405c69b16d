"""Users, for administrators."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import people_shapes as shapes
from kernelyard.doors.native import translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.parameters import Cursor, Limit
from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    CursorMalformed,
    Forbidden,
    Invalid,
    TooLarge,
    UserNotFound,
)
from kernelyard.model.principals import Role, UserKind
from kernelyard.yard.users import UserChange

router = asking_operations(prefix="/v1/users", tags=["users"])


@router.post(
    "",
    operation_id="add_user",
    summary="Add a user",
    status_code=201,
    response_model=shapes.User,
    responses=answers(Invalid, Forbidden, AlreadyExists, TooLarge, example=shapes.USER, status=201),
)
async def add(order: shapes.NewUserOrder, request: Request) -> Response:
    """A person or a program; it may have tokens from now on."""
    asked = asked_by(request)
    user = await asked.yard.users.add(
        asked.who,
        order.name,
        kind=UserKind(order.kind),
        role=Role(order.role),
        display_name=order.display_name,
    )
    return translate.answer(shapes.user(user), 201)


@router.get(
    "",
    operation_id="list_users",
    summary="List users",
    response_model=shapes.UserList,
    responses=answers(Forbidden, Invalid, CursorMalformed, example=shapes.USERS),
)
async def every(request: Request, limit: Limit = None, cursor: Cursor = None) -> Response:
    """By name."""
    asked = asked_by(request)
    users, next_cursor = await asked.yard.users.list(asked.who, cursor, limit)
    body: shapes.UserList = {
        "items": [shapes.user(user) for user in users],
        "next_cursor": next_cursor,
    }
    return translate.answer(body)


@router.get(
    "/{name}",
    operation_id="get_user",
    summary="Show a user",
    response_model=shapes.User,
    responses=answers(Forbidden, UserNotFound, example=shapes.USER),
)
async def get(name: str, request: Request) -> Response:
    """Everybody may ask for himself."""
    asked = asked_by(request)
    return translate.answer(shapes.user(await asked.yard.users.get(asked.who, name)))


@router.patch(
    "/{name}",
    operation_id="update_user",
    summary="Change a user",
    response_model=shapes.User,
    responses=answers(Invalid, Forbidden, UserNotFound, Conflict, TooLarge, example=shapes.USER),
)
async def update(name: str, order: shapes.UserChangeOrder, request: Request) -> Response:
    """The tokens of one who is disabled are refused at once; what he has runs on."""
    asked = asked_by(request)
    change = UserChange(
        role=None if order.role is None else Role(order.role),
        display_name=order.display_name,
        disabled=order.disabled,
    )
    return translate.answer(shapes.user(await asked.yard.users.update(asked.who, name, change)))


@router.delete(
    "/{name}",
    operation_id="remove_user",
    summary="Remove a user",
    status_code=204,
    response_class=Response,
    responses=answers(
        Forbidden,
        UserNotFound,
        Conflict,
        status=204,
        description="With tokens, templates and pools. The audit trail keeps the name.",
    ),
)
async def remove(name: str, request: Request) -> Response:
    """Only who has no kernels, ended ones included."""
    asked = asked_by(request)
    await asked.yard.users.remove(asked.who, name)
    return Response(status_code=204)
