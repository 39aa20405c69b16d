"""One kernel's life: from its order to the last record of its journal, over any number of restarts.

The verbs act at once and return; one coroutine, the life, carries the process after them. It can be
left at any moment by the death of the agent: what it needs to go on is in the kernel's directory.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kernelyard.agent.claiming import Claiming
from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.ears import Ears
from kernelyard.agent.endings import (
    DAMAGED,
    KernelEnd,
    TaskEnd,
    body,
    died,
    let_go_end,
    restarted_end,
    stopped_ends,
)
from kernelyard.agent.folder import Folder
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.interventions import Interventions
from kernelyard.agent.journal import Journal, wall_clock
from kernelyard.agent.launch.adopt import Found, Search, met_again
from kernelyard.agent.launch.launching import Launching
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.lifetime import Lifetime
from kernelyard.agent.queue import Queue
from kernelyard.agent.recall import Recollection
from kernelyard.agent.remains import Remains
from kernelyard.agent.reviving import Reviving
from kernelyard.agent.runner import Runner
from kernelyard.agent.running import left_running
from kernelyard.agent.starts import launched_body, ready_body
from kernelyard.agent.waiting import first_of
from kernelyard.model.errors import KernelEnded, KernelNotRunning
from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, RecordKind
from kernelyard.model.tasks import Assignment, Cancellation


class Kernel:
    """A kernel that has not ended."""

    def __init__(
        self,
        surroundings: Surroundings,
        folder: Folder,
        order: LaunchOrder,
        journal: Journal,
        queue: Queue,
    ) -> None:
        self.id = folder.kernel_id
        self.journal = journal
        self.order = order
        self.ended = asyncio.Event()
        """Set when its last record is in the journal."""
        self._surroundings = surroundings
        self._folder = folder
        self._queue = queue
        self._log = surroundings.log.bind(kernel_id=self.id)
        self._runner = Runner(journal, queue, self)
        self.ears = Ears(self._runner)
        self._interventions = Interventions(journal, self._runner)
        self._incarnation: Incarnation | None = None
        self._remains = Remains(surroundings, folder, self._log)
        self._ready_attempt = 0
        self._log_begin = 0
        self._stopping: KernelEnd | None = None
        self._shut_down = False
        """Whether it is to be shut down though it is not ours."""
        self._turn = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._reviving = Reviving(order, self._runner)
        self.lifetime = Lifetime(order, self._runner, journal, surroundings.table, self.stop)
        self.claiming = Claiming(self, folder, self._log)

    def begin(self) -> None:
        """Begin its life with a start."""
        self._begin_life(Found())

    async def begin_again(self, memory: Recollection, unheard_since: Micros) -> None:
        """Go on with its life where an agent that died has left it."""

        def note_gap() -> None:
            gap = body(**{"from": unheard_since, "to": wall_clock()})
            self.journal.append([(memory.running_seq, RecordKind.GAP, gap)])

        found = await Search(
            surroundings=self._surroundings,
            folder=self._folder,
            order=self.order,
            hearer=self.ears,
            log=self._log,
            on_first_sound=note_gap,
            was_ready=memory.ready_attempt == self.order.attempt,
        ).run()
        self._stopping, self._shut_down = memory.stopping, memory.shut_down
        if self.journal.damaged and self._stopping is None:
            # Its tasks' ends may have been in what is lost: going on could run code twice.
            self._stopping = KernelEnd(cause=EndCause.AGENT_LOST, reason=DAMAGED)
        self._ready_attempt = memory.ready_attempt
        self._log_begin = self._folder.log_size()
        self._incarnation = found.incarnation
        self._runner.recall(memory.unsuccessful)
        self._runner.attach(found.incarnation, left_running(memory, self._queue))
        if found.incarnation is None and found.end is None:
            self._runner.detach(restarted_end())
        self._runner.end_cancelled_early()
        self._runner.recall_activity(max(memory.active_at, self.order.claimed_at))
        self.lifetime.found_again()
        if launched_at := self.order.claimed_at or memory.launched_at:
            self.lifetime.launched(launched_at)
        self._log.info("kernel.found", alive=found.incarnation is not None)
        self._begin_life(found)

    async def leave(self) -> None:
        """Stop following it, for the agent ends; its process goes on."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        self.lifetime.cancel()
        if self._incarnation is not None:
            self._incarnation.close()
        # What waits for space may be written now; nothing is begun any more.
        self.journal.when_written = None
        self.journal.flush()
        self.journal.close()
        self._queue.close()

    def submit(self, tasks: list[Assignment]) -> None:
        """Queue tasks. Raises KernelEnded, StorageFull."""
        if self._stopping is not None:
            raise KernelEnded
        self.claiming.refuse_if_it_waits()
        self._runner.submit(tasks)

    def run(self, run: ClientRun) -> None:
        """Run what a client asks for, who waits until it is somebody's. Raises KernelEnded."""
        if self._stopping is not None:
            raise KernelEnded
        self._runner.run(run)

    def cancel(self, task_id: str, reason: str, how: Cancellation) -> None:
        """Cancel a task. Raises TaskFinished, StorageFull."""
        self._runner.cancel(task_id, reason, how)

    def stood_still(self, begin: Micros, end: Micros) -> None:
        """The agent did not run for a while: what was said then may have been dropped."""
        running = self._runner.running_seq
        if running and self._incarnation is not None and not self._incarnation.lossless:
            gap = body(**{"from": begin, "to": end})
            self.journal.append([(running, RecordKind.GAP, gap)])

    def take(self, order: LaunchOrder) -> None:
        """From now on this is its order, and its life begins."""
        self.order = order
        self._reviving.claimed(order)
        self._runner.active_at = asyncio.get_running_loop().time()
        self.lifetime.claimed(order)

    @property
    def ready_incarnation(self) -> Incarnation | None:
        """The process that is ready; None while there is none."""
        return self._incarnation if self._ready_attempt == self.order.attempt else None

    @property
    def alive(self) -> bool:
        """Whether there is a process, and nobody has seen its end."""
        return self._incarnation is not None and not self._incarnation.over

    @property
    def running_msg_id(self) -> str:
        """Id of the request that runs; empty if none does."""
        return self._runner.running_msg_id

    @property
    def cause(self) -> EndCause | None:
        """Why it has ended or is about to; None if it is not."""
        return self._stopping.cause if self._stopping is not None else None

    async def interrupt(self, by: str = "", reason: str = "") -> InterruptOutcome:
        """Interrupt what runs; return what is known of it. Raises KernelNotRunning."""
        incarnation = self.ready_incarnation
        if incarnation is None or self._stopping is not None:
            raise KernelNotRunning
        return await self._interventions.interrupt(incarnation, by, reason)

    async def signal(self, number: int, by: str = "", reason: str = "") -> bool:
        """Send a signal to what belongs to it; return whether it arrived. Raises KernelNotRunning."""
        if self._incarnation is None or self._stopping is not None:
            raise KernelNotRunning
        return await self._interventions.signal(self._incarnation, number, by, reason)

    def restart(self, attempt: int, reason: str, by: str = "") -> None:
        """Begin to restart, unless this attempt was begun before. Raises KernelEnded."""
        if attempt <= self.order.attempt or not self.order.owned:
            return
        if self._stopping is not None:
            raise KernelEnded
        restarting = body(attempt=attempt, reason=reason, cause=EndCause.RESTARTED, by=by or None)
        self._start_anew(attempt, restarting, restarted_end())
        self._turn.set()

    def restart_stuck(self, end: TaskEnd) -> None:
        """Restart because nothing else stops the task that runs; it ends as told."""
        if self._stopping is not None:
            return
        if not self.order.owned:
            # It is not ours to restart: its task is interrupted again and again.
            if self._incarnation is not None:
                self._incarnation.interrupt()
            return
        attempt = self.order.attempt + 1
        reason = f"restarted, for a task did not stop when it was interrupted: {end.reason}"
        restarting = body(attempt=attempt, reason=reason, cause=end.cause)
        self._start_anew(attempt, restarting, end)
        self._turn.set()

    def stop(
        self, reason: str, cause: EndCause = EndCause.ASKED, *, shut_down: bool = False
    ) -> None:
        """Begin to end it, or to let go of it if it is not ours and not to be ``shut_down``.

        Its tasks are settled when this returns.
        """
        if self._stopping is not None:
            return
        self._stopping = KernelEnd(cause=cause, reason=reason)
        self._shut_down = shut_down
        ending = self.order.owned or shut_down
        if ending and self._runner.running and self._incarnation is not None:
            self._incarnation.interrupt()
        self._runner.end_all(*stopped_ends(reason, cause, let_go=not ending))
        told = {"shut_down": True} if shut_down else {}
        stopping = body(cause=cause.value, reason=reason, **told)
        self.journal.append([(0, RecordKind.KERNEL_STOPPING, stopping)])
        self._log.info("kernel.stopping", cause=cause.value)
        self._turn.set()

    def _begin_life(self, found: Found) -> None:
        self._life = asyncio.create_task(self._live(found), name=f"kernel {self.id}")
        self.lifetime.look()

    def _start_anew(
        self, attempt: int, restarting: bytes, running: TaskEnd, waiting: TaskEnd | None = None
    ) -> None:
        """Write down that a further start begins, after the ends of what does not outlive it.

        The journal alone tells which start is the last: the order stays as it was given.
        """
        self.order = replace(self.order, attempt=attempt)
        self._runner.detach(running)
        if waiting is not None:
            self._runner.end_waiting(waiting)
        self.journal.append([(0, RecordKind.KERNEL_RESTARTING, restarting)])
        self._log.info("kernel.restarting", attempt=attempt)

    async def _live(self, found: Found) -> None:
        try:
            end = await self._until_it_ends(found)
        except Exception:  # noqa: BLE001 - whatever it is, the kernel's journal must not stay open
            self._log.exception("kernel.failed")
            await self._end_process()
            reason = "the agent could not go on with it; the agent's log says why"
            end = KernelEnd(cause=EndCause.AGENT_LOST, reason=reason)
        await self._finish(end)

    async def _until_it_ends(self, found: Found) -> KernelEnd:
        end, known = found.end, found.incarnation
        while self._stopping is None:
            if end is not None:
                if not self._reviving.may(end, ready=self._ready_attempt == self.order.attempt):
                    return end
                await self._release()
                again = self.order.attempt + 1
                self._start_anew(
                    again, end.restarting(again), end.running_task(), self._reviving.queue_end(end)
                )
            attempt = self.order.attempt
            self._turn.clear()
            end = await (self._meet_again(known) if known else self._start())
            known = None
            if end is not None and (self.cause or self.order.attempt != attempt):
                end = None
            if end is None and self._stopping is None:
                await self._end_process()
        exit_ = await self._end_process(gently=True)
        exit_ = exit_ or (end.exit if end else None)
        if not self.order.owned and exit_ is None:
            return let_go_end(self._stopping, shut_down=self._shut_down)
        return replace(self._stopping, exit=exit_)

    async def _start(self) -> KernelEnd | None:
        """Start a process and follow it to its end; None if a stop or restart is wanted first."""
        self._remains.swept = False
        launching = Launching(
            surroundings=self._surroundings,
            folder=self._folder,
            order=self.order,
            hearer=self.ears,
            log=self._log,
            on_started=self._started,
            turned=self._turned,
        )
        outcome = await launching.run()
        if outcome is None or isinstance(outcome, KernelEnd):
            return outcome
        incarnation, info = outcome
        self._runner.attach(incarnation)
        return await self._serve(incarnation, info)

    async def _meet_again(self, incarnation: Incarnation) -> KernelEnd | None:
        """Wait until a kernel that was found answers, then follow it to its end."""
        known = self._ready_attempt == incarnation.attempt
        limit = None if known else self.order.start_timeout_seconds
        outcome = await met_again(incarnation, limit, self._turned)
        if isinstance(outcome, ExitResult):
            return await self._died(incarnation, outcome)
        if isinstance(outcome, KernelEnd):
            if not self.order.owned:
                return outcome
            # It has run nothing yet, and may answer if it is met in another way.
            self._runner.detach(restarted_end())
            await self._end_process()
            return await self._start()
        if outcome is None:
            return None
        self._runner.on_probed()
        return await self._serve(incarnation, None if known else outcome)

    async def _serve(self, incarnation: Incarnation, info: bytes | None) -> KernelEnd | None:
        """Let the queue run until the process ends; None if a stop or restart is wanted first."""
        if self._turn.is_set():
            return None
        if info is not None:
            ready = ready_body(incarnation, info)
            self.journal.append([(0, RecordKind.KERNEL_READY, ready)])
            self._log.info("kernel.ready", attempt=incarnation.attempt)
            self.claiming.prepare(incarnation)
            self._log_begin = self._folder.log_size()
        self._ready_attempt = incarnation.attempt
        self._runner.go(again=info is None)
        outcome = await first_of(self._turned(), incarnation.exit())
        return None if outcome is None else await self._died(incarnation, outcome)

    async def _died(self, incarnation: Incarnation, exit_: ExitResult) -> KernelEnd:
        await incarnation.drain_to_end()
        self._log.info("kernel.died", how=exit_.sentence())
        memory = incarnation.held.memory_fate() if incarnation.held is not None else None
        printed = self._folder.log_size() > 0
        tail = self._folder.log_since(self._log_begin) if printed else exit_.tail
        return died(self._interventions.explained(incarnation, exit_), tail, memory)

    async def _end_process(self, *, gently: bool = False) -> ExitResult | None:
        if (incarnation := self._incarnation) is None:
            return None
        exit_ = await incarnation.end(gently=gently, shut_down=self._shut_down)
        await self._release()
        return exit_

    async def _finish(self, end: KernelEnd) -> None:
        self._stopping = self._stopping or end
        self.lifetime.cancel()
        await self._release()
        await self._interventions.settled()
        self._runner.end_all(end.running_task(), end.queued_task())
        self.journal.append([(0, RecordKind.KERNEL_ENDED, end.body())])
        self._queue.close()
        await self._remains.close(self.journal)
        self._log.info("kernel.ended", cause=end.cause.value)
        self.ended.set()

    def _started(self, incarnation: Incarnation, pid: int | None) -> None:
        self._incarnation = incarnation
        self._folder.forget_exits(before=incarnation.attempt)
        launched = launched_body(incarnation, pid)
        self.journal.append([(0, RecordKind.KERNEL_LAUNCHED, launched)])
        self.lifetime.launched(wall_clock())
        self._log.info("kernel.launched", attempt=incarnation.attempt, pid=pid)

    async def _release(self) -> None:
        """Let go of a process that has ended, and remove what it leaves behind."""
        incarnation, self._incarnation = self._incarnation, None
        await self._remains.sweep(incarnation)

    async def _turned(self) -> None:
        await self._turn.wait()
