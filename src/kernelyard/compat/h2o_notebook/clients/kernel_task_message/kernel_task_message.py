"""One piece of what a task said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kernelyard.client import Output
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.display_message import (
    DisplayMessage,
    bytes_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTaskMessage:
    """A piece of what a task said: exactly one of the last three is there."""

    kernel_task_message_id: str
    """Its number; later messages of the kernel have higher ones."""
    create_time: datetime
    std_out: str | None = None
    std_err: str | None = None
    display_message: DisplayMessage | None = None


def kernel_task_message_of(output: Output) -> KernelTaskMessage | None:
    """Return an output as the guide shows it; None for what it does not tell, such as marks."""
    message = KernelTaskMessage(kernel_task_message_id=str(output.number), create_time=output.at)
    if output.kind == "stream" and output.text:
        if output.stream == "stderr":
            return replace(message, std_err=output.text)
        return replace(message, std_out=output.text)
    if output.rich and output.data:
        display = DisplayMessage(display_message_data=bytes_of(output.data))
        return replace(message, display_message=display)
    return None
