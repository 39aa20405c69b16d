"""The audit trail, for administrators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import people_shapes as shapes
from kernelyard.doors.native import translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.parameters import Cursor, Limit
from kernelyard.model.audit import Action, AuditQuery
from kernelyard.model.errors import CursorMalformed, Forbidden, Invalid
from kernelyard.model.quantities import Micros

router = asking_operations(prefix="/v1/audit", tags=["audit"])
OfUser = Annotated[str | None, Query(description="What this user did.")]
OfAction = Annotated[str | None, Query(description="What was done, such as `task.run`.")]
OfSubject = Annotated[str | None, Query(description="What was done to this id or name.")]
Since = Annotated[
    str | None,
    Query(
        description="What was done at this time or later, such as `2026-01-02` or "
        "`2026-01-02T09:00:00Z`; UTC unless it says otherwise."
    ),
]


@router.get(
    "",
    operation_id="list_audit",
    summary="Who did what",
    response_model=shapes.AuditList,
    responses=answers(Forbidden, Invalid, CursorMalformed, example=shapes.AUDIT),
)
async def every(
    request: Request,
    user: OfUser = None,
    action: OfAction = None,
    subject: OfSubject = None,
    since: Since = None,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response:
    """Newest first. What was done in the last moment at another server may be missing still."""
    asked = asked_by(request)
    query = AuditQuery(user=user, action=_action(action), subject=subject, since=_micros(since))
    entries, next_cursor = await asked.yard.audit.list(asked.who, query, cursor, limit)
    body: shapes.AuditList = {
        "items": [shapes.audit_entry(entry) for entry in entries],
        "next_cursor": next_cursor,
    }
    return translate.answer(body)


def _action(text: str | None) -> str | None:
    if text is not None and text not in set(Action):
        known = ", ".join(sorted(Action))
        raise Invalid(f"'action' must be one of: {known}.", field="action")
    return text


def _micros(text: str | None) -> Micros | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "'since' must be a time such as '2026-01-02' or '2026-01-02T09:00:00Z'.", field="since"
        ) from error
    since = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return round((since - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
