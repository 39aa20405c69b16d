"""One page of messages."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel_task_message.kernel_task_message import (
    KernelTaskMessage,
)


@dataclass(frozen=True, slots=True)
class KernelTaskMessagesPage:
    """Some messages, and the token of the next page; empty on the last one."""

    kernel_task_messages: list[KernelTaskMessage]
    next_page_token: str
