"""Pools: what bodies may say of them, and what answers about them look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from kernelyard.doors.native.orders import Order
from kernelyard.doors.native.shapes import Cursor, Time
from kernelyard.doors.native.translate import time_text
from kernelyard.model.pools import EVERYBODY, PoolCensus


class NewPool(Order):
    """What is to be kept ready."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"image": "python3", "template": "default", "size": 4}]}
    )

    image: str = Field(description="Name of an image; GET /v1/images lists them.")
    template: str = "default"
    size: int = Field(default=1, description="Kernels that are ready at first.")
    min: int | None = Field(default=None, description="Never fewer; `size` unless given.")
    max: int | None = Field(default=None, description="Never more; `size` unless given.")


class Pool(TypedDict):
    """Kernels that are kept ready."""

    owner: Annotated[str | None, Field(description="Whom it serves; null for everybody.")]
    image: str
    reference: Annotated[str, Field(description="`provider/name` of what the image stands for.")]
    template: str
    size: int
    min: int
    max: int
    target: Annotated[int, Field(description="How many are to be ready now.")]
    ready: Annotated[int, Field(description="How many can be taken now.")]
    starting: int
    claimed: Annotated[int, Field(description="Creates that were given a ready kernel.")]
    missed: Annotated[int, Field(description="Creates that found none.")]
    reason: Annotated[str | None, Field(description="Why there are fewer than there should be.")]
    declared: Annotated[bool, Field(description="Whether the server's settings ask for it.")]
    created_at: Time
    updated_at: Time


class PoolList(TypedDict):
    """Every pool, in the order in which they were made."""

    items: list[Pool]
    next_cursor: Cursor


def pool(counted: PoolCensus) -> Pool:
    """A pool with what waits in it."""
    kept = counted.pool
    return {
        "owner": None if kept.owner == EVERYBODY else kept.owner,
        "image": kept.image,
        "reference": kept.reference,
        "template": kept.template,
        "size": kept.size,
        "min": kept.least,
        "max": kept.most,
        "target": kept.target,
        "ready": counted.ready,
        "starting": counted.starting,
        "claimed": kept.claimed,
        "missed": kept.missed,
        "reason": kept.reason,
        "declared": kept.declared,
        "created_at": time_text(kept.created_at),
        "updated_at": time_text(kept.updated_at),
    }


POOL: Pool = {
    "owner": None,
    "image": "python3",
    "reference": "kernelspec/python3",
    "template": "default",
    "size": 4,
    "min": 2,
    "max": 8,
    "target": 4,
    "ready": 3,
    "starting": 1,
    "claimed": 217,
    "missed": 2,
    "reason": None,
    "declared": False,
    "created_at": "2026-01-01T08:00:00.000000Z",
    "updated_at": "2026-01-01T08:00:00.000000Z",
}
"""An example."""
POOLS: PoolList = {"items": [POOL], "next_cursor": None}
