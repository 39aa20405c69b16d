"""One kernel's caretaker: the next step towards what is wanted, again and again."""

from __future__ import annotations

import asyncio

from kernelyard.model.errors import (
    AgentUnavailable,
    KernelEnded,
    KernelNotFound,
    StorageFull,
    YardError,
)
from kernelyard.model.images import split_reference
from kernelyard.model.kernel_phases import Phase, Step, Wanted, next_step
from kernelyard.model.kernels import RESTARTED_BY, Kernel, LaunchOrder
from kernelyard.model.records import EndCause
from kernelyard.model.tasks import Task, TaskState
from kernelyard.model.trust import start_of
from kernelyard.ports.agent_link import AgentLink
from kernelyard.ports.bell import events_topic, kernel_topic, quotas_topic, settled_topic
from kernelyard.yard.dispatch import Dispatch
from kernelyard.yard.following import Following
from kernelyard.yard.log import event, failure
from kernelyard.yard.world import World

_POLL_SECONDS = 20.0
_SHARED_POLL_SECONDS = 5.0
"""What other servers store is heard of by a bell that may lose rings."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_KNOWN_TO_AGENT = frozenset({Phase.CONNECTING, Phase.READY, Phase.STOPPING})


class Caretaker:
    """Looks after one kernel until nothing remains to be done for it."""

    def __init__(self, kernel_no: int, world: World, fresh: Kernel | None = None) -> None:
        """``fresh`` is the kernel if it has just been stored so and has no task yet."""
        self._no = kernel_no
        self._world = world
        self._store = world.store
        self._poll_seconds = _SHARED_POLL_SECONDS if world.store.shared else _POLL_SECONDS
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._woken = asyncio.Event()
        self._dispatch = Dispatch(kernel_no, world)
        self._following: asyncio.Task[None] | None = None
        self._launched_attempt = 0
        self._claim_told = False
        self._stop_sent = False
        self._fresh: Kernel | None = None
        """The kernel as it has just been stored, if nothing has been heard of it since."""
        self._woken.set()
        if fresh is not None:
            self._dispatch.begin_with_none()
            self._fresh = fresh

    @property
    def woken(self) -> bool:
        """Whether somebody asked for attention that was not given yet."""
        return self._woken.is_set()

    def wake(self) -> None:
        """Look at the kernel's row and queue soon."""
        self._fresh = None
        self._dispatch.look()
        self._woken.set()

    def take(self, kernel: Kernel) -> None:
        """Look soon at the kernel as it has just been stored; it has no task yet."""
        if self._woken.is_set():
            # Something else is to be looked at, too, that may have changed it since.
            self.wake()
            return
        self._dispatch.begin_with_none()
        self._fresh = kernel
        self._woken.set()

    def offer(self, task: Task) -> None:
        """Hand over a task that has just been stored."""
        self._dispatch.offer(task)
        self._woken.set()

    async def run(self) -> None:
        """Work until nothing remains; cancelled when the server stops."""
        try:
            await self._work()
        finally:
            if self._following is not None:
                self._following.cancel()
                await asyncio.gather(self._following, return_exceptions=True)

    async def _work(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                if await self._attend():
                    return
                pause = _FIRST_PAUSE
                await self._rest(self._poll_seconds)
            except YardError as error:
                event("caretaker.waits", kernel_no=self._no, code=error.code, error=error.message)
                if isinstance(error, AgentUnavailable):
                    self._agents.mistrust()
            except Exception as error:  # noqa: BLE001 - a kernel is looked after whatever happens
                failure("caretaker.failed", error, kernel_no=self._no)
            else:
                continue
            self._stop_sent = self._claim_told = False
            self._dispatch.start_again()
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            self._dispatch.look()
            self._stop_sent = False

    async def _attend(self) -> bool:
        """Do what is due; return whether nothing will ever be due again."""
        self._woken.clear()
        if self._dispatch.only_offers:
            # The quick way of a task: the kernel is up and its row need not be read.
            await self._hand_over()
            return False
        fresh, self._fresh = self._fresh, None
        kernel = fresh or await self._store.kernels.by_no(self._no)
        if kernel is None:
            return True
        await self._tell_claim(kernel)
        step = next_step(
            kernel.wanted, kernel.phase, attempt=kernel.attempt, ran_attempt=kernel.ran_attempt
        )
        match step:
            case Step.LAUNCH:
                await self._launch(kernel)
            case Step.RESTART:
                await self._restart(kernel)
            case Step.STOP:
                await self._stop(kernel)
            case Step.SETTLE:
                reason = kernel.reason or "terminated"
                await self._settle(kernel, Phase.STOPPED, reason, EndCause.ASKED)
            case Step.REMOVE:
                return await self._remove(kernel)
            case Step.NOTHING:
                pass
        self._follow(kernel, fresh)
        known = self._launched_attempt or kernel.phase in _KNOWN_TO_AGENT
        if kernel.takes_tasks and known and not kernel.waits:
            await self._hand_over()
        return kernel.phase.is_final and kernel.journal_closed and kernel.wanted is not Wanted.GONE

    async def _tell_claim(self, kernel: Kernel) -> None:
        """Have the agent give the kernel to its owner, before anything of his is run on it."""
        if self._claim_told or not (kernel.claimed and kernel.takes_tasks):
            return
        try:
            await (await self._agents.link()).claim(self._order(kernel))
        except (KernelNotFound, KernelEnded) as error:
            # Following brings the news.
            event("caretaker.not_claimed", kernel_id=kernel.id, code=error.code)
        self._claim_told = True

    async def _hand_over(self) -> None:
        try:
            await self._dispatch.hand_over(await self._agents.link())
        except (KernelNotFound, KernelEnded) as error:
            # Following brings the news and settles what is open.
            event("caretaker.not_taken", kernel_no=self._no, code=error.code)

    async def _launch(self, kernel: Kernel) -> None:
        if self._launched_attempt >= kernel.attempt or not kernel.admitted:
            return
        link = await self._agents.link()
        if kernel.phase is Phase.REQUESTED:
            now = await self._store.kernels.enter(
                self._no, Phase.LAUNCHING, None, self._clock.now()
            )
            if now is None or now.phase.is_final:
                # Another server, that looks after it now, has ended it.
                return
        try:
            await link.launch(self._order(kernel))
        except (AgentUnavailable, StorageFull):
            raise
        except YardError as error:
            await self._settle(kernel, Phase.FAILED, error.message, EndCause.START_FAILED)
            return
        self._launched_attempt = kernel.attempt
        event("kernel.launching", kernel_id=kernel.id, image=kernel.image.reference)

    def _order(self, kernel: Kernel) -> LaunchOrder:
        provider, image = split_reference(kernel.image.reference)
        spec = kernel.template.spec
        start, trust = start_of(kernel)
        return LaunchOrder(
            kernel_id=kernel.id,
            attempt=kernel.attempt,
            provider=provider,
            image=image,
            environment={**spec.environment, **kernel.environment},
            parameters=dict(kernel.parameters),
            path=kernel.path,
            owned=kernel.owned,
            milli_cpu_limit=spec.milli_cpu_limit,
            cpu_seconds_limit=spec.cpu_seconds_limit,
            memory_bytes_limit=spec.memory_bytes_limit,
            processes_limit=spec.processes_limit,
            file_bytes_limit=spec.file_bytes_limit,
            max_idle_seconds=spec.max_idle_seconds,
            max_life_seconds=spec.max_life_seconds,
            attached_keeps_alive=spec.attached_keeps_alive,
            restart_policy=spec.restart_policy,
            queue_on_death=spec.queue_on_death,
            log_bytes_limit=self._world.limits.kernel_log_bytes,
            start_timeout_seconds=self._world.limits.kernel_start_seconds,
            preload=spec.preload,
            start=start,
            trust=trust,
            pooled=kernel.waits,
        )

    async def _restart(self, kernel: Kernel) -> None:
        if self._launched_attempt >= kernel.attempt:
            return
        link = await self._agents.link()
        # First, so that what was cancelled with the restart is not begun by the new process.
        await self._dispatch.cancel_what_is_asked(link)
        reason = kernel.reason or "restarted on request"
        by = reason.removeprefix(RESTARTED_BY) if reason.startswith(RESTARTED_BY) else ""
        await link.restart(kernel.id, kernel.attempt, reason, by)
        self._launched_attempt = kernel.attempt
        event("kernel.restarting", kernel_id=kernel.id, attempt=kernel.attempt)

    async def _stop(self, kernel: Kernel) -> None:
        if self._stop_sent:
            return
        link: AgentLink = await self._agents.link()
        await link.stop(kernel.id, kernel.reason or "terminated", shut_down=kernel.shut_down)
        self._stop_sent = True
        event("kernel.stopping", kernel_id=kernel.id, reason=kernel.reason)

    async def _settle(self, kernel: Kernel, phase: Phase, reason: str, cause: EndCause) -> None:
        await self._store.kernels.settle(
            self._no, phase, TaskState.CANCELLED, reason, self._clock.now(), cause
        )
        self._world.hearings.lose(self._no)
        self._world.tails.forget(self._no)
        self._bell.ring(kernel_topic(self._no))
        self._bell.ring(settled_topic(self._no))
        self._bell.ring(events_topic())
        self._bell.ring(quotas_topic())
        event("kernel.settled", kernel_id=kernel.id, phase=phase, reason=reason)
        self.wake()

    async def _remove(self, kernel: Kernel) -> bool:
        link = await self._agents.link()
        await link.forget(kernel.id)
        await self._store.kernels.remove(self._no)
        self._world.hearings.lose(self._no)
        self._world.tails.forget(self._no)
        self._bell.ring(kernel_topic(self._no))
        self._bell.ring(settled_topic(self._no))
        self._bell.ring(events_topic())
        self._bell.ring(quotas_topic())
        event("kernel.removed", kernel_id=kernel.id)
        return True

    def _follow(self, kernel: Kernel, fresh: Kernel | None) -> None:
        known = self._launched_attempt or self._stop_sent or kernel.phase in _KNOWN_TO_AGENT
        if kernel.journal_closed or not known or self._following is not None:
            return
        following = Following(self._no, self._world, self.wake_row, fresh)
        self._following = asyncio.create_task(following.run(), name=f"following-{self._no}")
        self._following.add_done_callback(self._followed)

    def wake_row(self) -> None:
        """The kernel's row has changed: a step may be due."""
        self._fresh = None
        self._dispatch.look_at_row()
        self._woken.set()

    def _followed(self, work: asyncio.Task[None]) -> None:
        self._following = None
        if not work.cancelled() and (error := work.exception()) is not None:
            failure("following.failed", error, kernel_no=self._no)
        self._dispatch.look_at_row()
        self._woken.set()
