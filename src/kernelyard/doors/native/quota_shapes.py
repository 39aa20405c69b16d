"""Quotas: what bodies may say of them, and what answers about them look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from kernelyard.doors.native.orders import Order, Size
from kernelyard.doors.native.shapes import Time
from kernelyard.doors.native.translate import time_text
from kernelyard.model.quotas import Amounts, Resource, Share
from kernelyard.yard.quotas import UserShare

_WORDS = "As the settings say if left out; 0 for no limit."


class NewQuota(Order):
    """What one user may have. What is left out is as the settings say, and 0 is no limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kernels": 4, "memory": "16GiB"}]})

    kernels: int | None = Field(default=None, ge=0, description=_WORDS)
    cpu: float | None = Field(default=None, ge=0, le=1_000_000, description=_WORDS)
    memory: Size | None = None
    gpu: int | None = Field(default=None, ge=0, description=_WORDS)
    queued_tasks: int | None = Field(default=None, ge=0, description=_WORDS)
    stored_bytes: Size | None = None

    def amounts(self) -> dict[Resource, int]:
        """What is said, as the yard counts it."""
        said = {one: getattr(self, one.value) for one in Resource}
        return {
            one: round(value * 1000) if one is Resource.CPU else int(value)
            for one, value in said.items()
            if value is not None
        }


class Amount(TypedDict):
    """How much of something is used, and how much may be."""

    used: float
    limit: Annotated[float | None, Field(description="Null for no limit.")]


class ShareShape(TypedDict):
    """What somebody uses and may use."""

    kernels: Annotated[Amount, Field(description="Kernels that have not ended and do not wait.")]
    cpu: Annotated[Amount, Field(description="By the limits of their templates.")]
    memory: Annotated[Amount, Field(description="Bytes, by the limits of their templates.")]
    gpu: Amount
    queued_tasks: Amount
    stored_bytes: Annotated[Amount, Field(description="Outputs of all kernels that are kept.")]
    waiting: Annotated[int, Field(description="Kernels that wait in starting for room.")]


class Quota(ShareShape):
    """What one user uses and may use."""

    user: str
    said: Annotated[
        list[str], Field(description="Limits that are set for him alone, not by the settings.")
    ]
    updated_at: Annotated[Time | None, Field(description="When that was said.")]


class QuotaList(TypedDict):
    """What all together use, and each user who has anything."""

    server: ShareShape
    items: list[Quota]
    next_cursor: None


def share(one: Share) -> ShareShape:
    """What somebody uses and may use."""
    return {
        "kernels": _amount(one, Resource.KERNELS),
        "cpu": _amount(one, Resource.CPU),
        "memory": _amount(one, Resource.MEMORY),
        "gpu": _amount(one, Resource.GPU),
        "queued_tasks": _amount(one, Resource.TASKS),
        "stored_bytes": _amount(one, Resource.STORED),
        "waiting": one.waiting,
    }


def quota(one: UserShare) -> Quota:
    """What one user uses and may use."""
    return {
        "user": one.user,
        **share(one.share),
        "said": sorted(limit.value for limit in one.said.limits) if one.said else [],
        "updated_at": time_text(one.said.updated_at) if one.said else None,
    }


def _amount(one: Share, resource: Resource) -> Amount:
    limit = _number(one.limits, resource)
    return {"used": _number(one.used, resource), "limit": limit or None}


def _number(amounts: Amounts, resource: Resource) -> float:
    amount = amounts.get(resource, 0)
    return amount / 1000 if resource is Resource.CPU else amount


_SHARE: ShareShape = {
    "kernels": {"used": 2, "limit": 4},
    "cpu": {"used": 2.5, "limit": 8},
    "memory": {"used": 3 * 1024**3, "limit": 16 * 1024**3},
    "gpu": {"used": 0, "limit": None},
    "queued_tasks": {"used": 12, "limit": 1000},
    "stored_bytes": {"used": 73_400_320, "limit": None},
    "waiting": 1,
}
QUOTA: Quota = {
    "user": "ada",
    **_SHARE,
    "said": ["kernels"],
    "updated_at": "2026-01-01T08:00:00.000000Z",
}
"""An example."""
QUOTAS: QuotaList = {"server": _SHARE, "items": [QUOTA], "next_cursor": None}
