"""One piece of code as one task: submitted, printed while it runs, its end as an exit status."""

from __future__ import annotations

from kernelyard.cli.attending import attend, cancel_all, status_of
from kernelyard.cli.live import LivePrinter
from kernelyard.client import Kernel, Task


def follow_task(
    task: Task,
    kernel: Kernel,
    *,
    timeout: float | None = None,
    after: int = 0,
    printer: LivePrinter | None = None,
) -> int:
    """Print the task's outputs until its end and return the exit status.

    Without a ``printer`` nothing is printed, only waited for.
    """
    last = after

    def follow() -> None:
        nonlocal last
        for output in task.follow(after=last):
            last = output.number
            if printer is not None:
                printer.show(output)

    short = attend(
        follow,
        cancel=lambda: cancel_all([task]),
        come_back=f"kernelyard tail -f {task.id}",
        timeout=timeout,
    )
    if printer is not None:
        printer.finish()
    status = status_of(task, kernel)
    return status if short is None else short
