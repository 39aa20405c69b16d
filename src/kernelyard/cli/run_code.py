"""One piece of code as one task: submitted, printed while it runs, its end as an exit status."""

from __future__ import annotations

from kernelyard.cli.attending import attend, cancel_all
from kernelyard.cli.live import LivePrinter
from kernelyard.cli.remarks import say_what_is_missing, say_where_it_ran
from kernelyard.cli.script_exit import program_status
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
    last, gaps = after, 0

    def follow() -> None:
        nonlocal last, gaps
        for output in task.follow(after=last):
            last = output.number
            gaps += output.kind == "gap"
            if printer is not None:
                printer.show(output)

    short = attend(
        follow,
        cancel=lambda: cancel_all([task]),
        come_back=f"kernelyard tail -f {task.id}",
        kernel_id=kernel.id,
        timeout=timeout,
    )
    if printer is not None:
        printer.finish()
    say_what_is_missing(gaps=gaps)
    say_where_it_ran(task.info.error)
    status = program_status(task, kernel)
    return status if short is None else short
