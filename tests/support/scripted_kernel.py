"""Kernels in memory that run small scripts instead of a language, and keep a journal as agents do.

Each line of a task's code is a verb, perhaps with a word behind a colon:

========== ==========================================================================
print:X    X and a line end on stdout            warn:X   the same on stderr
display:X  display data with X as text/plain     result:X an execute result
clear      a clear-output mark                   raw:X    a stream whose JSON body is X
lines:N    N lines on stdout, one output each    bytes:N  one output of N letters
raise:X    the code fails with the error X       cut:N    N bytes of output were cut
hang       runs until it is cancelled, interrupted or its kernel ends
wait:X     runs on when a test says ``gates.release("X")``
die        the kernel is killed by SIGKILL
========== ==========================================================================

A task that needs one which did not succeed is cancelled at once, as agents do it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence

from kernelyard.model.errors import KernelEnded, KernelNotRunning, TaskFinished
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Assignment

_FIRST = 1_767_225_600_000_000


class Gates:
    """What scripts wait for and tests open. An open gate stays open."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Event] = {}

    def release(self, name: str) -> None:
        """Let all go on that wait for ``name``, now or later."""
        self._gate(name).set()

    def close(self, name: str) -> None:
        """From now on, let nobody go on that waits for ``name``."""
        self._gates.pop(name, None)

    async def released(self, name: str) -> None:
        """Wait until a test has released ``name``."""
        await self._gate(name).wait()

    def _gate(self, name: str) -> asyncio.Event:
        return self._gates.setdefault(name, asyncio.Event())


class _Raised(Exception):
    """The script says that the code fails."""


class _Killed(Exception):
    """The script says that the kernel dies."""


