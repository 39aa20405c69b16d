"""Running the queue of one kernel: one task at a time, each followed to its true end.

Everything here happens in the turn of the event loop in which a message arrived. The journal knows of
a start before the kernel does, so after a crash no code is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kernelyard.agent.allowance import Allowance
from kernelyard.agent.endings import (
    ASKED_FOR_INPUT,
    GAVE_UP,
    NO_REPLY,
    NO_STDIN,
    UNHEARD,
    TaskEnd,
    body,
)
from kernelyard.agent.journal import Entry, Journal
from kernelyard.agent.needs import Needs
from kernelyard.agent.queue import Queue
from kernelyard.model.errors import TaskFinished
from kernelyard.model.records import OUTPUT_KINDS, RecordKind
from kernelyard.model.tasks import Assignment, TaskError, TaskState
from kernelyard.wire.messages import Message, clean_content
from kernelyard.wire.tracking import Execution

FIRST_INTERRUPT = 0.5
"""Seconds to wait for the kernel to say that it has begun; some never do."""
SECOND_INTERRUPT = 2.0
NEXT_INTERRUPTS = 5.0
DOUBT_SECONDS = 0.5
"""How long reply and idle mark may lie apart before the kernel is asked whether that was all."""
_OUTPUTS: dict[str, RecordKind] = {kind.value: kind for kind in OUTPUT_KINDS}


class LiveKernel(Protocol):
    """What running code needs of a kernel that lives."""

    @property
    def interrupting(self) -> bool:
        """Whether an interrupt is on its way that could still hit other code than was meant."""
        ...

    def execute(self, msg_id: str, code: str) -> None: ...
    def interrupt(self) -> None: ...
    def probe(self) -> None:
        """Ask for a sign that all it said before has been heard; ``on_probed`` is called then."""
        ...


@dataclass(slots=True)
class Running:
    """The task that runs."""

    task: Assignment
    execution: Execution
    allowance: Allowance
    cancel_reason: str | None = None
    interrupted: bool = False
    adopted: bool = False
    """Whether it ran already when we found the kernel, so that its end may have been missed."""
    doubted: bool = False
    held: list[bytes] = field(default_factory=list)
    """Errors seen since it was interrupted; dropped if they are nothing but the interrupt."""


class Runner:
    """Takes tasks from the queue to the kernel, and what the kernel says to the journal."""

    def __init__(self, journal: Journal, queue: Queue) -> None:
        self._journal = journal
        self._queue = queue
        self._needs = Needs(queue)
        self._kernel: LiveKernel | None = None
        self._may_start = False
        self._running: Running | None = None
        self._late = Allowance(0)
        self.active_at = asyncio.get_running_loop().time()
        """When something last began or ended, in the loop's time."""

    @property
    def running(self) -> bool:
        return self._running is not None

    @property
    def quiet(self) -> bool:
        """Whether nothing runs or waits, and something could run."""
        return self._may_start and self._running is None and not self._queue

    def recall(self, unsuccessful: Mapping[int, TaskState]) -> None:
        """Take in which tasks an earlier agent saw end without success."""
        self._journal.append(self._needs.recall(unsuccessful))

    def attach(self, kernel: LiveKernel | None, running: Running | None = None) -> None:
        """Follow a kernel, and what it ran already when we found it."""
        self._kernel = kernel
        self._running = running

    def go(self) -> None:
        """Begin to run what waits: the kernel is ready."""
        self._may_start = True
        self.active_at = asyncio.get_running_loop().time()
        self.pump()

    def detach(self, end: TaskEnd) -> None:
        """Let go of the kernel; what runs ends as told, what waits stays."""
        self._kernel, self._may_start = None, False
        self._end_running(end)

    def end_all(self, running: TaskEnd, waiting: TaskEnd) -> None:
        """End every open task; nothing more is started."""
        self._may_start = False
        drained = self._queue.drain()
        self._end_running(running)
        self._end_waiting([(task, waiting) for task in drained])
        self._journal.append(self._late_cut())

    def submit(self, tasks: list[Assignment]) -> None:
        """Queue tasks durably and run them in their turn. Raises StorageFull."""
        self._queue.accept(tasks)
        self.end_cancelled_early()
        if vain := self._needs.come(tasks):
            self._journal.append(vain)
        self.active_at = asyncio.get_running_loop().time()
        self.pump()

    def end_cancelled_early(self) -> None:
        """End the tasks that were cancelled before they came."""
        early = self._queue.cancelled_early()
        self._end_waiting([(task, _cancelled(reason)) for task, reason in early])

    def cancel(self, task_id: str, reason: str) -> None:
        """Cancel a task that waits, runs or has yet to come. Raises TaskFinished, StorageFull."""
        run = self._running
        if (task := self._queue.take_out(task_id)) is not None:
            self._end_waiting([(task, _cancelled(reason))])
        elif run is not None and run.task.task_id == task_id:
            if run.cancel_reason is None:
                run.cancel_reason = reason
                self._interrupt_soon(run)
        elif task_id in self._queue:
            raise TaskFinished
        else:
            self._queue.cancel_early(task_id, reason)

    def pump(self) -> None:
        """Start the next task if one waits and nothing runs."""
        kernel = self._kernel
        if kernel is None or not self._may_start or self._running is not None:
            return
        if kernel.interrupting or (task := self._queue.take()) is None:
            return
        started = body(task_id=task.task_id)
        self._journal.append([*self._late_cut(), (task.seq, RecordKind.STARTED, started)])
        self._late = Allowance(task.output_limit_bytes)
        self._running = Running(task, Execution(task.task_id), Allowance(task.output_limit_bytes))
        kernel.execute(task.task_id, task.code)

    def on_shell(self, messages: list[Message]) -> None:
        """Take in replies."""
        for message in messages:
            if (run := self._running) is not None:
                run.execution.on_shell(message)
                if run.execution.finished:
                    self._finish(run)
                elif run.execution.reply is not None:
                    self._doubt_soon(run)

    def on_iopub(self, messages: list[Message]) -> None:
        """Take in what the kernel says; outputs are journalled with one write."""
        entries: list[Entry] = []
        for message in messages:
            run = self._running
            mine = run is not None and message.parent == run.execution.msg_id
            kind = _OUTPUTS.get(message.type)
            if kind is not None:
                self._keep(entries, kind, message, run if mine else None)
            if mine and run is not None:
                run.execution.on_iopub(message)
                if run.execution.begun and run.cancel_reason and not run.interrupted:
                    self._interrupt(run, SECOND_INTERRUPT)
                if run.execution.finished:
                    self._journal.append(entries)
                    entries = []
                    self._finish(run)
                elif run.execution.idle:
                    self._doubt_soon(run)
        if entries:
            self._journal.append(entries)

    def on_probed(self) -> None:
        """The kernel answers to something that was asked later: what it ran has ended."""
        run = self._running
        if run is not None and (run.adopted or run.doubted):
            self._end_running(_verdict_without_end(run))
            self.pump()

    def _keep(
        self, entries: list[Entry], kind: RecordKind, message: Message, run: Running | None
    ) -> None:
        content = clean_content(message.content)
        if run is not None and run.interrupted and kind is RecordKind.ERROR:
            run.held.append(content)
            return
        allowance = self._late if run is None else run.allowance
        for piece in allowance.pieces(kind, content):
            kept = allowance.admit(kind, piece, backlog=self._journal.backlog)
            if kept is not None:
                entries.append((0 if run is None else run.task.seq, kind, kept))

    def _finish(self, run: Running) -> None:
        self._end_running(_verdict(run))
        self.pump()

    def _end_running(self, end: TaskEnd) -> None:
        run, self._running = self._running, None
        if run is None:
            return
        seq = run.task.seq
        entries: list[Entry] = []
        if not (end.state is TaskState.CANCELLED and end.error is None):
            entries += [(seq, RecordKind.ERROR, content) for content in run.held]
        if (cut := run.allowance.cut()) is not None:
            entries.append((seq, RecordKind.CUT, cut))
        self._journal.append([*entries, *self._needs.end(run.task, end)])
        self.active_at = asyncio.get_running_loop().time()

    def _end_waiting(self, ends: list[tuple[Assignment, TaskEnd]]) -> None:
        self._journal.append([entry for task, end in ends for entry in self._needs.end(task, end)])

    def _late_cut(self) -> list[Entry]:
        cut = self._late.cut()
        self._late = Allowance(0)
        return [] if cut is None else [(0, RecordKind.CUT, cut)]

    def _doubt_soon(self, run: Running) -> None:
        """See to it that a task ends even if the kernel forgets its reply or its idle mark.

        ipykernel does so when an interrupt hits it just before the code begins.
        """
        if run.doubted:
            return
        run.doubted = True

        def doubt() -> None:
            if self._running is run and self._kernel is not None:
                self._kernel.probe()

        asyncio.get_running_loop().call_later(DOUBT_SECONDS, doubt)

    def _interrupt_soon(self, run: Running) -> None:
        """Interrupt what has begun; what has not, when it begins."""
        if run.execution.begun:
            self._interrupt(run, SECOND_INTERRUPT)
            return

        def not_begun() -> None:
            if not run.interrupted:
                self._interrupt(run, SECOND_INTERRUPT)

        asyncio.get_running_loop().call_later(FIRST_INTERRUPT, not_begun)

    def _interrupt(self, run: Running, again: float) -> None:
        if self._running is not run or self._kernel is None:
            return
        run.interrupted = True
        self._kernel.interrupt()
        loop = asyncio.get_running_loop()
        loop.call_later(again, self._interrupt, run, NEXT_INTERRUPTS)


