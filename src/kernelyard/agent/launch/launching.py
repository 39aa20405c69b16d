"""Starting a kernel, and bringing it to the point where it answers: the one way in which kernels start."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.belongings import KERNEL_ID
from kernelyard.agent.beside import Beside
from kernelyard.agent.bond import Bond, Hearer
from kernelyard.agent.connection import read_connection, write_connection
from kernelyard.agent.disk import storage_error
from kernelyard.agent.endings import KernelEnd, attach_failed, start_failed
from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.foreign.launcher import foreign_plan
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.journal import RETRY_SECONDS
from kernelyard.agent.launch.containers import without_containers
from kernelyard.agent.launch.environment import kernel_environment, with_ordered
from kernelyard.agent.launch.forking import Fork, Forking
from kernelyard.agent.launch.lossless import without_loss
from kernelyard.agent.launch.process_launcher import Command, ProcessLauncher
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.places import ipc_prefix
from kernelyard.agent.rendezvous.rendezvous import NotMet
from kernelyard.agent.rendezvous.ways import Start, Way
from kernelyard.agent.waiting import first_of
from kernelyard.agent.zygote.keeper import Asked
from kernelyard.model.errors import AgentUnavailable, StorageFull, YardError
from kernelyard.model.exits import ExitResult
from kernelyard.model.images import CONTAINERS
from kernelyard.model.kernels import LaunchOrder
from kernelyard.providers.argv import fill
from kernelyard.providers.directories import marked_directory
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest
from kernelyard.providers.process_identity import boot_id
from kernelyard.providers.provider import LaunchPlan
from kernelyard.wire.connections import Connection

Ready = tuple[Incarnation, bytes]
"""A kernel that answers, and the content of its kernel_info_reply."""


WRONG_KEY = ": the key in its connection file may be wrong, or it runs something and cannot answer meanwhile"
TRIES = 3
"""How often a kernel is started in one way, if it fails for bad luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """What is to be started."""

    launcher: Launcher
    lossless: bool = False
    until: float | None = None
    """When it must have answered, in the loop's time; for kernels that are ours."""
    fork: Fork | None = None
    """How it is forked, if it is to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vain:
    """A start that has failed."""

    end: KernelEnd
    said: str = ""
    """What its process has printed."""
    other_way: bool = False
    """Whether it may be another thing if the kernel is met in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """One attempt to start a kernel."""

    surroundings: Surroundings
    folder: Folder
    order: LaunchOrder
    hearer: Hearer
    log: Log
    on_started: Callable[[Incarnation, int | None], None]
    """Called with the incarnation and its pid as soon as it has been started."""
    turned: Callable[[], Coroutine[object, object, None]]
    """Returns when somebody wants the kernel to stop or restart instead."""

    async def run(self) -> Ready | KernelEnd | None:
        """Return the ready kernel and who it says it is, or why there is none, or None if turned.

        On a full disk it is tried again until there is space: a kernel is not given up for that.
        """
        if self.order.provider == CONTAINERS and not self.surroundings.catalogue.has(CONTAINERS):
            return await without_containers(self.order, self.turned)
        while True:
            try:
                with self.surroundings.keeper.launching():
                    return await self._run()
            except StorageFull as error:
                self.log.warning("kernel.waits_for_space", problem=error.detail)
            try:
                async with asyncio.timeout(RETRY_SECONDS):
                    await self.turned()
            except TimeoutError:
                continue
            return None

    async def _run(self) -> Ready | KernelEnd | None:
        """The same once. Raises StorageFull; then nothing runs."""
        if not self.order.owned:
            return await self._attached()
        try:
            plan = await self.surroundings.catalogue.prepare(
                self.order.provider, self.order.image, self._request()
            )
        except YardError as error:
            return start_failed(error.message)
        if plan.launcher is not None:
            self.surroundings.keeper.note_other(self.order)
            launcher = plan.launcher(self._request())
            outcome = await self._attempt(plan, _Candidate(launcher=launcher, until=self._until()))
        else:
            try:
                cwd = marked_directory(self.order.path) or self.folder.work
            except LaunchFailed as error:
                return start_failed(str(error))
            outcome = await self._start_process(plan, cwd)
        return outcome.end if isinstance(outcome, _Vain) else outcome

    async def _attached(self) -> Ready | KernelEnd | None:
        """Meet a kernel that somebody else has started."""
        try:
            plan = await foreign_plan(self.folder, self.surroundings.context)
        except LaunchFailed as error:
            return attach_failed(start_failed(str(error)))
        assert plan.launcher is not None  # noqa: S101 - such a plan is nothing else
        launcher = plan.launcher(self._request())
        outcome = await self._attempt(plan, _Candidate(launcher=launcher))
        return attach_failed(outcome.end) if isinstance(outcome, _Vain) else outcome

    def _request(self) -> LaunchRequest:
        order = self.order
        return LaunchRequest(
            kernel_id=order.kernel_id,
            attempt=order.attempt,
            parameters=order.parameters,
            environment={**order.environment, KERNEL_ID: order.kernel_id},
            work_dir=self.folder.work,
            connection_file=self.folder.connection(order.attempt),
            log=self.folder.log,
            path=order.path,
        )

    async def _start_process(self, plan: LaunchPlan, cwd: Path) -> Ready | _Vain | None:
        """Start a process of this machine, and meet it in one way after the other."""
        quirks = self.surroundings.quirks.of(plan)
        outcome: Ready | _Vain | None = None
        until = self._until()
        forking = Forking(self.surroundings.keeper, self.log)
        for way in self.surroundings.ways.of(plan, quirks):
            try:
                outcome = await self._in_one_way(plan, way, cwd, (until, forking))
            except NotMet as error:
                outcome = _Vain(end=start_failed(str(error)), other_way=True)
            if not isinstance(outcome, _Vain):
                if outcome is not None:
                    self.log.info("kernel.met", way=way.name, forked=outcome[0].forked)
                    forking.has_answered()
                    self.surroundings.ways.met(plan, quirks, way)
                break
            if not outcome.other_way:
                break
            self.log.info("kernel.not_met", way=way.name)
        return outcome

    def _until(self) -> float:
        """When the kernel must have answered, in however many ways that is tried."""
        return asyncio.get_running_loop().time() + self.order.start_timeout_seconds

    async def _in_one_way(
        self, plan: LaunchPlan, way: Way, cwd: Path, bounds: tuple[float, Forking]
    ) -> Ready | _Vain | None:
        """Start a process and meet it in a way; again, if that fails for bad luck. Raises NotMet.

        ``bounds`` are when it must have answered, and what says whether it is forked.
        """
        tries, (until, forking) = 0, bounds
        while True:
            tries += 1
            rendezvous = way.go(self._start())
            command, lossless, fork = self._command(plan, cwd, forking)
            launcher = ProcessLauncher(
                command, rendezvous, self.surroundings.spawner, self._undo, fork
            )
            candidate = _Candidate(
                launcher=launcher, lossless=lossless, until=forking.until(until), fork=fork
            )
            outcome = await self._attempt(plan, candidate)
            if isinstance(outcome, _Vain) and forking.was_vain():
                self.log.warning("kernel.fork_in_vain", reason=outcome.end.reason)
                tries = 0
                continue
            if not isinstance(outcome, _Vain) or not outcome.other_way or tries == TRIES:
                return outcome
            if not rendezvous.unlucky(outcome.said):
                return outcome

    def _command(
        self, plan: LaunchPlan, cwd: Path, forking: Forking
    ) -> tuple[Command, bool, Fork | None]:
        """What is run, whether that drops nothing, and what it may be forked from."""
        file = self.folder.connection(self.order.attempt)
        filled = fill(
            plan.argv,
            connection_file=file,
            resource_dir=plan.resource_dir,
            blanks=plan.blanks,
        )
        argv, lossless = without_loss(filled)
        ordered = {**self.order.environment, KERNEL_ID: self.order.kernel_id}
        image_env = kernel_environment(os.environ, plan.env, {}, plan.unset)
        env = with_ordered(image_env, ordered)
        asked = Asked(
            order=self.order,
            argv=filled,
            connection_file=file,
            image_env=image_env,
            kernel_env=env,
        )
        # If there is one that was forked ahead, it comes with its control group.
        fork = forking.fork_for(asked)
        command = Command(
            argv=argv,
            env=env,
            cwd=cwd,
            log=self.folder.log,
            connection_file=file,
            exit_file=self.folder.exit_file(self.order.attempt),
            hold=self.surroundings.limits.prepare(self.order),
        )
        return command, lossless, fork

    def _undo(self) -> None:
        self.surroundings.table.kill(self.order.kernel_id)

    def _start(self) -> Start:
        order = self.order
        try:
            prefix = ipc_prefix(self.surroundings.data_dir, order.kernel_id, order.attempt)
        except AgentUnavailable:
            prefix = None
        return Start(
            ipc_prefix=prefix,
            kernel_id=order.kernel_id,
            kernel_name=order.image,
            seconds=order.start_timeout_seconds,
        )

    async def _attempt(self, plan: LaunchPlan, candidate: _Candidate) -> Ready | _Vain | None:
        log_begin = self.folder.log_size()
        incarnation = self._incarnation(plan, candidate)
        outcome: bytes | ExitResult | None = None
        leaving = False
        limit = self.order.start_timeout_seconds
        try:
            async with asyncio.timeout_at(candidate.until):
                outcome = await self._brought_up(incarnation, plan, candidate.fork)
        except asyncio.CancelledError:
            # The agent leaves: the next one finds what was started, and goes on with it.
            leaving = True
            raise
        except TimeoutError:
            why = "" if candidate.launcher.owned else WRONG_KEY
            return self._vain(f"it did not answer within {limit:g} s{why}", log_begin)
        except LaunchFailed as error:
            return self._refused(plan, error, log_begin)
        except OSError as error:
            if isinstance(full := storage_error(error), StorageFull):
                raise full from error
            return _Vain(end=start_failed(f"the system refused: {error.strerror or error}"))
        except Exception as error:
            self.log.exception("launcher.failed")
            return self._vain(f"its launcher failed: {error!r}", log_begin)
        finally:
            if leaving:
                incarnation.close()
            elif not isinstance(outcome, bytes):
                await self._put_away(incarnation)
        if isinstance(outcome, ExitResult):
            return self._failed(outcome, log_begin)
        return None if outcome is None else (incarnation, outcome)

    def _incarnation(self, plan: LaunchPlan, candidate: _Candidate) -> Incarnation:
        quirks = self.surroundings.quirks.of(plan)
        bond = Bond(
            kernel_id=self.order.kernel_id,
            attempt=self.order.attempt,
            interrupt_mode=plan.interrupt_mode,
            quirks=quirks,
            beside=Beside(self.folder.log) if quirks.tees_fd_output is False else None,
            hearer=self.hearer,
            before_hearing=self.surroundings.standstill.look,
        )
        incarnation = Incarnation(self.surroundings.context, bond, self.log, candidate.launcher)
        incarnation.lossless = candidate.lossless
        return incarnation

    async def _brought_up(
        self, incarnation: Incarnation, plan: LaunchPlan, fork: Fork | None
    ) -> bytes | ExitResult | None:
        """Return who the kernel says it is, how it ended before it could, or None if turned."""
        turned = self.turned
        if not await first_of(self._started(incarnation), turned()):
            return None
        incarnation.forked = fork is not None and fork.done
        if plan.launcher is None and not incarnation.forked:
            self.surroundings.keeper.executed()
        self._note(incarnation, plan)
        met = await first_of(turned(), incarnation.exit(), incarnation.launcher.connection_info())
        if not isinstance(met, Connection):
            return met
        self._keep(met, lasting=plan.launcher is not None)
        incarnation.open(met)
        limit = None if incarnation.launcher.owned else self.order.start_timeout_seconds
        return await first_of(turned(), incarnation.ready_within(limit), incarnation.exit())

    def _keep(self, connection: Connection, *, lasting: bool) -> None:
        """Leave the connection where a later agent looks for it."""
        file = self.folder.connection(self.order.attempt)
        if read_connection(file) != connection:
            write_connection(file, connection, lasting=lasting)

    async def _started(self, incarnation: Incarnation) -> bool:
        await incarnation.start()
        return True

    def _note(self, incarnation: Incarnation, plan: LaunchPlan) -> None:
        """Hold a process to its limits, and write down how to find the kernel again."""
        held = incarnation.launcher.resources
        if held.pid is not None and incarnation.launcher.owned:
            incarnation.held = self.surroundings.limits.hold(self.order, held.pid)
        self.folder.write_process(
            ProcessRecord(
                pid=held.pid,
                start_time=held.start_time,
                boot_id=boot_id(),
                attempt=self.order.attempt,
                interrupt_mode=plan.interrupt_mode,
                quirks=self.surroundings.quirks.of(plan),
                lossless=incarnation.lossless,
                forked=incarnation.forked,
                memory_kills=incarnation.held.kills if incarnation.held else 0,
                launcher=None if plan.launcher is None else incarnation.launcher.record(),
            )
        )
        self.on_started(incarnation, held.pid)

    async def _put_away(self, incarnation: Incarnation) -> None:
        """End what was started in vain, whether it has ended already or not."""
        await incarnation.end(gently=False)
        await incarnation.clean_up()
        if incarnation.launcher.owned:
            self.surroundings.limits.end_all(self.order.kernel_id)
            await asyncio.to_thread(self.surroundings.table.kill, self.order.kernel_id)
        self.surroundings.limits.release(self.order.kernel_id)

    def _vain(
        self,
        problem: str,
        log_begin: int,
        exit_: ExitResult | None = None,
        *,
        other_way: bool = False,
    ) -> _Vain:
        said = self.folder.log_since(log_begin) or (exit_.tail if exit_ else "")
        return _Vain(end=start_failed(problem, said, exit_), said=said, other_way=other_way)

    def _refused(self, plan: LaunchPlan, error: LaunchFailed, log_begin: int) -> _Vain:
        if plan.launcher is None:
            return self._vain(str(error), log_begin, other_way=isinstance(error, NotMet))
        # Its own words say why; what lies in the log may be a long trace of a stranger's code.
        problem = str(error)
        if self.folder.log_since(log_begin):
            problem += " Its log says more." if problem.endswith(".") else "; its log says more"
        return _Vain(end=start_failed(problem))

    def _failed(self, exit_: ExitResult, log_begin: int) -> _Vain:
        self.log.info("kernel.start_failed", how=exit_.sentence())
        verb = f"was {exit_.sentence()}" if exit_.signal else exit_.sentence()
        problem = f"its process {verb} before it answered"
        if exit_.code is None and exit_.signal is None and exit_.reason:
            problem = f"{exit_.reason}, before it answered"
        # A library that is asked for what it cannot do may abort; other signals come from outside.
        other_way = exit_.code is not None or exit_.signal == "SIGABRT"
        return self._vain(problem, log_begin, exit_, other_way=other_way)
