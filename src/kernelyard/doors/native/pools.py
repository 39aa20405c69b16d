"""Pools: kernels that are kept ready before anybody asks for them."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import pool_shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.model.errors import (
    AgentUnavailable,
    Forbidden,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    PoolNotFound,
    TemplateDisabled,
    TemplateNotFound,
    TooLarge,
)
from kernelyard.model.pools import EVERYBODY, PoolCensus, PoolOrder

router = asking_operations(prefix="/v1/pools", tags=["pools"])


@router.put(
    "",
    operation_id="set_pool",
    summary="Keep kernels ready",
    response_model=pool_shapes.Pool,
    responses=answers(
        Invalid,
        ImageNotFound,
        TemplateNotFound,
        ImageDisabled,
        ImageNotReady,
        TemplateDisabled,
        TooLarge,
        AgentUnavailable,
        example=pool_shapes.POOL,
    ),
)
async def put(order: pool_shapes.NewPool, request: Request) -> Response:
    """An administrator's pool serves everybody, a user's himself. Set again, it gets other sizes."""
    asked = asked_by(request)
    kept = await asked.yard.pools.set(
        asked.who,
        PoolOrder(
            image=order.image,
            template=order.template,
            size=order.size,
            least=order.min,
            most=order.max,
        ),
    )
    counted = await asked.yard.pools.get(asked.who, kept.image, kept.template, kept.owner)
    return translate.answer(pool_shapes.pool(counted))


@router.get(
    "",
    operation_id="list_pools",
    summary="List pools",
    response_model=pool_shapes.PoolList,
    responses=answers(example=pool_shapes.POOLS),
)
async def every(request: Request) -> Response:
    """Those that serve you, with what waits in them; for administrators, all."""
    asked = asked_by(request)
    found: list[PoolCensus] = await asked.yard.pools.list(asked.who)
    body: pool_shapes.PoolList = {
        "items": [pool_shapes.pool(one) for one in found],
        "next_cursor": None,
    }
    return translate.answer(body)


@router.delete(
    "",
    operation_id="delete_pool",
    summary="Keep no kernels ready any more",
    status_code=204,
    response_class=Response,
    responses=answers(Invalid, Forbidden, PoolNotFound, status=204, description="Gone."),
)
async def delete(
    request: Request,
    image: Annotated[str, Query(description="The image of the pool.")],
    template: Annotated[str, Query(description="The template of the pool.")] = "default",
    owner: Annotated[
        str | None, Query(description="Whose pool; for administrators. Yours unless given.")
    ] = None,
) -> Response:
    """What waits there is ended; kernels that somebody has taken go on."""
    asked = asked_by(request)
    if owner is None:
        owner = EVERYBODY if asked.who.is_admin else asked.who.name
    await asked.yard.pools.remove(asked.who, image, template, owner)
    return Response(status_code=204)
