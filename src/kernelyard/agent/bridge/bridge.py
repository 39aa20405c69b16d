"""One bridge: five ports on loopback with a key of their own, between plain clients and a kernel.

Its address and key stay while kernels come and go behind it, so a restart keeps clients attached. It
follows the kernel's journal, as every other follower does, and tells its clients what becomes of the
kernel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Protocol

import msgspec
import zmq

from kernelyard.agent.bridge.backend import Backend
from kernelyard.agent.bridge.desk import Desk, Heart
from kernelyard.agent.bridge.fates import Fates
from kernelyard.agent.bridge.hearing import Hearing
from kernelyard.agent.bridge.lines import Lines, Request
from kernelyard.agent.bridge.listening import Peer, Port
from kernelyard.agent.bridge.nanny import Nanny, Ward
from kernelyard.agent.bridge.prompts import GONE, Prompts
from kernelyard.agent.bridge.room import Room
from kernelyard.agent.bridge.routes import Routes
from kernelyard.agent.bridge.voice import Voice
from kernelyard.agent.journal import Journal
from kernelyard.agent.logs import Log
from kernelyard.model.errors import YardError
from kernelyard.wire import nanny
from kernelyard.wire.connections import Connection
from kernelyard.wire.journal import split as split_records
from kernelyard.wire.messages import read_header
from kernelyard.wire.multipart import Parts
from kernelyard.wire.requests import EXECUTE, ClientHeader, is_ipython, leaving_the_kernel
from kernelyard.wire.signing import Signer

ASK_SECONDS = 1.0
"""Before a kernel that has not been heard on iopub is asked again for the first time."""
LONGEST_ASK_SECONDS = 60.0
DOUBT_SECONDS = 0.5
"""After an interrupt, before the kernel is asked whether it has forgotten a reply."""
MOST_QUESTIONS = 100
"""Requests to the nanny that are worked on at a time."""
USED = "a plain Jupyter client runs code on it"
ATTACHED = "a plain Jupyter client is attached"


class Kernel(Ward, Protocol):
    """The kernel behind a bridge."""

    @property
    def id(self) -> str: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def attempt(self) -> int: ...
    @property
    def attached_counts(self) -> bool:
        """Whether a client that does nothing keeps it from being idle."""
        ...

    @property
    def connection(self) -> Connection | None:
        """Where the present process listens; None while there is none that is ready."""
        ...

    def watch_activity(self, activity: Callable[[], str]) -> None:
        """Ask ``activity`` why it is not idle, whenever that is judged."""
        ...


class Bridge:
    """The bridge of one kernel."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        kernel: Kernel,
        key: str,
        room: Room,
        log: Log,
    ) -> None:
        """``room`` is what may wait for slow clients, of all bridges together."""
        self._context = context
        self._kernel = kernel
        self._log = log
        signer = Signer(key.encode())
        self._nanny = Nanny(kernel)
        self._shell = Desk(signer, self._on_shell_request, log)
        self._control = Desk(signer, self._on_control_request, log)
        self._stdin = Desk(signer, self._on_input, log)
        self._voice = Voice(f"{kernel.id}-bridge", signer, self._on_listener, log, room)
        iopub = self._voice.iopub
        self._hearing = Hearing(lambda: len(self._shell.port.peers), lambda: iopub.listeners)
        self._prompts = Prompts(lambda client: client in self._stdin.port.peers, self._unblock)
        # While it is being started its clients are to wait, not to give it up.
        self._heart = Heart(lambda: kernel.alive or kernel.connection is None, log)
        self._lines = Lines(self._send_shell, self._answer_instead, self._resume)
        self._routes = Routes()
        self._paused: set[Peer] = set()
        self._backend: Backend | None = None
        self._heard = False
        self._is_ipython = False
        self._questions: dict[str, Callable[[], None]] = {}
        """What to do when the kernel answers to a question of the bridge itself."""
        self._timers: set[asyncio.TimerHandle] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._seen_executions = 0
        self._fates = Fates(kernel.id, lambda: kernel.attempt, self)

    @property
    def ports(self) -> tuple[Port, Port, Port, Port, Port]:
        """Shell, iopub, stdin, control, heartbeat."""
        return (
            self._shell.port,
            self._voice.iopub.port,
            self._stdin.port,
            self._control.port,
            self._heart.port,
        )

    def activity(self) -> str:
        """Why the kernel was not idle since this was asked last; empty if nobody used it."""
        used = self._lines.executing or self._lines.executions != self._seen_executions
        self._seen_executions = self._lines.executions
        if used:
            return USED
        return ATTACHED if self._kernel.attached_counts and self._shell.port.peers else ""

    async def follow(self) -> None:
        """Serve until the kernel has ended or the journal is closed; clients are told then."""
        journal = self._kernel.journal
        news = asyncio.Event()
        journal.listeners.add(news.set)
        try:
            with closing(journal.read_after(journal.last_number)) as reading:
                self.meet()
                while journal.is_open:
                    news.clear()
                    while chunk := reading.next():
                        for record in split_records(chunk)[0]:
                            self._fates.take_in(record)
                        await asyncio.sleep(0)
                    if journal.closed:
                        return
                    await news.wait()
        finally:
            journal.listeners.discard(news.set)

    async def close(self) -> None:
        """Send everybody away and let go of the kernel."""
        self.part()
        self._lines.close()
        for work in self._working:
            work.cancel()
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*(port.close() for port in self.ports))

    # What the journal tells.

    def publish(self, msg_type: str, content: object) -> None:
        """Say something to every client on iopub."""
        self._voice.publish(msg_type, content)

    def tell(self, name: str, event: nanny.Event) -> None:
        """Tell every client of an event."""
        self._voice.tell(self._control, name, event)

    def lose(self, content: object, *, everything: bool) -> None:
        """Answer what no process will answer any more."""
        self._lines.lose(content, everything=everything)

    # The kernel's side.

    def meet(self) -> None:
        """Connect to the process that is ready now, if there is one."""
        connection = self._kernel.connection
        if connection is None:
            return
        self.part()
        self._backend = Backend(
            self._context,
            connection,
            identity=f"{self._kernel.id}-{self._kernel.attempt}-bridge",
            hearer=self,
            log=self._log,
        )
        self._ask_until_heard()

    def part(self) -> None:
        """Let go of a process, after taking in what it said last."""
        backend, self._backend = self._backend, None
        self._lines.shut()
        self._questions.clear()
        self._prompts.clear()
        self._heard = False
        if backend is not None:
            backend.read_last()
            backend.close()

    def _ask_until_heard(self, wait: float = ASK_SECONDS) -> None:
        """Pass no request on before what the kernel says to it will be heard.

        Most kernels welcome a new subscription; the others say something when they are asked who
        they are. One that does not answer may be busy, so it is asked less and less often.
        """
        backend = self._backend

        def again() -> None:
            if backend is self._backend and not self._heard:
                self._ask_until_heard(min(2 * wait, LONGEST_ASK_SECONDS))

        self._ask(lambda: None)
        self._later(wait, again)

    def _ask(self, answered: Callable[[], None]) -> None:
        if self._backend is None:
            return
        msg_id, parts = self._voice.question()
        self._questions[msg_id] = answered
        self._backend.send_shell(parts)

    def doubt(self) -> None:
        """Kernels forget a reply when an interrupt hits them just before the code begins."""
        backend = self._backend

        def ask_now() -> None:
            if backend is not None and backend is self._backend:
                self._ask(self._lines.doubt())

        if self._lines.executing:
            self._later(DOUBT_SECONDS, ask_now)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def now() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(seconds, now)
        self._timers.add(timer)

    def on_shell(self, parts: Parts) -> None:
        """Take in a reply from the kernel."""
        parent = read_header(parts.parent).msg_id
        if (answered := self._questions.pop(parent, None)) is not None:
            self._is_ipython = is_ipython(parts.content)
            answered()
            return
        client = self._routes.client_of(parts, parent)
        if client is None:
            return
        self._shell.send(client, parts)
        msg_type = read_header(parts.header).msg_type
        if msg_type == "execute_reply":
            self._prompts.settle(client)
        self._lines.on_reply(client, parent, msg_type, parts.content)

    def on_control(self, parts: Parts) -> None:
        """Take in a reply from the kernel on the control channel."""
        client = self._routes.client_of(parts, read_header(parts.parent).msg_id)
        if client is not None:
            self._control.send(client, parts)

    def on_stdin(self, parts: Parts) -> None:
        """The kernel asks a client for input."""
        client = self._routes.client_of(parts, read_header(parts.parent).msg_id)
        if client is not None:
            self._stdin.send(client, parts)
            self._prompts.ask(client)

    def on_iopub(self, parts: Parts) -> None:
        """The kernel says something to everybody."""
        if not self._heard:
            self._heard = True
            self._lines.open()
        if b"iopub_welcome" not in parts.header:
            self._voice.pass_on(parts)

    # The clients' side.

    def _on_shell_request(self, peer: Peer, parts: Parts, header: ClientHeader) -> None:
        if header.msg_type in nanny.REQUESTS:
            # Clients of old send these on shell.
            self._ask_nanny(self._shell, peer, parts, header)
            return
        client = peer.identity
        self._routes.note(header.msg_id, client)
        if not self._hearing.may_ask(peer, lambda: self._lines.release(client)):
            self._lines.hold(client)
        if header.msg_type == EXECUTE and self._is_ipython:
            parts = msgspec.structs.replace(parts, content=leaving_the_kernel(parts.content))
        self._lines.take(Request(client, header, parts))
        if self._lines.full:
            self._paused.add(peer)
            peer.pause()

    def _on_control_request(self, peer: Peer, parts: Parts, header: ClientHeader) -> None:
        if header.msg_type in nanny.REQUESTS:
            self._ask_nanny(self._control, peer, parts, header)
        elif self._backend is not None:
            self._routes.note(header.msg_id, peer.identity)
            self._backend.send_control(_routed(parts, peer.identity))
        elif header.reply_type is not None:
            content = nanny.error("KernelNotRunning", "The kernel is not running at the moment.")
            reply = self._voice.compose(header.reply_type, content, parts.header)
            self._control.send(peer.identity, reply)

    def _on_input(self, peer: Peer, parts: Parts, header: ClientHeader) -> None:
        if self._backend is not None and header.msg_type == "input_reply":
            self._prompts.settle(peer.identity)
            self._backend.send_stdin(_routed(parts, peer.identity))

    def _ask_nanny(self, desk: Desk, peer: Peer, parts: Parts, header: ClientHeader) -> None:
        async def answer() -> None:
            content = await self._nanny.answer(header, parts.content)
            self.doubt()
            reply = f"{header.msg_type.removesuffix('_request')}_reply"
            desk.send(peer.identity, self._voice.compose(reply, content, parts.header))

        if len(self._working) >= MOST_QUESTIONS:
            desk.port.note_nonsense("too many requests at a time")
            return
        self._work(answer())

    def _send_shell(self, parts: Parts) -> bool:
        return self._backend is not None and self._backend.send_shell(parts)

    def _on_listener(self) -> None:
        self._hearing.on_listener()

    def _resume(self) -> None:
        paused, self._paused = self._paused, set()
        for peer in paused:
            peer.resume()

    def _answer_instead(self, request: Request, content: object) -> None:
        self._voice.answer(self._shell, request, content)

    def _unblock(self) -> None:
        """Interrupt code that waits for the input of somebody who has gone."""

        async def interrupt() -> None:
            try:
                await self._kernel.interrupt(GONE)
            except YardError as problem:
                self._log.warning("bridge.not_interrupted", problem=problem.message)

        self._work(interrupt())

    def _work(self, doing: Coroutine[object, object, None]) -> None:
        work = asyncio.create_task(doing)
        self._working.add(work)
        work.add_done_callback(self._working.discard)


def _routed(parts: Parts, client: bytes) -> Parts:
    """The message with the client's identity before it, so that the reply finds its way back."""
    return Parts(
        parts.header, parts.parent, parts.metadata, parts.content, parts.buffers, (client,)
    )
