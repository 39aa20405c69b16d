"""Quotas: how much everybody uses, and may use."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import quota_shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.model.errors import Forbidden, Invalid, NotFound, TooLarge

router = asking_operations(prefix="/v1/quotas", tags=["quotas"])

ME = "me"
"""Whoever asks."""


@router.get(
    "",
    operation_id="list_quotas",
    summary="What all use",
    response_model=quota_shapes.QuotaList,
    responses=answers(Forbidden, example=quota_shapes.QUOTAS),
)
async def every(request: Request) -> Response:
    """All together, and each user who has anything or of whom something is said. For administrators."""
    asked = asked_by(request)
    server, users = await asked.yard.quotas.everybodys(asked.who)
    body: quota_shapes.QuotaList = {
        "server": quota_shapes.share(server),
        "items": [quota_shapes.quota(one) for one in users],
        "next_cursor": None,
    }
    return translate.answer(body)


@router.get(
    "/{user:path}",
    operation_id="get_quota",
    summary="What one user uses",
    response_model=quota_shapes.Quota,
    responses=answers(Forbidden, NotFound, example=quota_shapes.QUOTA),
)
async def get(user: str, request: Request) -> Response:
    """What he uses and may use. `me` is you; others are for administrators."""
    asked = asked_by(request)
    found = await asked.yard.quotas.of(asked.who, asked.who.name if user == ME else user)
    return translate.answer(quota_shapes.quota(found))


@router.put(
    "/{user:path}",
    operation_id="set_quota",
    summary="Say what one user may use",
    response_model=quota_shapes.Quota,
    responses=answers(Invalid, Forbidden, NotFound, TooLarge, example=quota_shapes.QUOTA),
)
async def put(user: str, order: quota_shapes.NewQuota, request: Request) -> Response:
    """Instead of all that was said of him before. What he uses already goes on. For administrators."""
    asked = asked_by(request)
    name = asked.who.name if user == ME else user
    return translate.answer(
        quota_shapes.quota(await asked.yard.quotas.set(asked.who, name, order.amounts()))
    )


@router.delete(
    "/{user:path}",
    operation_id="reset_quota",
    summary="Let a user have what the settings say",
    status_code=204,
    response_class=Response,
    responses=answers(Forbidden, NotFound, status=204, description="Forgotten."),
)
async def delete(user: str, request: Request) -> Response:
    """For administrators."""
    asked = asked_by(request)
    await asked.yard.quotas.reset(asked.who, asked.who.name if user == ME else user)
    return Response(status_code=204)
