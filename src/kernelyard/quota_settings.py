"""Settings of quotas: how much may be used at once, by all together and by each user."""

from __future__ import annotations

from pydantic import BaseModel, Field

from kernelyard.model.quotas import Resource
from kernelyard.setting_values import Size

_LATER = "A kernel that does not fit waits in starting until others end."


class QuotaSettings(BaseModel):
    """What all together, and each user, may use. 0 is no limit."""

    max_kernels: int = Field(
        0,
        ge=0,
        description="Most kernels alive at once; 0 for no limit. More wait in starting until others end.",
    )
    max_cpu: float = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Most CPU that live kernels may have by their templates' limits, such as 16 or 2.5; "
        f"0 for no limit. {_LATER}",
    )
    max_memory: Size = Field(
        0,
        description="Most memory that live kernels may have by their templates' limits, such as 64GiB; "
        f"0 for no limit. {_LATER}",
    )
    max_gpu: int = Field(
        0,
        ge=0,
        description=f"Most GPUs that live kernels may have by their templates; 0 for no limit. {_LATER}",
    )
    max_waiting_kernels: int = Field(
        1000,
        ge=0,
        description="Most kernels that wait for room at once; 0 for no limit. More are refused.",
    )
    max_queued_tasks: int = Field(
        0,
        ge=0,
        description="Most tasks that wait in queues at once; 0 for no limit. More are refused.",
    )
    max_stored_bytes: Size = Field(
        0,
        description="Most bytes of stored outputs, such as 500GiB; 0 for no limit. Beyond it new tasks "
        "are refused, and what runs goes on.",
    )
    user_max_kernels: int = Field(
        0, ge=0, description=f"Most kernels of one user alive at once; 0 for no limit. {_LATER}"
    )
    user_max_cpu: float = Field(
        0, ge=0, le=1_000_000, description="Most CPU of one user's live kernels; 0 for no limit."
    )
    user_max_memory: Size = Field(
        0, description="Most memory of one user's live kernels, such as 16GiB; 0 for no limit."
    )
    user_max_gpu: int = Field(
        0, ge=0, description="Most GPUs of one user's live kernels; 0 for no limit."
    )
    user_max_waiting_kernels: int = Field(
        100,
        ge=0,
        description="Most kernels of one user that wait for room at once; 0 for no limit. More are "
        "refused.",
    )
    user_max_queued_tasks: int = Field(
        0, ge=0, description="Most tasks of one user that wait in queues at once; 0 for no limit."
    )
    user_max_stored_bytes: Size = Field(
        0,
        description="Most bytes of stored outputs of one user's kernels, such as 20GiB; 0 for no limit.",
    )


def amounts(settings: QuotaSettings, prefix: str) -> dict[Resource, int]:
    """The settings that begin with ``prefix``, as the yard counts: CPU in thousandths."""
    found: dict[Resource, int] = {}
    for one in Resource:
        value = getattr(settings, prefix + one.value)
        found[one] = round(value * 1000) if one is Resource.CPU else value
    return found