class ScriptedKernel:
    """One journal, one queue, and the task that works through it."""

    def __init__(self, order: LaunchOrder, gates: Gates) -> None:
        self.order = order
        self.attempt = order.attempt
        self.journal: list[Record] = []
        self.closed = False
        self._gates = gates
        self._ticks = itertools.count()
        self._changed = asyncio.Event()
        self._queue: dict[int, Assignment] = {}
        self._seen: dict[str, str] = {}
        self._unsuccessful: dict[int, str] = {}
        self._early: dict[str, str] = {}
        self._running: tuple[Assignment, asyncio.Task[None]] | None = None
        self._why: str | None = None
        self._work = asyncio.create_task(self._live(), name=f"scripted-{order.kernel_id}")

    def submit(self, tasks: Sequence[Assignment]) -> None:
        if self.closed:
            raise KernelEnded
        assert not self.order.pooled, "it waits in a pool and is nobody's"
        for task in tasks:
            if task.task_id in self._seen:
                continue
            self._seen[task.task_id] = "open"
            if (reason := self._early.pop(task.task_id, None)) is not None:
                self._end(task, "cancelled", reason)
            elif task.needs in self._unsuccessful:
                self._end_in_vain(task)
            else:
                self._queue[task.seq] = task
        self._tell()

    def cancel(self, task_id: str, reason: str) -> None:
        if self._seen.get(task_id) == "ended":
            raise TaskFinished
        if self._running is not None and self._running[0].task_id == task_id:
            self._why = reason
            self._running[1].cancel()
            return
        queued = next((t for t in self._queue.values() if t.task_id == task_id), None)
        if queued is None:
            self._early[task_id] = reason
        else:
            del self._queue[queued.seq]
            self._end(queued, "cancelled", reason)

    def interrupt(self) -> None:
        if self.closed:
            raise KernelNotRunning
        if self._running is not None:
            self._running[1].cancel()

    async def stop(self, reason: str) -> None:
        if self.closed:
            return
        await self._halt(f"the kernel was ended: {reason}")
        self._finish("asked", reason)

    async def restart(self, attempt: int, reason: str) -> None:
        if self.closed:
            raise KernelEnded
        if attempt <= self.attempt:
            return
        self.attempt = attempt
        await self._halt("the kernel was restarted")
        self.say(0, RecordKind.KERNEL_RESTARTING, attempt=attempt, reason=reason)
        self._work = asyncio.create_task(self._live())

    async def follow(self, after: int) -> AsyncIterator[list[Record]]:
        while True:
            await self._until(lambda last=after: len(self.journal) > last or self.closed)
            records = self.journal[after : after + 500]
            if not records:
                return
            after = records[-1].number
            yield records

    def say(self, seq: int, kind: RecordKind, **body: object) -> None:
        """Append a record to the journal and wake those who follow."""
        self.say_raw(seq, kind, json.dumps(body).encode())

    def say_raw(self, seq: int, kind: RecordKind, body: bytes) -> None:
        at = _FIRST + next(self._ticks) * 1000
        self.journal.append(Record(len(self.journal) + 1, at, seq, kind, body))
        self._tell()

    async def aclose(self) -> None:
        work = [self._work, *([self._running[1]] if self._running else [])]
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    async def _live(self) -> None:
        self.say(0, RecordKind.KERNEL_LAUNCHED, attempt=self.attempt, pid=4711)
        if self.order.image == "stillborn":
            self._finish("start_failed", "it exited by itself with code 1 before it answered")
            return
        if self.order.image == "slow":
            await self._gates.released("start")
        implementation = "ipython" if self.order.image == "python3" else "other"
        info: dict[str, object] = {"implementation": implementation}
        info |= {"language_info": {"name": "python", "version": "3.12.3"}}
        self.say(0, RecordKind.KERNEL_READY, attempt=self.attempt, info=info)
        if self.order.image == "frail" and self.attempt == 1:
            self.attempt = 2
            self.say(0, RecordKind.KERNEL_RESTARTING, attempt=2, reason="killed by SIGKILL")
            self.say(0, RecordKind.KERNEL_READY, attempt=2, info=info)
        while not self.closed:
            await self._until(lambda: bool(self._queue))
            await self._run(self._queue.pop(min(self._queue)))

    async def _run(self, task: Assignment) -> None:
        self.say(task.seq, RecordKind.STARTED, task_id=task.task_id)
        script = asyncio.create_task(self._script(task))
        self._running = (task, script)
        await asyncio.wait({script})
        self._running = None
        why, self._why = self._why, None
        if script.cancelled() and why is None:
            self._fail(task, "KeyboardInterrupt")
        elif script.cancelled():
            self._end(task, "cancelled", why)
        elif isinstance(error := script.exception(), _Raised):
            self._fail(task, str(error))
        elif error is not None:
            reason = "killed by SIGKILL"
            self._end(task, "lost", f"the kernel was {reason} while this ran")
            self._settle_queue("never ran: the kernel ended first")
            self._finish("died", reason, "SIGKILL")
        else:
            self._end(task, "succeeded", None)

    async def _script(self, task: Assignment) -> None:
        for line in task.code.splitlines():
            verb, _, word = line.partition(":")
            await asyncio.sleep(0)
            match verb:
                case "hang":
                    await asyncio.Event().wait()
                case "wait":
                    await self._gates.released(word)
                case "raise":
                    raise _Raised(word)
                case "die":
                    raise _Killed
                case _:
                    self._speak(task.seq, verb, word)

    def _speak(self, seq: int, verb: str, word: str) -> None:
        match verb:
            case "print" | "warn":
                name = "stdout" if verb == "print" else "stderr"
                self.say(seq, RecordKind.STREAM, name=name, text=f"{word}\n")
            case "lines":
                for number in range(int(word)):
                    self.say(seq, RecordKind.STREAM, name="stdout", text=f"line {number}\n")
            case "bytes":
                self.say(seq, RecordKind.STREAM, name="stdout", text="x" * int(word))
            case "raw":
                self.say_raw(seq, RecordKind.STREAM, word.encode().replace(b"\\r", b"\r"))
            case "display":
                self.say(seq, RecordKind.DISPLAY_DATA, data={"text/plain": word}, metadata={})
            case "result":
                body = {"data": {"text/plain": word}, "metadata": {}, "execution_count": seq}
                self.say(seq, RecordKind.EXECUTE_RESULT, **body)
            case "clear":
                self.say(seq, RecordKind.CLEAR_OUTPUT, wait=False)
            case "cut":
                self.say(seq, RecordKind.CUT, bytes=int(word), messages=1)
            case _:
                raise AssertionError(f"the scripted kernel does not know {verb!r}")

    def _fail(self, task: Assignment, name: str) -> None:
        error = {"name": name, "value": "as scripted", "traceback": [f"{name}: as scripted"]}
        content = {"ename": name, "evalue": "as scripted", "traceback": error["traceback"]}
        self.say(task.seq, RecordKind.ERROR, **content)
        self._end(task, "failed", None, error)

    def _end(self, task: Assignment, state: str, reason: str | None, error: object = None) -> None:
        self._seen[task.task_id] = "ended"
        ran = state in ("succeeded", "failed")
        self.say(
            task.seq,
            RecordKind.ENDED,
            task_id=task.task_id,
            state=state,
            reason=reason,
            error=error,
            execution_count=task.seq if ran else None,
        )
        if state == "succeeded":
            return
        self._unsuccessful[task.seq] = state
        for other in [other for other in self._queue.values() if other.needs == task.seq]:
            del self._queue[other.seq]
            self._end_in_vain(other)

    def _end_in_vain(self, task: Assignment) -> None:
        state = self._unsuccessful[task.needs or 0]
        self._end(task, "cancelled", f"the task it needs did not succeed ({state})")

    async def _halt(self, why: str) -> None:
        """End the process; the running task is cancelled, queued ones stay."""
        running = self._running
        await self.aclose()
        self._running = None
        if running is not None:
            self._end(running[0], "cancelled", why)

    def _settle_queue(self, reason: str) -> None:
        tasks = list(self._queue.values())
        self._queue.clear()
        for task in tasks:
            self._end(task, "cancelled", reason)

    def _finish(self, cause: str, reason: str, signal: str | None = None) -> None:
        self._settle_queue(f"never ran: the kernel ended first: {reason}")
        if cause == "asked":
            self.say(0, RecordKind.KERNEL_STOPPING, cause=cause, reason=reason)
        self.closed = True
        self.say(
            0, RecordKind.KERNEL_ENDED, cause=cause, reason=reason, exit_code=None, signal=signal
        )

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._changed.wait()
