"""One process of a kernel with its sockets: from its start, or from being found again, to its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol
from uuid import uuid4

import zmq

from kernelyard.agent.channels import Channels
from kernelyard.agent.limits import Held
from kernelyard.agent.logs import Log
from kernelyard.agent.processes import Exit, KernelProcess
from kernelyard.agent.waiting import happens
from kernelyard.wire.connections import Connection
from kernelyard.wire.messages import Message, Question, ask, execute_request, shutdown_request
from kernelyard.wire.readiness import Readiness

UNANSWERED_SECONDS = 2.0
INTERRUPT_REPLY_SECONDS = 1.0
SHUTDOWN_SECONDS = 3.0
TERMINATE_SECONDS = 5.0
KILL_SECONDS = 10.0


class Hearer(Protocol):
    """Whoever follows what the kernel runs."""

    def on_shell(self, messages: list[Message]) -> None: ...
    def on_iopub(self, messages: list[Message]) -> None: ...
    def on_probed(self) -> None: ...
    def pump(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """What ties an incarnation to its kernel."""

    kernel_id: str
    attempt: int
    interrupt_mode: Literal["signal", "message"]
    connection: Connection
    hearer: Hearer
    adopted: bool = False
    """Whether it was found running, so that it may be in the middle of a task."""
    on_first_sound: Callable[[], None] | None = None
    """Called before the first message from iopub is handed on."""
    before_hearing: Callable[[], None] = lambda: None
    """Called before messages are taken in."""


class Incarnation:
    """One life of a kernel's process, as the agent sees it."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        bond: Bond,
        log: Log,
        process: KernelProcess | None = None,
    ) -> None:
        """Open the sockets: before the process starts, so that nothing it says is missed."""
        self.attempt = bond.attempt
        self.process = process
        self.held: Held | None = None
        """The limits that the process is held to."""
        self.lossless = False
        """Whether it keeps what it says while nobody reads."""
        self._bond = bond
        self._log = log
        self._session = bond.kernel_id
        self._readiness = Readiness(in_order=bond.adopted)
        self._answered = asyncio.Event()
        self._ready = asyncio.Event()
        self._silent = True
        self._interrupt_id: str | None = None
        self._probe: Readiness | None = None
        self._channels = Channels(
            context,
            bond.connection,
            identity=f"{bond.kernel_id}-{bond.attempt}",
            listener=self,
            log=log,
        )

    async def ready(self) -> bytes:
        """Probe until the kernel is ready; return the content of its kernel_info_reply."""
        while not self._readiness.ready:
            self._answered.clear()
            self._ask_who(self._readiness)
            while not await happens(self._answered, UNANSWERED_SECONDS):
                # A kernel that runs something answers when it has done that; asking again would
                # only fill its queue.
                if not self._bond.adopted:
                    self._ask_who(self._readiness)
            await happens(self._ready, self._readiness.next_wait())
        return self._readiness.info or b"{}"

    @property
    def interrupting(self) -> bool:
        """Whether an interrupt by message has not been acknowledged yet."""
        return self._interrupt_id is not None

    def execute(self, msg_id: str, code: str) -> None:
        """Send code to be run."""
        self._channels.send_shell(
            execute_request(code, msg_id=msg_id, session=self._session, date=_now())
        )

    def interrupt(self) -> None:
        """Interrupt what runs, in the way the kernel wants it."""
        if self._bond.interrupt_mode == "signal":
            if self.process is not None:
                self.process.signal(signal.SIGINT)
            return
        msg_id = self._ask_on_control("interrupt_request")
        self._interrupt_id = msg_id
        asyncio.get_running_loop().call_later(
            INTERRUPT_REPLY_SECONDS, self._interrupt_acknowledged, msg_id
        )

    def probe(self) -> None:
        """Ask for a sign that all it said before has been heard, and tell the hearer of it."""
        if self._probe is None:
            self._probe = Readiness(in_order=True)
            self._ask_who(self._probe)

    async def exit(self) -> Exit:
        """Wait until the process has ended."""
        if self.process is None:
            raise RuntimeError("an incarnation without a process does not end")
        return await self.process.wait()

    async def drain_to_end(self) -> None:
        """Take in what the process said last, now that it has ended."""
        await self._channels.drain_to_end()

    async def end(self, *, gently: bool) -> None:
        """End the process and everything in its group.

        Gently means: ask it, then tell it, then kill it. One whose sockets are closed already is
        not worth the wait.
        """
        if gently and not self._channels.closed:
            self._channels.send_control(
                shutdown_request(
                    restart=False, msg_id=uuid4().hex, session=self._session, date=_now()
                )
            )
            if await self._exits(SHUTDOWN_SECONDS):
                return
            self._signal(signal.SIGTERM)
            if await self._exits(TERMINATE_SECONDS):
                return
        self._signal(signal.SIGKILL)
        if not await self._exits(KILL_SECONDS):
            self._log.warning("process.cannot_be_killed")

    def close(self) -> None:
        """Close the sockets."""
        self._channels.close()

    def on_shell(self, messages: list[Message]) -> None:
        """Take in messages from the shell socket."""
        self._bond.before_hearing()
        for message in messages:
            self._readiness.on_shell(message)
        if self._readiness.info is not None:
            self._answered.set()
        self._look_ready()
        self._bond.hearer.on_shell(messages)
        if self._probe is not None:
            for message in messages:
                self._probe.on_shell(message)
            self._look_probed()

    def on_control(self, messages: list[Message]) -> None:
        """Take in messages from the control socket."""
        for message in messages:
            if message.type == "interrupt_reply":
                self._interrupt_acknowledged(message.parent)

    def on_iopub(self, messages: list[Message]) -> None:
        """Take in messages from the iopub socket."""
        self._bond.before_hearing()
        if self._silent:
            self._silent = False
            if self._bond.on_first_sound is not None:
                self._bond.on_first_sound()
        if not self._readiness.heard:
            for message in messages:
                self._readiness.on_iopub(message)
        self._bond.hearer.on_iopub(messages)
        if self._probe is not None:
            for message in messages:
                self._probe.on_iopub(message)
            self._look_probed()
        self._look_ready()

    def _look_ready(self) -> None:
        if self._readiness.ready:
            self._ready.set()

    def _look_probed(self) -> None:
        if self._probe is not None and self._probe.ready:
            self._probe = None
            self._bond.hearer.on_probed()

    def _ask_who(self, asking: Readiness) -> None:
        msg_id = uuid4().hex
        asking.asked(msg_id)
        self._channels.send_shell(
            ask("kernel_info_request", msg_id=msg_id, session=self._session, date=_now())
        )

    def _ask_on_control(self, question: Question) -> str:
        msg_id = uuid4().hex
        self._channels.send_control(
            ask(question, msg_id=msg_id, session=self._session, date=_now())
        )
        return msg_id

    def _interrupt_acknowledged(self, msg_id: str) -> None:
        if self._interrupt_id == msg_id:
            self._interrupt_id = None
            self._bond.hearer.pump()

    def _signal(self, signum: int) -> None:
        if self.process is not None:
            self.process.signal(signum)

    async def _exits(self, seconds: float) -> bool:
        if self.process is None:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self.process.wait()
        except TimeoutError:
            return False
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat()
