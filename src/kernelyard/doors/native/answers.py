"""What operations answer, for the API's description: the good case and every error."""

from __future__ import annotations

from collections import defaultdict
from http import HTTPStatus
from typing import Any

from kernelyard.doors._asgi.problem import MEDIA_TYPE
from kernelyard.doors.native import shapes
from kernelyard.doors.native.faults import status_of
from kernelyard.model.errors import Unauthenticated, YardError

Responses = dict[int | str, dict[str, Any]]
_PROBLEM = {"$ref": "#/components/schemas/Problem"}

NOT_YET: dict[str, Any] = {
    "description": "It has not ended within `wait`; its outputs are left out of this answer.",
    "model": shapes.Result,
}


def answers(
    *errors: type[YardError],
    example: object = None,
    status: int = 200,
    description: str = "Done.",
    also: Responses | None = None,
) -> Responses:
    """Return the documented answers of an operation; a missing token is always among them."""
    good: dict[str, Any] = {"description": description}
    if example is not None:
        good["content"] = {"application/json": {"example": example}}
    documented: Responses = {status: good, **(also or {})}
    by_status: defaultdict[int, list[type[YardError]]] = defaultdict(list)
    every: tuple[type[YardError], ...] = (Unauthenticated, *errors)
    for error in every:
        by_status[status_of(error)].append(error)
    for code in sorted(by_status):
        documented[code] = _problem(code, by_status[code])
    return documented


def _problem(status: int, errors: list[type[YardError]]) -> dict[str, Any]:
    return {
        "description": " · ".join(f"`{error.code}`" for error in errors),
        "content": {
            MEDIA_TYPE: {
                "schema": _PROBLEM,
                "examples": {error.code: _example(status, error) for error in errors},
            }
        },
    }


def _example(status: int, error: type[YardError]) -> dict[str, Any]:
    return {
        "value": {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": error.code,
            "detail": error().message,
            "request_id": "5c3e7c1a9c0b4a0c8f4f5d0e3a2b1c0d",
        }
    }
