"""One life of a kernel with its sockets: from its start, or from being found again, to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from uuid import uuid4

import zmq

from kernelyard.agent.bond import Bond
from kernelyard.agent.channels import Channels
from kernelyard.agent.configuring import Configuring
from kernelyard.agent.interrupts import Interrupts, Outcome, manner_of
from kernelyard.agent.limits import Held
from kernelyard.agent.logs import Log
from kernelyard.agent.waiting import first_of, happens
from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.providers.launcher import Launcher, LaunchFailed
from kernelyard.wire.connections import Connection
from kernelyard.wire.messages import (
    Configure,
    Message,
    Question,
    ask,
    configure_request,
    execute_request,
    shutdown_request,
    warm_up_request,
)
from kernelyard.wire.multipart import Parts
from kernelyard.wire.readiness import Readiness

UNANSWERED_SECONDS = 2.0
FOREIGN_SHUTDOWN_SECONDS = 10.0
"""For kernels that nobody kills if they do not obey."""
TERMINATE_SECONDS = 5.0
KILL_SECONDS = 10.0
ANSWER_SECONDS = 10.0
"""For a verb of a launcher that is not ours."""
ASK_AGAIN_SECONDS = 0.5


class Incarnation:
    """One life of a kernel, as the agent sees it: its launcher, and its sockets once they are known."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        bond: Bond,
        log: Log,
        launcher: Launcher,
    ) -> None:
        self.attempt = bond.attempt
        self.launcher = launcher
        self.held: Held | None = None
        """The limits that its process is held to."""
        self.lossless = False
        """Whether it keeps what it says while nobody reads."""
        self.forked = False
        """Whether it was forked from a zygote."""
        self.connection: Connection | None = None
        """Where it listens, once that is known."""
        self.beside = bond.beside
        """What its process prints beside the protocol, where that is to be output, too."""
        self.late_seconds = bond.quirks.late_output_seconds
        """How long after the end of some code its output may still come."""
        self.over = False
        """Whether it was seen to have ended."""
        self.gone = asyncio.Event()
        """Set when it was seen to have ended, or is followed no more."""
        self._begun = bond.adopted
        self._context = context
        self._bond = bond
        self._log = log
        self._session = bond.kernel_id
        self._readiness = Readiness(in_order=bond.adopted)
        self._answered = asyncio.Event()
        self._ready = asyncio.Event()
        self._heard = asyncio.Event()
        """Set once anything that it has signed has come."""
        self._wrongly_signed = asyncio.Event()
        self._silent = True
        self._interrupts = Interrupts(
            launcher,
            manner_of(bond.interrupt_mode, bond.quirks),
            log,
            ask=lambda: self._ask_on_control("interrupt_request"),
            settled=bond.hearer.pump,
        )
        self.configuring = Configuring(self._ask_to_take_up, self.gone)
        self._probe: Readiness | None = None
        self.channels: Channels | None = None
        """Its sockets, once it is known where it listens."""

    async def start(self) -> None:
        """Start it. Raises LaunchFailed, OSError, and whatever a launcher of somebody else raises."""
        self._begun = True
        try:
            await self.launcher.start()
        except Exception:
            self._begun = False
            raise

    def open(self, connection: Connection) -> None:
        """Open the sockets: as soon as it is known where it listens, so that nothing is missed."""
        self.connection = connection
        self.channels = Channels(
            self._context,
            connection,
            identity=f"{self._bond.kernel_id}-{self._bond.attempt}",
            listener=self,
            log=self._log,
        )

    async def ready_within(self, seconds: float | None) -> bytes:
        """The same as ``ready``, in so many seconds. Raises TimeoutError after that.

        One that is not ours may take as long as it likes once it has said anything: it may run what
        others have asked for. On its control channel it answers nevertheless, if its key is right.
        Raises LaunchFailed if the key is wrong for sure.
        """
        if self.launcher.owned or seconds is None:
            async with asyncio.timeout(seconds):
                return await self.ready()
        self._ask_on_control("kernel_info_request")
        return await first_of(self.ready(), self._silence(seconds), self._distrust())

    async def ready(self) -> bytes:
        """Probe until the kernel is ready; return the content of its kernel_info_reply."""
        while not self._readiness.ready:
            self._answered.clear()
            self._ask_who(self._readiness)
            while not await happens(self._answered, UNANSWERED_SECONDS):
                # A kernel that runs something answers when it has done that; asking again would
                # only fill its queue.
                if self.launcher.owned and not self._bond.adopted:
                    self._ask_who(self._readiness)
            await happens(self._ready, self._readiness.next_wait())
        return self._readiness.info or b"{}"

    @property
    def configurable(self) -> bool:
        """Whether it was made fit to take up another environment while it runs."""
        return self.lossless and self.launcher.owned

    @property
    def interrupting(self) -> bool:
        """Whether an interrupt is on its way that may still hit other code than was meant."""
        return self._interrupts.under_way

    @property
    def interruptible(self) -> bool:
        """Whether an interrupt may stop what it runs."""
        return self._interrupts.possible

    def execute(self, msg_id: str, code: str) -> None:
        """Send code to be run."""
        self.pass_on(execute_request(code, msg_id=msg_id, session=self._session, date=_now()))

    def pass_on(self, request: Parts) -> None:
        """Send a request that somebody else has written."""
        self._sockets.send_shell(request)

    def warm_up(self) -> None:
        """Have it run next to nothing, so that what somebody runs first is not slow."""
        self._sockets.send_shell(
            warm_up_request(msg_id=uuid4().hex, session=self._session, date=_now())
        )

    def interrupt(self) -> Outcome:
        """Interrupt what runs, in the way the kernel wants it; return what tells what is known of it."""
        return self._interrupts.send()

    async def signal(self, number: int) -> bool:
        """Send it a signal, and what belongs to it; return whether that arrived."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self.launcher.signal(number)
        except TimeoutError:
            self._log.warning("launcher.hangs")
        except Exception:  # noqa: BLE001 - a launcher may be anybody's
            self._log.exception("launcher.failed")
        return False

    def probe(self) -> None:
        """Ask for a sign that all it said before has been heard, and tell the hearer of it."""
        if self._probe is None:
            self._probe = Readiness(in_order=True)
            self._ask_who(self._probe)

    async def exit(self) -> ExitResult:
        """Wait until it has ended."""
        while True:
            if (ended := await self.launcher.wait()) is not None:
                self._ended()
                return ended
            # One that breaks off its waiting is asked again, but not without a pause.
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def drain_to_end(self) -> None:
        """Take in what it said last."""
        if self.channels is not None:
            await self.channels.drain_to_end()

    async def end(self, *, gently: bool, shut_down: bool = False) -> ExitResult | None:
        """End it with everything that belongs to it; return how it ended, if it did.

        Gently means: ask it, then tell it, then kill it. One whose sockets are closed already is
        not worth the wait. What is not owned is left alone, or only asked if it is to be ``shut_down``.
        """
        if not self._begun:
            return None
        if not self.launcher.owned:
            return await self._asked_to_end(FOREIGN_SHUTDOWN_SECONDS) if shut_down else None
        if gently and self.channels is not None and not self.channels.closed:
            quirks = self._bond.quirks
            asked = quirks.shutdown == "message"
            if asked and (ended := await self._asked_to_end(quirks.shutdown_seconds)) is not None:
                return ended
            await self._tell(self.launcher.terminate())
            if (ended := await self._exits(TERMINATE_SECONDS)) is not None:
                return ended
        await self._tell(self.launcher.kill())
        if (ended := await self._exits(KILL_SECONDS)) is None:
            self._log.warning("kernel.cannot_be_killed")
        return ended

    def _ended(self) -> None:
        self.over = True
        self._interrupts.close(InterruptOutcome.KILLED)
        self.gone.set()

    def close(self) -> None:
        """Close the sockets."""
        self._interrupts.close(InterruptOutcome.KILLED if self.over else InterruptOutcome.DELIVERED)
        self.gone.set()
        if self.channels is not None:
            self.channels.close()

    async def clean_up(self) -> None:
        """Close the sockets, and let the launcher remove what is left."""
        self.close()
        await self._tell(self.launcher.cleanup())

    def on_shell(self, messages: list[Message]) -> None:
        """Take in messages from the shell socket."""
        self._heard.set()
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

    def on_wrongly_signed(self) -> None:
        """Take note that somebody speaks there whom we cannot believe."""
        if not self._heard.is_set():
            self._wrongly_signed.set()

    def on_control(self, messages: list[Message]) -> None:
        """Take in messages from the control socket."""
        self._heard.set()
        for message in messages:
            self._interrupts.on_control(message)
            self.configuring.on_control(message)
        self._bond.hearer.on_control(messages)

    def on_stdin(self, messages: list[Message]) -> None:
        """Take in prompts."""
        self._bond.hearer.on_stdin(messages)

    def on_iopub(self, messages: list[Message]) -> None:
        """Take in messages from the iopub socket."""
        self._heard.set()
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
        how = {"msg_id": msg_id, "session": self._session, "date": _now()}
        self.pass_on(ask("kernel_info_request", **how))

    def _ask_on_control(self, question: Question) -> str:
        how = {"msg_id": uuid4().hex, "session": self._session, "date": _now()}
        self._sockets.send_control(ask(question, **how))
        return how["msg_id"]

    def _ask_to_take_up(self, asked: Configure) -> str:
        how = {"msg_id": uuid4().hex, "session": self._session, "date": _now()}
        self._sockets.send_control(configure_request(asked, **how))
        return how["msg_id"]

    @property
    def _sockets(self) -> Channels:
        if self.channels is None:
            raise RuntimeError("nobody knows yet where this kernel listens")
        return self.channels

    async def _silence(self, seconds: float) -> bytes:
        """Raise TimeoutError if it says nothing for so long; wait for ever if it does."""
        if await happens(self._heard, seconds):
            await asyncio.Event().wait()
        raise TimeoutError

    async def _distrust(self) -> bytes:
        """Raise LaunchFailed if what it says is signed with another key than ours."""
        await self._wrongly_signed.wait()
        raise LaunchFailed(
            "what it says is not signed with the key in its connection file: the file is of another "
            "kernel, or not the newest one"
        )

    async def _asked_to_end(self, seconds: float) -> ExitResult | None:
        if self.channels is None or self.channels.closed:
            return None
        self.channels.send_control(
            shutdown_request(restart=False, msg_id=uuid4().hex, session=self._session, date=_now())
        )
        return await self._exits(seconds)

    async def _exits(self, seconds: float) -> ExitResult | None:
        try:
            async with asyncio.timeout(seconds + ANSWER_SECONDS):
                ended = await self.launcher.wait(seconds)
        except TimeoutError:
            return None
        except Exception:  # noqa: BLE001 - a launcher may be anybody's
            self._log.exception("launcher.failed")
            return None
        if ended is not None:
            self._ended()
        return ended

    async def _tell(self, verb: Coroutine[object, object, object]) -> None:
        """Call a verb of the launcher, which may be anybody's: what it does wrong ends nothing."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await verb
        except TimeoutError:
            self._log.warning("launcher.hangs")
        except Exception:  # noqa: BLE001 - whatever it is, the kernel has to go on or end
            self._log.exception("launcher.failed")


def _now() -> str:
    return datetime.now(UTC).isoformat()
