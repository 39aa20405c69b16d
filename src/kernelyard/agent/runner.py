"""Running the queue of one kernel: one task at a time, each followed to its true end.

Everything here happens in the turn of the event loop in which a message arrived. The journal knows of
a start before the kernel does, so after a crash no code is ever sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kernelyard.agent.allowance import Allowance
from kernelyard.agent.beside import LOOK_SECONDS
from kernelyard.agent.client_runs import (
    ClientRun,
    numbered,
    send,
    sent_id,
    started_body,
    told,
)
from kernelyard.agent.endings import TaskEnd, body, taken_out
from kernelyard.agent.journal import RETRY_SECONDS, Entry, Journal, wall_clock
from kernelyard.agent.live_kernel import LiveKernel, Restarter
from kernelyard.agent.needs import Needs
from kernelyard.agent.overtime import Overtime
from kernelyard.agent.queue import Queue
from kernelyard.agent.running import Running
from kernelyard.agent.stopping import Stopping
from kernelyard.model.errors import TaskFinished
from kernelyard.model.quantities import Micros
from kernelyard.model.records import OUTPUT_KINDS, EndCause, RecordKind, StoppedBy
from kernelyard.model.tasks import Assignment, Cancellation, TaskState
from kernelyard.wire.messages import Message, clean_content
from kernelyard.wire.tracking import Execution

DOUBT_SECONDS = 0.5
"""How long reply and idle mark may lie apart before the kernel is asked whether that was all."""
IGNORED_SECONDS = 2.0
"""Without any sign of what a client has asked for, before the kernel is asked whether that was all."""
MOST_TURNED_AWAY = 50
AGAIN_SECONDS = 0.1
_OUTPUTS: dict[str, RecordKind] = {kind.value: kind for kind in OUTPUT_KINDS}


class Runner:
    """Takes tasks from the queue to the kernel, and what the kernel says to the journal."""

    def __init__(self, journal: Journal, queue: Queue, restarter: Restarter) -> None:
        self._journal = journal
        self._restarter = restarter
        self._queue = queue
        self._needs = Needs(queue)
        self._kernel: LiveKernel | None = None
        self._may_start = False
        self._running: Running | None = None
        self._overtime: Overtime | None = None
        self._trying: asyncio.TimerHandle | None = None
        """Set while a task is not begun because its start cannot be written down."""
        journal.when_written = self.pump
        self._late = Allowance(0)
        self._loop = asyncio.get_running_loop()
        self.active_at = self._loop.time()
        """When something last began or ended, in the loop's time."""
        self._watched: list[asyncio.Future[None]] = []
        """Set when what runs has ended."""
        self.begun = 0
        """How many tasks have begun so far."""

    @property
    def running(self) -> bool:
        return self._running is not None

    @property
    def running_seq(self) -> int:
        """Number of the task that runs; 0 if none does."""
        return self._running.task.seq if self._running is not None else 0

    @property
    def running_msg_id(self) -> str:
        """Id of the request that runs; empty if none does."""
        return self._running.execution.msg_id if self._running is not None else ""

    def over(self) -> asyncio.Future[None] | None:
        """Return what is done as soon as the task that runs has ended; None if none does."""
        if self._running is None:
            return None
        watched: asyncio.Future[None] = self._loop.create_future()
        self._watched.append(watched)
        return watched

    @property
    def quiet(self) -> bool:
        """Whether nothing runs or waits, and something could run."""
        return self._may_start and self._running is None and not self._queue

    def recall(self, unsuccessful: Mapping[int, TaskState]) -> None:
        """Take in which tasks an earlier agent saw end without success."""
        self._journal.append(self._needs.recall(unsuccessful))

    def recall_activity(self, at: Micros) -> None:
        """Take in when an earlier agent last saw something begin or end."""
        if at:
            since = max(0.0, (wall_clock() - at) / 1_000_000)
            self.active_at = min(self.active_at, self._loop.time() - since)

    def attach(self, kernel: LiveKernel | None, running: Running | None = None) -> None:
        """Follow a kernel, and what it ran already when we found it."""
        self._kernel = kernel
        if running is not None:
            self._run(running)

    def go(self, *, again: bool = False) -> None:
        """Begin to run what waits: the kernel is ready, or was so before (``again``)."""
        self._may_start = True
        if not again:
            self.active_at = self._loop.time()
        self.pump()

    def detach(self, end: TaskEnd) -> None:
        """Let go of the kernel; what runs ends as told, what waits stays."""
        self._hear_beside()
        self._kernel, self._may_start = None, False
        self._end_running(end)

    def end_all(self, running: TaskEnd, waiting: TaskEnd) -> None:
        """End every open task; nothing more is started."""
        self._may_start = False
        self._hear_beside()
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
        self.active_at = self._loop.time()
        self.pump()

    def run(self, run: ClientRun) -> None:
        """Run what a client asks for, in its turn."""
        self._queue.keep_waiting(run)
        self.active_at = self._loop.time()
        self.pump()

    def end_cancelled_early(self) -> None:
        """End the tasks that were cancelled before they came."""
        early = self._queue.cancelled_early()
        self._end_waiting([(task, taken_out(reason)) for task, reason in early])

    def end_waiting(self, end: TaskEnd) -> None:
        """End every task that waits; what runs goes on."""
        self._end_waiting([(task, end) for task in self._queue.drain()])

    def cancel(self, task_id: str, reason: str, how: Cancellation) -> None:
        """Cancel a task that waits, runs or has yet to come. Raises TaskFinished, StorageFull."""
        run = self._running
        if (task := self._queue.take_out(task_id)) is not None:
            self._end_waiting([(task, taken_out(reason))])
        elif run is not None and run.task.task_id == task_id:
            if run.stopping is None:
                self._stop(run, EndCause.ASKED, reason, how)
            else:
                run.stopping.allow(how)
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
        self._journal.append(self._late_cut())
        task = numbered(task, self._journal.next_number)
        if not self._note_start(task):
            return
        self._late = Allowance(task.output_limit_bytes)
        self._run(Running(task, Execution(sent_id(task)), Allowance(task.output_limit_bytes)))
        send(task, kernel)

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
                run.said_at = self._loop.time()
                run.execution.on_iopub(message)
                if run.execution.begun and run.stopping is not None:
                    run.stopping.on_begun()
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
            if run.has_lost_its_idle_mark:
                silent = self._loop.time() - run.said_at
                gap = body(**{"from": wall_clock() - int(silent * 1_000_000), "to": wall_clock()})
                self._journal.append([(run.task.seq, RecordKind.GAP, gap)])
            self._end_running(run.verdict_without_end())
            self.pump()

    def _look_beside(self, run: Running) -> None:
        if self._running is run:
            self._hear_beside()
            self._loop.call_later(LOOK_SECONDS, self._look_beside, run)

    def _hear_beside(self) -> None:
        """Take in what the process printed beside the protocol."""
        run, kernel = self._running, self._kernel
        if run is None or kernel is None or kernel.beside is None:
            return
        entries: list[Entry] = []
        for content in kernel.beside.contents():
            run.said_at = self._loop.time()
            printed = Message("stream", "", run.execution.msg_id, content)
            self._keep(entries, RecordKind.STREAM, printed, run)
        self._journal.append(entries)

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
        self._hear_beside()
        if run.was_turned_away and run.turned_away < MOST_TURNED_AWAY:
            self._send_again(run)
        elif (late := self._kernel.late_seconds if self._kernel else 0.0) == 0:
            self._settle(run)
        elif not run.settling:
            run.settling = True
            self._loop.call_later(late, self._settle, run)

    def _settle(self, run: Running) -> None:
        if self._running is run:
            self._hear_beside()
            self._end_running(run.verdict())
            self.pump()

    def _send_again(self, run: Running) -> None:
        """Send code again that the kernel has not begun, for what another client ran there failed."""
        run.turned_away += 1
        run.execution = Execution(sent_id(run.task))

        def again() -> None:
            if self._running is not run or self._kernel is None:
                return
            if run.stopping is None:
                send(run.task, self._kernel)
            else:
                self._end_running(run.stopping.end(by=StoppedBy.QUEUE))
                self.pump()

        self._loop.call_later(AGAIN_SECONDS, again)

    def _end_running(self, end: TaskEnd) -> None:
        run, self._running = self._running, None
        if run is None:
            return
        if run.stopping is not None:
            run.stopping.cancel()
        if self._overtime is not None:
            self._overtime.cancel()
        seq = run.task.seq
        entries: list[Entry] = []
        if not (end.state is TaskState.CANCELLED and end.error is None):
            entries += [(seq, RecordKind.ERROR, content) for content in run.held]
        if (cut := run.allowance.cut()) is not None:
            entries.append((seq, RecordKind.CUT, cut))
        self._journal.append([*entries, *self._needs.end(run.task, end)])
        if isinstance(run.task, ClientRun):
            run.task.on_end(end, run.execution.reply is not None)
        self.active_at = self._loop.time()
        watched, self._watched = self._watched, []
        for one in watched:
            if not one.done():
                one.set_result(None)

    def _end_waiting(self, ends: list[tuple[Assignment, TaskEnd]]) -> None:
        self._journal.append(
            [entry for task, end in told(ends) for entry in self._needs.end(task, end)]
        )

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

        self._loop.call_later(DOUBT_SECONDS, self._doubt, run)

    def _doubt_unheard(self, run: Running, since: float) -> None:
        if run.said_at == since and not run.doubted:
            run.doubted = True
            self._doubt(run)

    def _doubt(self, run: Running) -> None:
        if self._running is run and self._kernel is not None:
            self._kernel.probe()

    def _note_start(self, task: Assignment) -> bool:
        """Write down that a task begins; while that cannot be done, it stays first in the queue.

        Until the start is in the file, an agent that comes later would run the task again.
        """
        if self._journal.append_if_possible((task.seq, RecordKind.STARTED, started_body(task))):
            return True
        self._queue.put_back(task)
        if self._trying is None:
            self._trying = self._loop.call_later(RETRY_SECONDS, self._try_again)
        return False

    def _try_again(self) -> None:
        self._trying = None
        self.pump()

    def _run(self, run: Running) -> None:
        self.begun += 1
        self._running = run
        run.said_at = self._loop.time()
        self._overtime = Overtime(run, self._over)
        if isinstance(run.task, ClientRun):
            # Kernels pass over a request that they cannot read, and nobody would ever hear of it.
            self._loop.call_later(IGNORED_SECONDS, self._doubt_unheard, run, run.said_at)
        if self._kernel is not None and self._kernel.beside is not None:
            self._kernel.beside.begin()
            self._loop.call_later(LOOK_SECONDS, self._look_beside, run)

    def _over(self, run: Running, cause: EndCause, reason: str) -> None:
        """A task has gone over a limit of its own."""
        if self._running is not run:
            return
        how = Cancellation(allow_restart=run.task.limits.restart_if_stuck)
        if run.stopping is None:
            self._stop(run, cause, reason, how)
        else:
            run.stopping.allow(how)

    def _stop(self, run: Running, cause: EndCause, reason: str, how: Cancellation) -> None:
        def interrupt() -> None:
            if self._running is run and self._kernel is not None:
                self._kernel.interrupt()

        def restart() -> None:
            if self._running is run:
                self._restarter.restart_stuck(run.stuck())

        futile = self._kernel is not None and not self._kernel.interruptible
        run.stopping = Stopping(reason, cause, how, interrupt, restart, futile)
        run.stopping.begin(begun=run.execution.begun or run.adopted)
