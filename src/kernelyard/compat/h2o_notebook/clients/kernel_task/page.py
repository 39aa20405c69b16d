"""One page of kernel tasks."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel_task.kernel_task import KernelTask


@dataclass(frozen=True, slots=True)
class KernelTasksPage:
    """Some tasks, and the token of the next page; empty on the last one."""

    kernel_tasks: list[KernelTask]
    next_page_token: str
