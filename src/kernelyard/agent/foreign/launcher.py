"""The launcher of kernels that somebody else has started: it starts nothing and ends nothing."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from dataclasses import replace
from typing import ClassVar

import zmq

from kernelyard.agent.folder import Folder
from kernelyard.agent.foreign.deposits import read_deposit
from kernelyard.agent.foreign.listeners import can_be_known, eldest, listeners_of
from kernelyard.agent.foreign.reaching import is_local, reach
from kernelyard.agent.foreign.socket_watch import SILENT_SECONDS, SocketWatch
from kernelyard.agent.foreign.stranger import Stranger
from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.templates import RestartPolicy
from kernelyard.providers.launcher import Launcher, LaunchFailed
from kernelyard.providers.provider import LaunchPlan
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit

CONFIRM_SECONDS = 1.0
"""How long a process that does not listen any more has to end, so that its end can be told."""
LOST = "where it listens is not known any more, for the agent was given it too long ago: attach it again"
Context = zmq.Context[zmq.Socket[bytes]]


class ForeignLauncher(Launcher):
    """A kernel that runs already. Its end is noticed by its socket, and by its process where known."""

    owned: ClassVar[bool] = False

    def __init__(self, context: Context, connection: Connection, stranger: Stranger | None) -> None:
        self._context = context
        self._connection = connection
        self._stranger = stranger
        self._exit: ExitResult | None = None
        self._ended = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See that it listens, and begin to watch it. Raises LaunchFailed."""
        await reach(self._connection)
        self.watch()

    def watch(self, *, again: bool = False) -> None:
        """Begin to watch it; ``again`` if nobody has seen now that it listens."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(again=again), name="foreign kernel")

    async def connection_info(self) -> Connection:
        """Return where it listens: that was told when it was attached."""
        return self._connection

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it lives."""
        return self._exit

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        """Wait until it has ended; None if it still lives after ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        except TimeoutError:
            return None
        return self._exit

    async def signal(self, signum: int) -> bool:
        """Send a signal to its process, if that is known and checked; return whether it was."""
        return self._stranger is not None and self._stranger.signal(signum)

    async def interrupt(self) -> InterruptOutcome:
        """Send SIGINT, if its process is known and checked."""
        sent = await self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    async def terminate(self) -> None:
        """It is not ours to end."""

    async def kill(self) -> None:
        """It is not ours to end."""

    async def cleanup(self) -> None:
        """Watch it no more; it goes on."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._stranger is not None:
            self._stranger.close()

    def record(self) -> JsonObject:
        """What tells its process from others; where it listens lies in the kernel's directory."""
        return self._stranger.record() if self._stranger is not None else {}

    async def _watch(self, *, again: bool) -> None:
        # One whose process lives may be stopped for as long as anybody likes.
        patience = SILENT_SECONDS if self._stranger is None else math.inf
        watch = SocketWatch(self._context, self._connection, patience=patience if again else None)
        try:
            reason = await self._how_it_ended(watch)
        finally:
            watch.close()
        self._exit = ExitResult(reason=reason, ended_at=time.time_ns() // 1000)
        self._ended.set()

    async def _how_it_ended(self, watch: SocketWatch) -> str:
        stranger = self._stranger
        if stranger is None:
            await watch.gone()
            return "nobody listens at its address any more"
        silent = asyncio.ensure_future(watch.gone())
        dead = asyncio.ensure_future(stranger.ended())
        try:
            await asyncio.wait({silent, dead}, return_when=asyncio.FIRST_COMPLETED)
            if not dead.done():
                await asyncio.wait({dead}, timeout=CONFIRM_SECONDS)
            if dead.done():
                return (
                    f"its process {stranger.pid} ended; nobody here can know how, for it was "
                    "started elsewhere"
                )
            return f"it does not listen any more, though its process {stranger.pid} lives"
        finally:
            for one in (silent, dead):
                one.cancel()
            await asyncio.gather(silent, dead, return_exceptions=True)


async def foreign_plan(folder: Folder, context: Context) -> LaunchPlan:
    """Return how to take in the kernel whose connection lies in ``folder``. Raises LaunchFailed."""
    deposit = read_deposit(folder)
    if deposit is None:
        raise LaunchFailed(LOST)
    await reach(deposit.connection)
    stranger = await _stranger(deposit)
    if stranger is None and deposit.interrupt_by == "signal":
        raise LaunchFailed(
            "it is to be interrupted by a signal, and its process cannot be found: attach it with its "
            "pid, or let it be interrupted by a message"
        )
    return LaunchPlan(
        # It only says what runs there, so that what is peculiar about that kernel is heeded.
        argv=[] if stranger is None else stranger.command(),
        interrupt_mode=deposit.interrupt_by,
        launcher=lambda _: ForeignLauncher(context, deposit.connection, stranger),
    )


def found_again(folder: Folder, record: JsonObject, context: Context) -> ForeignLauncher | None:
    """Return the launcher of a kernel that an earlier agent had attached; None if it has ended.

    It is not reached for here, for that may take its time: whoever watches it tells if nobody listens
    there any more. Raises LaunchFailed if it cannot be spoken to any more.
    """
    deposit = read_deposit(folder)
    if deposit is None:
        raise LaunchFailed(LOST)
    stranger = Stranger.again(record) if record else None
    if record and stranger is None:
        return None
    launcher = ForeignLauncher(context, deposit.connection, stranger)
    launcher.watch(again=True)
    return launcher


def without_limits(order: LaunchOrder) -> LaunchOrder:
    """An order for a kernel that is not ours: nothing holds it, and nothing starts it again."""
    return replace(
        order,
        environment={},
        milli_cpu_limit=0,
        cpu_seconds_limit=0,
        memory_bytes_limit=0,
        processes_limit=0,
        file_bytes_limit=0,
        restart_policy=RestartPolicy.NEVER,
    )


async def _stranger(deposit: Deposit) -> Stranger | None:
    """The kernel's process, as far as it can be known. Raises LaunchFailed for a wrong pid."""
    listeners = await asyncio.to_thread(listeners_of, deposit.connection)
    listener = eldest(listeners)
    pid = deposit.pid
    if pid is None:
        return None if listener is None else Stranger.of(listener)
    if not is_local(deposit.connection):
        raise LaunchFailed(
            "its pid can be used only where it listens on the agent's own machine: attach it without"
        )
    if can_be_known(deposit.connection) and pid not in listeners:
        who = f"process {listener} does" if listener is not None else "another one does"
        raise LaunchFailed(f"process {pid} does not listen at its address, {who}: correct its pid")
    stranger = Stranger.of(pid)
    if stranger is None:
        raise LaunchFailed(f"there is no process {pid} of this user: correct its pid")
    return stranger
