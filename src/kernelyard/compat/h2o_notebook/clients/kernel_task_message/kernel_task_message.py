"""One piece of what a task said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kernelyard.client import Output
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.display_message import (
    DisplayMessage,
    bytes_of,
)

ONE_LINE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTaskMessage:
    """A piece of what a task said: exactly one of the last three is there."""

    kernel_task_message_id: str
    """The number of what it begins with; later messages of the kernel have higher ones."""
    create_time: datetime
    std_out: str | None = None
    std_err: str | None = None
    display_message: DisplayMessage | None = None


def kernel_task_messages_of(outputs: Iterable[Output]) -> Iterator[tuple[KernelTaskMessage, int]]:
    """Yield the messages that outputs make, each with the number of the last output in it.

    What is printed at once may come in two outputs when a kernel sends what it has so far: the rest of
    a line joins the piece that it was broken off from, if it follows within a moment.
    """
    open_one: tuple[KernelTaskMessage, int] | None = None
    for output in outputs:
        message = kernel_task_message_of(output)
        if message is None:
            continue
        if open_one is not None:
            joined = _joined(open_one[0], message)
            if joined is not None:
                open_one = (joined, output.number)
                continue
            yield open_one
        open_one = (message, output.number)
    if open_one is not None:
        yield open_one


def _joined(before: KernelTaskMessage, after: KernelTaskMessage) -> KernelTaskMessage | None:
    if after.create_time - before.create_time > ONE_LINE:
        return None
    for out in ("std_out", "std_err"):
        first, rest = getattr(before, out), getattr(after, out)
        if first is not None and rest is not None and not first.endswith("\n"):
            return replace(before, **{out: first + rest})
    return None


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
