# Generated from src/kernelyard/client/_async/kernel.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""One kernel: run code on it, wait for it, end it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Literal, Self
from uuid import uuid4

from kernelyard.client._sync.follow import follow
from kernelyard.client._sync.http import Http
from kernelyard.client._sync.pages import filters_of
from kernelyard.client._sync.tasks import LONG_POLL, Task, handles
from kernelyard.client.decoding import decode, encode, segment
from kernelyard.client.errors import KernelEndedError, KernelyardError, WaitTimeoutError
from kernelyard.client.following import FollowBooks, Interruption
from kernelyard.client.outputs import Output
from kernelyard.client.results import TaskResult
from kernelyard.client.retrying import Call, Deadline, Repeat
from kernelyard.client.types import (
    InterruptResult,
    KernelInfo,
    KernelLog,
    SignalResult,
    TaskInfo,
)


class Kernel:
    """A handle of one kernel. Get it from ``yard.kernels``.

    A kernel lives on when the handle, the client and the server go. As a context manager it is for
    kernels that should not: at the end of the block the kernel is deleted with all its tasks and
    outputs; if the block ends by an exception it is only terminated, so that what it said can
    still be read.

    ::

        with yard.kernels.create(image="python3") as kernel:
            result = kernel.run("6 * 7")
            print(result.text)
    """

    def __init__(self, http: Http, info: KernelInfo, *, created: bool = False) -> None:
        self._http = http
        self.info = info
        """What the server said last; ``refresh()`` asks again."""
        self.created = created
        """Whether the call that returned this handle made the kernel."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.delete()
            return
        try:
            self.terminate()
        except KernelyardError as failure:
            if error is not None:
                error.add_note(f"kernel {self.id} could not be terminated: {failure}")

    @property
    def id(self) -> str:
        """Names it for ever: another process can get it with ``yard.kernels.get(id)``."""
        return self.info.id

    @property
    def state(self) -> str:
        """``starting``, ``idle``, ``busy``, ``restarting``, ``terminating``, ``terminated`` or
        ``failed``."""
        return self.info.state

    def refresh(self) -> Kernel:
        """Ask the server how it is now; returns itself."""
        self.info = decode(self._http.get(self._path), KernelInfo)
        return self

    def submit(
        self,
        code: str,
        *,
        needs: Task | str | None = None,
        time_limit: float | str | None = None,
        silence_limit: float | str | None = None,
        restart_if_stuck: bool = True,
        labels: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Queue ``code`` and return at once, even while the kernel starts.

        ``needs`` is an earlier task of this kernel, or its id: unless that one succeeds, this one
        is cancelled without being started.

        Over ``time_limit`` (seconds, or such as ``"10m"``), or after ``silence_limit`` without an
        output, it is stopped and has failed. If interrupts do not stop it, the kernel is restarted,
        unless ``restart_if_stuck`` is false.

        The request is safe to send again: with the same ``idempotency_key`` the same task comes
        back. One is made for each call unless given.
        """
        order: dict[str, object] = {"code": code, "labels": dict(labels or {})}
        if needs is not None:
            order["needs"] = needs if isinstance(needs, str) else needs.id
        if time_limit is not None:
            order["time_limit"] = time_limit
        if silence_limit is not None:
            order["silence_limit"] = silence_limit
        if not restart_if_stuck:
            order["restart_if_stuck"] = False
        key = idempotency_key or uuid4().hex
        data = self._http.post(f"{self._path}/tasks", encode(order), key=key)
        return Task(self._http, decode(data, TaskInfo))

    def run(self, code: str, timeout: float | None = None) -> TaskResult:
        """Queue ``code``, wait for its end and return all of it.

        ::

            result = kernel.run("print('hello')")
            assert result.raise_for_error().stdout == "hello\\n"

        After a timeout the task goes on; use ``submit`` and ``wait`` to keep its handle.
        """
        deadline = Deadline(timeout)
        seconds = deadline.at_most(LONG_POLL)
        call = Call(
            method="POST",
            path=f"{self._path}/run",
            params=(("wait", f"{seconds:.3f}"),),
            headers={"Idempotency-Key": uuid4().hex},
            body=encode({"code": code}),
            # Once it may have been queued, this is a wait.
            patience_once_sent=deadline.at_most(self._http.retries.following),
            read_timeout=seconds + 30.0,
        )
        result = decode(self._http.send(call), TaskResult)
        if result.task.is_final:
            return result
        return Task(self._http, result.task).wait_until(deadline)

    def tasks(
        self,
        *,
        state: str | Iterable[str] | None = None,
        label: Mapping[str, str] | None = None,
        page_size: int = 100,
    ) -> Iterator[Task]:
        """Yield its tasks, newest first, reading page after page as they are used."""
        filters = filters_of(state=state, label=label)
        return handles(self._http, f"{self._path}/tasks", filters, page_size=page_size)

    def follow(
        self,
        after: int = 0,
        *,
        patience: float | None = None,
        on_interruption: Callable[[Interruption], None] | None = None,
    ) -> Generator[Output, None]:
        """Yield everything that happens on the kernel after number ``after``, until it ends.

        In all else like ``follow`` of a task.
        """
        books = FollowBooks(
            self._http.retries,
            Output,
            end="kernel",
            after=after,
            patience=patience,
            on_interruption=on_interruption,
        )
        return follow(self._http, f"{self._path}/outputs", books, self._settle)

    def logs(self, after: int | None = None, *, limit: int = 65_536) -> KernelLog:
        """Return what its process printed beside its outputs: warnings, crashes, other programs.

        Without ``after`` the last ``limit`` bytes; with it what was printed behind that many bytes.
        Go on with ``after=log.end``. Only the last part of a log is kept.
        """
        params = [("limit", str(limit))]
        if after is not None:
            params.append(("after", str(after)))
        return decode(self._http.get(f"{self._path}/logs", tuple(params)), KernelLog)

    def connection_info(self) -> dict[str, str | int]:
        """Let plain Jupyter clients join it, and return what their connection file has to say.

        ::

            info = kernel.connection_info()
            client = jupyter_client.BlockingKernelClient()
            client.load_connection_info(info)

        It is good on the kernel's machine only, until the kernel ends, and over its restarts. It
        holds a secret: whoever knows its ``key`` may run code on the kernel.
        """
        data = self._http.post(f"{self._path}/connection", repeat=Repeat.ALWAYS)
        return decode(data, dict[str, str | int])

    def close_connection(self) -> None:
        """Send plain Jupyter clients away; what ``connection_info`` returned is worth nothing then."""
        self._http.delete(f"{self._path}/connection")

    def wait_ready(self, timeout: float | None = None) -> Kernel:
        """Wait until it can run code; returns itself. Not needed before ``submit``.

        Raises KernelEndedError if it ends instead, and WaitTimeoutError after ``timeout``.
        """
        return self._wait("ready", timeout)

    def wait_ended(self, timeout: float | None = None) -> Kernel:
        """Wait until it has ended; returns itself. Raises WaitTimeoutError after ``timeout``."""
        return self._wait("ended", timeout)

    def interrupt(self, *, reason: str = "", restart_if_needed: bool = False) -> InterruptResult:
        """Interrupt the code that runs now, as Ctrl-C would; returns what that achieved.

        Some kernels cannot be interrupted, and some would end: those are left alone, or restarted
        with ``restart_if_needed``. Everybody who follows the kernel is told who did it and why.
        """
        body = encode({"reason": reason, "restart_if_needed": restart_if_needed})
        return decode(self._http.post(f"{self._path}/interrupt", body), InterruptResult)

    def signal(self, signal: str | int, *, reason: str = "") -> bool:
        """Send its process a signal, by name or number; returns whether it arrived.

        ::

            kernel.signal("SIGUSR1", reason="print where you are")
        """
        body = encode({"signal": signal, "reason": reason})
        return decode(self._http.post(f"{self._path}/signal", body), SignalResult).delivered

    def restart(self, *, cancel_queued: bool = False) -> Kernel:
        """Start its process afresh: variables go; id, name, files and queue stay. Returns itself.

        With ``cancel_queued`` the tasks that wait are cancelled, too.
        """
        body = encode({"cancel_queued": cancel_queued})
        self.info = decode(self._http.post(f"{self._path}/restart", body), KernelInfo)
        return self

    def terminate(self, *, shut_down: bool = False) -> Kernel:
        """End it and free its resources; tasks and outputs stay readable. Returns itself.

        A kernel that was attached is let go of and runs on, unless ``shut_down`` is true.
        """
        body = encode({"shut_down": True}) if shut_down else None
        data = self._http.post(f"{self._path}/terminate", body, repeat=Repeat.ALWAYS)
        self.info = decode(data, KernelInfo)
        return self

    def delete(self) -> None:
        """End it and remove everything of it: files, tasks and outputs too."""
        self._http.delete(self._path)

    def _wait(self, until: Literal["ready", "ended"], timeout: float | None) -> Kernel:
        deadline = Deadline(timeout)
        while not self._has(until):
            seconds = deadline.at_most(LONG_POLL)
            data = self._http.get(
                self._path,
                (("wait", until), ("timeout", f"{seconds:.3f}")),
                patience=deadline.at_most(self._http.retries.following),
                read_timeout=seconds + 30.0,
            )
            self.info = decode(data, KernelInfo)
            if deadline.passed and not self._has(until):
                why = f" ({self.info.reason})" if self.info.reason else ""
                raise WaitTimeoutError(
                    f"Kernel {self.id} is still {self.state}{why} after {deadline}. Wait again, or "
                    "terminate it."
                )
        return self

    def _has(self, until: Literal["ready", "ended"]) -> bool:
        if until == "ended":
            return self.info.is_final
        if self.info.is_final or self.state == "terminating":
            raise KernelEndedError(
                f"Kernel {self.id} is {self.state}: {self.info.reason or 'no reason was given'}",
                kernel=self.info,
            )
        return self.info.is_ready

    @property
    def _path(self) -> str:
        return f"/v1/kernels/{segment(self.info.id)}"

    def _settle(self, data: bytes) -> None:
        self.info = decode(data, KernelInfo)
