"""A kernel as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kernelyard.client import KernelInfo
from kernelyard.compat.h2o_notebook.clients.kernel.kernel_image_info import KernelImageInfo
from kernelyard.compat.h2o_notebook.clients.kernel.kernel_template_info import (
    KernelTemplateInfo,
    kernel_template_info_of,
)
from kernelyard.compat.h2o_notebook.clients.kernel.state import KernelState, state_of
from kernelyard.compat.h2o_notebook.clients.kernel.type import KernelType
from kernelyard.compat.h2o_notebook.clients.kernel_image.type import type_of

_WANTED_ENDS = frozenset({"asked", "idle", "life_limit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel as it was when the server was asked."""

    kernel_id: str
    display_name: str
    kernel_image_id: str
    kernel_template_id: str
    environmental_variables: dict[str, str] = field(default_factory=dict)
    """Its own; they win over the template's."""
    creator: str
    state: KernelState
    kernel_type: KernelType = KernelType.TYPE_HEADLESS
    current_task: str
    """Id of the task that runs; empty if none does."""
    current_task_sequence_number: int
    task_queue_size: int
    """Tasks that wait, the running one not among them."""
    failure_reason: str
    """Why it failed; empty if it did not."""
    create_time: datetime | None
    last_activity_time: datetime | None
    kernel_image_info: KernelImageInfo
    kernel_template_info: KernelTemplateInfo


def kernel_of(info: KernelInfo, kernel_image_id: str) -> Kernel:
    """Return a kernel as the guide shows it."""
    return Kernel(
        kernel_id=info.id,
        display_name=info.display_name,
        kernel_image_id=kernel_image_id,
        kernel_template_id=info.template.name,
        environmental_variables=dict(info.environment),
        creator=info.owner,
        state=state_of(info.state),
        current_task=info.current_task or "",
        current_task_sequence_number=info.current_task_number or 0,
        task_queue_size=info.queued_tasks,
        failure_reason=_failure_of(info),
        create_time=info.created_at,
        last_activity_time=info.last_activity_at,
        kernel_image_info=KernelImageInfo(
            kernel_image_type=type_of(info.image.language), image=info.image.reference
        ),
        kernel_template_info=kernel_template_info_of(info.template),
    )


def _failure_of(info: KernelInfo) -> str:
    failed = info.state == "failed" or (info.cause is not None and info.cause not in _WANTED_ENDS)
    return (info.reason or info.cause or "") if failed else ""