def _verdict(run: Running) -> TaskEnd:
    """How a task ended, judged by what the kernel said."""
    execution = run.execution
    count, error = execution.execution_count, execution.error
    if execution.succeeded:
        return TaskEnd(state=TaskState.SUCCEEDED, execution_count=count)
    if run.cancel_reason is not None and (run.interrupted or execution.aborted):
        return TaskEnd(
            state=TaskState.CANCELLED,
            reason=run.cancel_reason,
            error=None if error is None or _is_interrupt(error) else error,
            execution_count=count,
        )
    reason = GAVE_UP if execution.aborted else None
    if error is not None and error.name == NO_STDIN:
        reason = ASKED_FOR_INPUT
    return TaskEnd(state=TaskState.FAILED, reason=reason, error=error, execution_count=count)


def _verdict_without_end(run: Running) -> TaskEnd:
    """How a task ended of which the kernel said too little."""
    execution = run.execution
    raised = execution.idle and run.adopted and execution.error is not None
    if execution.reply is not None or raised:
        return _verdict(run)
    if run.cancel_reason is not None and run.interrupted:
        return TaskEnd(state=TaskState.CANCELLED, reason=run.cancel_reason)
    if execution.idle and not run.adopted:
        return TaskEnd(state=TaskState.FAILED, reason=NO_REPLY, error=execution.error)
    return TaskEnd(state=TaskState.LOST, reason=UNHEARD)


def _is_interrupt(error: TaskError) -> bool:
    return "interrupt" in error.name.lower()


def _cancelled(reason: str) -> TaskEnd:
    return TaskEnd(state=TaskState.CANCELLED, reason=reason)
