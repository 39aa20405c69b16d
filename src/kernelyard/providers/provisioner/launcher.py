"""The launcher of kernels that a Jupyter kernel provisioner starts; the provisioner runs unmodified.

Each has its own thread with its own event loop, its own copy of the kernelspec, and a parent of its
own: no provisioner can hold up the agent, or another provisioner.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest, Resources
from kernelyard.providers.process_identity import start_time_of
from kernelyard.providers.provisioner.ending import Ending
from kernelyard.providers.provisioner.launch import Launch, Launched
from kernelyard.providers.provisioner.line import Line
from kernelyard.providers.provisioner.log import ProvisionerLog
from kernelyard.providers.provisioner.record import ProvisionerRecord
from kernelyard.providers.provisioner.spec import ProvisionedSpec
from kernelyard.providers.provisioner.thread import OwnThread
from kernelyard.providers.provisioner.watch import Watch, Watched
from kernelyard.wire.connections import Connection

ANSWER_SECONDS = 5.0
"""How long a provisioner may take for one thing that is asked of it."""
ENDING_SECONDS = 8.0
"""The same for an end: some look a while whether it has come before they do more."""
CLEANUP_SECONDS = 8.0
FIND_SECONDS = 6.0
TAKE_SECONDS = 2.0
RESPONSIVE_SECONDS = 2.0
"""A thread in which nothing else happens for so long is given up: its provisioner blocks it."""
GUARD_SECONDS = 10.0

_Verb = Callable[[Any], Awaitable[object]]


class ProvisionerLauncher(Launcher):
    """One kernel, started by the provisioner that its kernelspec names."""

    def __init__(self, spec: ProvisionedSpec, request: LaunchRequest) -> None:
        self._spec = spec
        self._request = request
        self._log = ProvisionerLog(request.log, spec.stanza.name)
        self._thread = OwnThread(f"provisioner-{request.kernel_id[:8]}")
        self._ending = Ending()
        self._launched: Launched | None = None
        self._watch: Watch | None = None
        self._cleaned = False

    @classmethod
    def find_again(cls, record: JsonObject) -> ProvisionerLauncher | None:
        """Return the launcher of a kernel that an earlier agent launched; None if it has ended.

        None, too, if its provisioner does not support that. Blocks for some seconds at most.
        """
        known = ProvisionerRecord.from_json(record)
        if known is None:
            return None
        launcher = cls(known.spec, known.request())
        launch = Launch(known.spec, known.request(), launcher._log)
        try:
            launcher._log.begin()
            launched = launcher._thread.ask(lambda: launch.find(known), FIND_SECONDS)
            if launched is not None:
                launcher._thread.ask(lambda: launcher._take(launched), TAKE_SECONDS)
                return launcher
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            launcher._log.logger.warning("It does not find its kernel again: %r", error)
        launcher._leave()
        return None

    async def start(self) -> None:
        """Start the kernel. Raises LaunchFailed. Whoever stops waiting ends what was begun."""
        self._log.begin()
        launch = Launch(self._spec, self._request, self._log)
        try:
            launched = await self._thread.call(launch.run)
            await self._thread.call(lambda: self._take(launched))
        except BaseException as error:
            # What was begun is undone in its own thread, which ends then.
            self._thread.close(then=self._log.close, when_idle=True)
            self._ending.settle(ExitResult(reason=str(error) or "given up before it ran"))
            raise

    async def connection_info(self) -> Connection:
        """Return where the kernel listens: what its provisioner said."""
        return self._known().record.connection

    @property
    def resources(self) -> Resources:
        """The process that the provisioner has started, if it is one of this machine."""
        if self._launched is None:
            return Resources()
        record = self._launched.record
        return Resources(pid=record.pid, start_time=record.start_time)

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it lives."""
        return self._ending.result

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        """Wait until it has ended; None if it still lives after ``timeout`` seconds."""
        while (ended := await self._ending.wait(_shorter(timeout, GUARD_SECONDS))) is None:
            timeout = None if timeout is None else timeout - GUARD_SECONDS
            if timeout is not None and timeout <= 0:
                break
            await self._unblock()
        return ended

    async def signal(self, signum: int) -> bool:
        """Send a signal; False if the provisioner failed to, or took too long."""
        return await self._told("signal", lambda provisioner: provisioner.send_signal(signum))

    async def interrupt(self) -> InterruptOutcome:
        """Send SIGINT in the provisioner's way."""
        sent = await self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    async def terminate(self) -> None:
        """Tell the provisioner that the kernel is to end, and to terminate it."""
        self._expect_end(killed=False)
        await self._told("shutdown", lambda one: one.shutdown_requested(restart=False))
        await self._told("terminate", lambda one: one.terminate(restart=False))
        self._expect_end(killed=False)

    async def kill(self) -> None:
        """Let the provisioner kill it; a process of this machine is killed in any case."""
        self._expect_end(killed=True)
        if not await self._told("kill", lambda one: one.kill(restart=False), ENDING_SECONDS):
            self._kill_process()
        self._expect_end(killed=True)

    async def cleanup(self) -> None:
        """Let the provisioner clean up, and end its thread."""
        launched, self._cleaned = self._launched, True
        if launched is not None and not self._thread.closed:
            await self._unblock()
            try:
                await self._thread.call(
                    lambda: launched.provisioned.parent.cleanup_resources(restart=False),
                    CLEANUP_SECONDS,
                )
            except Exception as error:  # noqa: BLE001 - it is a stranger's code
                self._log.logger.warning("Its clean-up failed: %r", error)
        self._leave()

    def record(self) -> JsonObject:
        """What a later agent needs to find the kernel again; it holds the kernel's key."""
        return {} if self._launched is None else self._launched.record.to_json()

    async def _take(self, launched: Launched, *, again: bool = False) -> None:
        """Watch the kernel from now on; called in the thread that does."""
        parent = launched.provisioned.parent
        # A socket is not to be moved to another thread.
        line = None if again else Line(parent.line(), parent.ip, parent.transport)
        watched = Watched(launched.provisioned, self._spec.stanza.name, launched.record.started_at)
        self._launched, self._watch = launched, Watch(watched, line)
        self._thread.begin(self._until_end)

    async def _until_end(self) -> None:
        watch = self._watch
        if watch is not None and self._ending.result is None:
            ended = await watch.end()
            self._ending.settle(replace(ended, tail=self._log.tail()))
            await watch.tidy()

    def _leave(self) -> None:
        self._thread.close(then=self._log.close)

    def _known(self) -> Launched:
        if self._launched is None:
            raise LaunchFailed("The kernel was not started.")
        return self._launched

    async def _told(self, verb: str, ask: _Verb, seconds: float = ANSWER_SECONDS) -> bool:
        """Ask something of the provisioner; return whether it did that in time, without an error."""
        launched = self._launched
        if launched is None or self._cleaned or self._ending.result is not None:
            return False
        begun = False

        async def answer() -> None:
            nonlocal begun
            begun = True
            await ask(launched.provisioned.provisioner)

        while not begun:
            await self._unblock()
            try:
                await self._thread.call(answer, seconds)
            except TimeoutError:
                self._log.logger.warning("It takes too long to %s.", verb)
            except Exception as error:  # noqa: BLE001 - it is a stranger's code
                self._log.logger.warning("It failed to %s: %r", verb, error)
                return False
            else:
                return True
        return False

    async def _unblock(self) -> None:
        """Leave a thread behind in which something blocks, and go on in another one."""
        launched = self._launched
        if launched is None or self._thread.closed:
            return
        if not await self._thread.answers(RESPONSIVE_SECONDS):
            self._log.logger.warning("It blocks its thread; going on in another one.")
            self._thread.close()
            self._thread = OwnThread(f"provisioner-{self._request.kernel_id[:8]}-again")
            await self._thread.call(lambda: self._take(launched, again=True))

    def _expect_end(self, *, killed: bool) -> None:
        watch, launched = self._watch, self._launched
        if launched is not None:
            launched.provisioned.parent.shutting_down = True
        if watch is not None and not self._thread.closed:
            self._thread.soon(lambda: watch.expect_end(killed=killed))

    def _kill_process(self) -> None:
        record = self._known().record if self._launched is not None else None
        if record is None or record.pid is None or start_time_of(record.pid) != record.start_time:
            return
        try:
            if os.getpgid(record.pid) == record.pid:
                os.killpg(record.pid, signal.SIGKILL)
            else:
                os.kill(record.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _shorter(timeout: float | None, seconds: float) -> float:
    return seconds if timeout is None else min(timeout, seconds)
