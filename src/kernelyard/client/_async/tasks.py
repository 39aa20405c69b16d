"""Tasks: code queued on a kernel, its outputs, its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping

from kernelyard.client._async.follow import follow
from kernelyard.client._async.http import AsyncHttp
from kernelyard.client._async.pages import Filters, every, filters_of
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.errors import ConflictError, WaitTimeoutError
from kernelyard.client.following import FollowBooks, Interruption
from kernelyard.client.outputs import Output, OutputPage
from kernelyard.client.results import TaskResult
from kernelyard.client.retrying import Deadline, Repeat
from kernelyard.client.types import Page, TaskInfo

LONG_POLL = 20.0
"""Seconds for which one request waits at the server."""


class AsyncTask:
    """A handle of one task. Get it from ``kernel.submit``, or later by its id.

    ::

        task = await kernel.submit("for i in range(3): print(i)")
        async for output in task.follow():
            print(output.text, end="")
        result = await task.wait()
    """

    def __init__(self, http: AsyncHttp, info: TaskInfo) -> None:
        self._http = http
        self.info = info
        """What the server said last; ``refresh()`` asks again."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}>"

    @property
    def id(self) -> str:
        """Names it for ever: another process can get it with ``yard.tasks.get(id)``."""
        return self.info.id

    @property
    def kernel_id(self) -> str:
        """Id of the kernel that it is queued on."""
        return self.info.kernel_id

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled`` or ``lost``."""
        return self.info.state

    async def refresh(self) -> AsyncTask:
        """Ask the server how it is now; returns itself."""
        self.info = decode(await self._http.get(self._path), TaskInfo)
        return self

    def follow(
        self,
        after: int = 0,
        *,
        patience: float | None = None,
        on_interruption: Callable[[Interruption], None] | None = None,
    ) -> AsyncGenerator[Output, None]:
        """Yield every output after number ``after``, live, each exactly once, until the task ends.

        A cut connection is taken up again by itself, for ``patience`` seconds without a sign of the
        server (the policy's five minutes unless given). Ends only when the task has ended, with
        ``info`` up to date; if it cannot go on, it raises FollowInterruptedError.
        """
        books = FollowBooks(
            self._http.retries,
            Output,
            end="task",
            after=after,
            patience=patience,
            on_interruption=on_interruption,
        )
        return follow(self._http, f"{self._path}/outputs", books, self._settle)

    async def wait(self, timeout: float | None = None) -> TaskResult:
        """Wait until it has ended and return all of it; raise WaitTimeoutError after ``timeout``.

        The task goes on after a timeout. A task that failed is returned like any other;
        ``raise_for_error()`` on the result raises.
        """
        return await self.wait_until(Deadline(timeout))

    async def wait_until(self, deadline: Deadline) -> TaskResult:
        """As ``wait``, with a time limit that may have begun before."""
        while True:
            seconds = deadline.at_most(LONG_POLL)
            data = await self._http.get(
                f"{self._path}/result",
                (("wait", f"{seconds:.3f}"),),
                patience=deadline.at_most(self._http.retries.following),
                read_timeout=seconds + 30.0,
            )
            result = decode(data, TaskResult)
            self.info = result.task
            if self.info.is_final:
                return result
            if deadline.passed:
                raise WaitTimeoutError(
                    f"Task {self.id} is still {self.state} after {deadline}. It goes on; "
                    "wait again, or cancel it."
                )

    async def result(self) -> TaskResult:
        """Return what it has said so far, put together, without waiting for its end."""
        result = decode(await self._http.get(f"{self._path}/result"), TaskResult)
        self.info = result.task
        return result

    async def outputs(self, after: int = 0, limit: int | None = None) -> OutputPage:
        """Return one page of outputs; go on with ``after=page.last``."""
        params = [("after", str(after))]
        if limit is not None:
            params.append(("limit", str(limit)))
        return decode(await self._http.get(f"{self._path}/outputs", tuple(params)), OutputPage)

    async def stdout(self) -> str:
        """Return all that it has printed to stdout so far."""
        return (await self._http.get(f"{self._path}/stdout")).decode("utf-8", "replace")

    async def stderr(self) -> str:
        """Return all that it has printed to stderr so far."""
        return (await self._http.get(f"{self._path}/stderr")).decode("utf-8", "replace")

    async def cancel(
        self, *, allow_restart: bool = False, grace: float | str | None = None
    ) -> AsyncTask:
        """Take it out of the queue, or interrupt it; what it said is kept. Returns itself.

        If an interrupt does not stop it, a second one follows after ``grace`` (two seconds, or such
        as ``"10s"``), and after another ``grace``, with ``allow_restart``, its kernel is restarted.
        ``info.stopped_by`` and ``info.state_preserved`` tell afterwards what it took.

        Raises ConflictError with code ``task_finished`` if it has ended already.
        """
        order: dict[str, object] = {"allow_restart": allow_restart}
        if grace is not None:
            order["grace"] = grace
        try:
            data = await self._http.post(
                f"{self._path}/cancel", encode(order), repeat=Repeat.ALWAYS
            )
            self.info = decode(data, TaskInfo)
        except ConflictError as error:
            if not error.perhaps_done:
                raise
            await self.refresh()
            if not self.info.cancel_requested:
                raise
        return self

    @property
    def _path(self) -> str:
        return f"/v1/tasks/{segment(self.info.id)}"

    def _settle(self, data: bytes) -> None:
        self.info = decode(data, TaskInfo)


class AsyncTasks:
    """All tasks that the token may see, as ``yard.tasks``."""

    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def get(self, task_id: str) -> AsyncTask:
        """Return the handle of a task, from whatever process submitted it."""
        data = await self._http.get(f"/v1/tasks/{segment(task_id)}")
        return AsyncTask(self._http, decode(data, TaskInfo))

    def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        label: Mapping[str, str] | None = None,
        page_size: int = 100,
    ) -> AsyncIterator[AsyncTask]:
        """Yield tasks, newest first, reading page after page as they are used.

        ::

            async for task in yard.tasks.list(state=["queued", "running"]):
                print(task.id, task.info.ahead)
        """
        return handles(
            self._http, "/v1/tasks", filters_of(state=state, label=label), page_size=page_size
        )


async def handles(
    http: AsyncHttp, path: str, filters: Filters, *, page_size: int
) -> AsyncIterator[AsyncTask]:
    """Yield the handles of a list of tasks."""
    async for info in every(http, path, Page[TaskInfo], filters, page_size=page_size):
        yield AsyncTask(http, info)
