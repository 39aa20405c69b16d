"""Numbers at ``/metrics`` in the text format of Prometheus, for whoever has a token."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.bearer import CHALLENGE, principal_of
from kernelyard.doors._asgi.door import settings_of, yard_of
from kernelyard.doors._asgi.openapi import PROBLEM_CONTENT
from kernelyard.doors._asgi.operations import Operations
from kernelyard.doors._asgi.problem import problem, request_id_of
from kernelyard.doors._asgi.process_facts import process_facts
from kernelyard.model.errors import TooManyFailures, Unauthenticated
from kernelyard.yard.metrics import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXAMPLE = """# HELP kernelyard_kernels_live Kernels that have not ended.
# TYPE kernelyard_kernels_live gauge
kernelyard_kernels_live 3
"""
router = Operations(tags=["metrics"])


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Numbers for monitoring",
    response_class=Response,
    responses={
        200: {
            "description": "The text format of Prometheus.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        401: {"description": "`unauthenticated`: a valid token is needed.", **PROBLEM_CONTENT},
        429: {
            "description": "`too_many_failures`: wrong tokens from this address.",
            **PROBLEM_CONTENT,
        },
    },
)
async def metrics(request: Request) -> Response:
    """Any token will do, also a user's: there are counts, and no names of users or kernels."""
    try:
        await principal_of(request)
    except Unauthenticated as error:
        told = request_id_of(request)
        return problem(401, error.code, error.message, request_id=told, headers=CHALLENGE)
    except TooManyFailures as error:
        told = request_id_of(request)
        again = {"Retry-After": str(math.ceil(error.retry_after))}
        return problem(429, error.code, error.message, request_id=told, headers=again)
    yard = yard_of(request)
    version = Metric(
        "kernelyard_info",
        "The server.",
        "gauge",
        {(settings_of(request).version,): 1},
        ("version",),
    )
    found = [version, *await process_facts(), *await yard.metrics.collect()]
    return Response(text_of(found), headers={"Content-Type": MEDIA_TYPE})


def text_of(metrics: Iterable[Metric]) -> str:
    """Return metrics in the text format."""
    return "".join(f"{line}\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    told = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {metric.name} {told}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for values, number in metric.values.items():
        pairs = zip(metric.labels, values, strict=True)
        labels = ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs)
        yield (
            f"{metric.name}{{{labels}}} {_number(number)}"
            if labels
            else (f"{metric.name} {_number(number)}")
        )


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))
