"""Zygotes: processes from which kernels are forked."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import translate, zygote_shapes
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.model.errors import AgentUnavailable, Forbidden

router = asking_operations(prefix="/v1/zygotes", tags=["zygotes"])


@router.get(
    "",
    operation_id="list_zygotes",
    summary="List zygotes",
    response_model=zygote_shapes.ZygoteList,
    responses=answers(Forbidden, AgentUnavailable, example=zygote_shapes.ZYGOTES),
)
async def every(request: Request) -> Response:
    """For administrators. Those that are there, are waited for, or could not be had of late."""
    asked = asked_by(request)
    told = await asked.yard.zygotes.told(asked.who)
    return translate.answer(zygote_shapes.zygotes(told))
