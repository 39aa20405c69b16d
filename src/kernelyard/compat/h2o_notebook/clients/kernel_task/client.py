"""Kernel tasks: queued, waited for, cancelled, and what they said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from kernelyard.client import NotFoundError, Output, Task
from kernelyard.compat.h2o_notebook.clients.home import Home
from kernelyard.compat.h2o_notebook.clients.kernel_task.kernel_task import (
    KernelTask,
    kernel_task_of,
)
from kernelyard.compat.h2o_notebook.clients.kernel_task.page import KernelTasksPage
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.kernel_task_message import (
    KernelTaskMessage,
    kernel_task_messages_of,
)
from kernelyard.compat.h2o_notebook.clients.kernel_task_message.page import KernelTaskMessagesPage
from kernelyard.compat.h2o_notebook.clients.kernel_task_output.kernel_task_output import (
    KernelTaskOutput,
    kernel_task_output_of,
)
from kernelyard.compat.h2o_notebook.clients.page import page_of, size_of
from kernelyard.compat.h2o_notebook.exception import (
    CustomApiException,
    InvalidArgumentException,
    of_the_guide,
    refuse_own_id,
)


class KernelTaskClient:
    """Tasks of kernels. They run in the order in which they were created."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @of_the_guide
    def create_kernel_task(self, kernel_id: str, code: str, kernel_task_id: str = "") -> KernelTask:
        """Queue ``code`` on a kernel and return at once, even while the kernel starts.

        The server chooses the task's id. Raises NotSupportedException for one of your own,
        CustomApiException with status 400 if the kernel has ended.
        """
        refuse_own_id("kernel_task_id", kernel_task_id)
        return kernel_task_of(self._home.yard.kernels.get(kernel_id).submit(code).info)

    @of_the_guide
    def get_kernel_task(self, kernel_id: str, kernel_task_id: str) -> KernelTask:
        """Return a task as it is now."""
        return kernel_task_of(self._task(kernel_id, kernel_task_id).info)

    @of_the_guide
    def list_all_kernel_tasks(self, kernel_id: str) -> list[KernelTask]:
        """Return all tasks of a kernel, the newest first."""
        return list(self._every(kernel_id))

    @of_the_guide
    def list_kernel_tasks(
        self, kernel_id: str, page_size: int = 0, page_token: str = ""
    ) -> KernelTasksPage:
        """Return one page of them."""
        every = self._every(kernel_id)
        return KernelTasksPage(
            *page_of(every, page_size, page_token, lambda task: task.kernel_task_id)
        )

    @of_the_guide
    def cancel_kernel_task(self, kernel_id: str, kernel_task_id: str) -> None:
        """Take it out of the queue, or interrupt it; what it said is kept.

        Raises CustomApiException with status 400 if it has ended already.
        """
        self._task(kernel_id, kernel_task_id).cancel()

    @of_the_guide
    def wait_task_completed(
        self, kernel_id: str, kernel_task_id: str, timeout_seconds: float | None = None
    ) -> KernelTask:
        """Wait until a task has ended, in whatever way, and return it. Raises TimeoutException."""
        task = self._task(kernel_id, kernel_task_id)
        return kernel_task_of(task.wait(timeout_seconds).task)

    @of_the_guide
    def list_all_kernel_task_messages(
        self, kernel_id: str, kernel_task_id: str
    ) -> list[KernelTaskMessage]:
        """Return all that a task said so far, piece by piece, the oldest first."""
        outputs = _outputs(self._task(kernel_id, kernel_task_id), 0)
        return [message for message, _ in kernel_task_messages_of(outputs)]

    @of_the_guide
    def list_kernel_task_messages(
        self, kernel_id: str, kernel_task_id: str, page_size: int = 0, page_token: str = ""
    ) -> KernelTaskMessagesPage:
        """Return one page of it."""
        size = size_of(page_size)
        if page_token and not (page_token.isascii() and page_token.isdigit()):
            raise InvalidArgumentException(
                f"The page token {page_token[:80]!r} is not known here. Begin again without one."
            )
        task = self._task(kernel_id, kernel_task_id)
        messages = kernel_task_messages_of(_outputs(task, int(page_token or 0)))
        found = list(islice(messages, size + 1))
        page = [message for message, _ in found[:size]]
        return KernelTaskMessagesPage(page, str(found[size - 1][1]) if len(found) > size else "")

    @of_the_guide
    def get_kernel_task_output(self, kernel_id: str, kernel_task_id: str) -> KernelTaskOutput:
        """Return all that a task said so far, put together."""
        return kernel_task_output_of(self._task(kernel_id, kernel_task_id).result())

    def _task(self, kernel_id: str, kernel_task_id: str) -> Task:
        try:
            task = self._home.yard.tasks.get(kernel_task_id)
        except NotFoundError:
            # It may be the kernel that is not there.
            self._home.yard.kernels.get(kernel_id)
            raise
        if task.kernel_id != kernel_id:
            raise CustomApiException(
                404,
                f"The kernel {kernel_id[:80]!r} has no task {kernel_task_id[:80]!r}. "
                "list_all_kernel_tasks() shows those it has.",
                code="task_not_found",
            )
        return task

    def _every(self, kernel_id: str) -> Iterator[KernelTask]:
        for task in self._home.yard.kernels.get(kernel_id).tasks():
            yield kernel_task_of(task.info)


def _outputs(task: Task, after: int) -> Iterator[Output]:
    """What came after the output of this number, reading page after page as it is used."""
    while True:
        page = task.outputs(after=after)
        yield from page.items
        if not page.items:
            return
        after = page.last
