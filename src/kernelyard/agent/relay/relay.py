"""The relay of one kernel: clients of a server speak with it in the kernel protocol.

It hears the kernel on the agent's own sockets, after the journal has what was said, and tells its clients
what becomes of the kernel. Requests of each client stand in a line of their own, as at a bridge; code is
run in its turn among the tasks, and stands in the journal like these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from kernelyard.agent.bridge.fates import Fates
from kernelyard.agent.bridge.lines import REFUSED, Lines, Request
from kernelyard.agent.bridge.nanny import Nanny
from kernelyard.agent.bridge.prompts import Prompts
from kernelyard.agent.bridge.routes import Routes
from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.endings import TaskEnd
from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.relay.answers import told
from kernelyard.agent.relay.credit import Credit
from kernelyard.agent.relay.framed import framed
from kernelyard.agent.relay.front import Front
from kernelyard.agent.relay.kernel import Kernel
from kernelyard.agent.relay.subshells import Subshells
from kernelyard.model.errors import Conflict, KernelEnded, YardError
from kernelyard.model.records import Record
from kernelyard.wire import nanny
from kernelyard.wire.composing import Composer
from kernelyard.wire.messages import Message, read_reply, read_state
from kernelyard.wire.multipart import MalformedMessage, Parts
from kernelyard.wire.requests import (
    EXECUTE,
    ClientHeader,
    read_client_header,
    read_execution,
    read_fields,
)
from kernelyard.wire.websocket import (
    CONTROL,
    IOPUB,
    SHELL,
    STDIN,
    Framed,
    MalformedFrame,
)

MOST_QUESTIONS = 100
"""Requests to the nanny that are worked on at a time."""
REPLACED = "Another connection of the same session has taken this one's place."
GONE = "the agent, for the client that was asked for input has gone"
ENDED = "The kernel has ended"
_NO_PARENT = b"{}"
_WELCOME = "iopub_welcome"


class Relay:
    """Clients of one kernel."""

    def __init__(self, kernel: Kernel, most_output: int, most_code: int, log: Log) -> None:
        """``most_output`` is how many bytes of output are kept of a run, ``most_code`` how many
        characters are run at a time; 0 for no limit."""
        self._kernel = kernel
        self._most_output = most_output
        self._most_code = most_code
        self._log = log
        self._fronts: dict[bytes, Front] = {}
        self._composer = Composer(f"{kernel.id}-relay")
        self._nanny = Nanny(kernel)
        self._lines = Lines(self._send_shell, self._answer_instead, self._resume)
        self._routes = Routes()
        self._prompts = Prompts(lambda client: client in self._fronts, self._unblock)
        self._fates = Fates(kernel.id, lambda: kernel.attempt, self)
        self._credit, self._control_credit = Credit(), Credit()
        self._subshells = Subshells()
        self._paused: set[Front] = set()
        self._working: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        kernel.journal.watchers.add(self._on_records)
        kernel.tap(self)
        self.meet()

    def attach(self, front: Front) -> None:
        """A client has come; of one session the newest is served."""
        before = self._fronts.get(front.identity)
        self._fronts[front.identity] = front
        if running := self._kernel.running_msg_id:
            # What the kernel said when that began, it did not hear.
            parent = self._composer.header(EXECUTE, date=_now(), msg_id=running)
            busy = self._compose("status", {"execution_state": "busy"}, parent)
            front.send(self._framed(IOPUB, busy))
        if before is not None:
            before.dismiss(Conflict(REPLACED))

    def leave(self, front: Front) -> None:
        """A client has gone. What it had asked for goes on."""
        self._paused.discard(front)
        if self._fronts.get(front.identity) is front:
            del self._fronts[front.identity]

    def end(self) -> None:
        """The kernel has ended: send those away who came while it did, and let go of it."""
        self.lose(nanny.error("KernelDied", "it ended as this client came"), everything=True)
        self.close()

    def close(self) -> None:
        """Let go of the kernel; clients are left as they are."""
        self._kernel.journal.watchers.discard(self._on_records)
        self._kernel.tap(None)
        self._lines.close()
        self._prompts.clear()
        for work in self._working:
            work.cancel()

    # What becomes of the kernel: see ``bridge.fates.Audience``.

    def meet(self) -> None:
        """Let requests through if a process is ready."""
        if self._kernel.speaker is not None:
            self._lines.open()

    def part(self) -> None:
        """The process has ended: what is asked now waits for the next."""
        self._lines.shut()
        self._prompts.clear()
        self._credit.clear()
        self._control_credit.clear()
        self._subshells.clear()

    def publish(self, msg_type: str, content: object, parent: bytes = _NO_PARENT) -> None:
        """Say something to every client on iopub."""
        self._send_all(IOPUB, self._compose(msg_type, content, parent))

    def tell(self, name: str, event: nanny.Event) -> None:
        """Tell every client of an event: on control, on iopub, and there in words, too."""
        self._send_all(CONTROL, self._compose(name, event))
        self.publish(name, event)
        text = f"[kernelyard] {event.sentence(name)}\n"
        self.publish("stream", {"name": "stderr", "text": text})

    def lose(self, content: object, *, everything: bool) -> None:
        """Answer what no process will answer any more; at the end send everybody away."""
        self._lines.lose(content, everything=everything)
        if everything:
            reason = read_fields(msgspec.json.encode(content)).get("evalue")
            for front in list(self._fronts.values()):
                front.dismiss(KernelEnded(f"{ENDED}: {reason or 'nobody knows why'}"))

    def doubt(self) -> None:
        """Whoever runs the code sees to that."""

    def _on_records(self, records: list[Record]) -> None:
        for record in records:
            if record.kind in nanny.FATES and not record.seq:
                # The kernel is in the middle of what it writes down.
                self._loop.call_soon(self._fates.take_in, record)

    # What the kernel says.

    def on_shell(self, messages: list[Message]) -> None:
        """Pass replies on to those who asked."""
        for message in messages:
            self._credit.settle(message.parent)
            client = self._routes.client_of(message.parts, message.parent)
            if client is None:
                continue
            if message.type == "execute_reply":
                self._prompts.settle(client)
                if self._is_turned_away(client, message):
                    continue
            self._send(client, SHELL, message.parts)
            self._lines.on_reply(client, message.parent, message.type, message.content)

    def on_control(self, messages: list[Message]) -> None:
        """Pass replies on to those who asked."""
        for message in messages:
            self._control_credit.settle(message.parent)
            self._subshells.note(message)
            client = self._routes.client_of(message.parts, message.parent)
            if client is not None:
                self._send(client, CONTROL, message.parts)

    def on_stdin(self, messages: list[Message]) -> None:
        """Pass a prompt on to the client whose code asks."""
        for message in messages:
            client = self._routes.client_of(message.parts, message.parent)
            if client is not None:
                self._send(client, STDIN, message.parts)
                self._prompts.ask(client)

    def on_iopub(self, messages: list[Message]) -> None:
        """Pass on to everybody what the kernel says to everybody."""
        frames: list[bytes] = []
        for message in messages:
            if message.type == "status" and read_state(message.content) == "idle":
                self._credit.settle(message.parent)
            if self._fronts and self._concerns_clients(message):
                frames.append(self._framed(IOPUB, message.parts))
        if frames:
            self._broadcast(b"".join(frames))

    def _concerns_clients(self, message: Message) -> bool:
        """Whether clients are to hear it: not what a process says of itself, which no client asked for."""
        if message.parent:
            return True
        return message.type not in (_WELCOME, "status") and self._kernel.speaker is not None

    def _is_turned_away(self, client: bytes, message: Message) -> bool:
        """Whether the kernel gave up code because other code failed: whoever runs it sends it again,
        or tells how it ended."""
        if read_reply(message.content).status not in ("abort", "aborted"):
            return False
        return self._lines.executes(client, message.parent)

    # What clients say.

    def take(self, front: Front, framed: Framed) -> None:
        """Take in a message of a client. Raises MalformedMessage."""
        header = read_client_header(framed.parts)
        if not header.msg_id or not header.msg_type:
            raise MalformedFrame("its header has no msg_id or no msg_type")
        match framed.channel:
            case "shell" if header.msg_type not in nanny.REQUESTS:
                self._on_request(front, framed.parts, header)
            case "shell" | "control":
                self._on_control_request(front, framed, header)
            case "stdin":
                self._on_input(front, framed.parts, header)
            case _:
                raise MalformedFrame("clients only listen on iopub")

    def _on_request(self, front: Front, parts: Parts, header: ClientHeader) -> None:
        self._routes.note(header.msg_id, front.identity)
        self._lines.take(Request(front.identity, header, parts))
        if self._lines.full:
            self._paused.add(front)
            front.pause()

    def _on_control_request(self, front: Front, framed: Framed, header: ClientHeader) -> None:
        parts, speaker = framed.parts, self._kernel.speaker
        if header.msg_type in nanny.REQUESTS:
            self._ask_nanny(front, framed, header)
        elif header.msg_type == EXECUTE:
            # Some kernels would run it there, and nothing of that would be in the journal.
            content = nanny.error(REFUSED, "Code is run on the shell channel only.")
            self._send(
                front.identity, CONTROL, self._compose("execute_reply", content, parts.header)
            )
        elif speaker is not None and not self._control_credit.used_up:
            self._routes.note(header.msg_id, front.identity)
            self._control_credit.spend(header.msg_id, _size(parts))
            speaker.send_control(_routed(parts, front.identity))
        elif header.reply_type is not None:
            why = "not running at the moment" if speaker is None else "not answering"
            content = nanny.error("KernelNotRunning", f"The kernel is {why}.")
            reply = self._compose(header.reply_type, content, parts.header)
            self._send(front.identity, framed.channel, reply)

    def _on_input(self, front: Front, parts: Parts, header: ClientHeader) -> None:
        speaker = self._kernel.speaker
        if speaker is not None and self._prompts.asks(front.identity):
            self._prompts.settle(front.identity)
            if header.msg_type == "input_reply":
                speaker.send_stdin(_routed(parts, front.identity))

    def _ask_nanny(self, front: Front, framed: Framed, header: ClientHeader) -> None:
        if len(self._working) >= MOST_QUESTIONS:
            raise MalformedFrame("there are too many requests at a time")

        async def answer() -> None:
            content = await self._nanny.answer(header, framed.parts.content, by=front.author)
            reply = f"{header.msg_type.removesuffix('_request')}_reply"
            made = self._compose(reply, content, framed.parts.header)
            self._send(front.identity, framed.channel, made)

        self._work(answer())

    # What is run.

    def _send_shell(self, parts: Parts) -> bool:
        """Pass a request on to the kernel, or code to be run in its turn."""
        speaker = self._kernel.speaker
        if speaker is None or self._credit.used_up:
            return False
        header = read_client_header(parts)
        if header.msg_type == EXECUTE and header.subshell_id not in self._subshells:
            return self._run(parts, header)
        self._credit.spend(header.msg_id, _size(parts))
        speaker.send_shell(parts)
        return True

    def _run(self, parts: Parts, header: ClientHeader) -> bool:
        client = parts.identities[0]
        front = self._fronts.get(client)
        code, content = read_execution(parts.content)
        if 0 < self._most_code < len(code):
            raise MalformedMessage(
                f"its code has more than {self._most_code} characters. Put data into files and read "
                "them from the code"
            )

        def ended(end: TaskEnd, replied: bool) -> None:
            if not replied or self._lines.executes(client, header.msg_id):
                # The runner is in the middle of what it does.
                self._loop.call_soon(self._lines.give_up, client, header.msg_id, told(end))

        try:
            self._kernel.run(
                ClientRun(
                    task_id=str(uuid4()),
                    seq=0,
                    code=code,
                    output_limit_bytes=self._most_output,
                    msg_id=header.msg_id,
                    request=msgspec.structs.replace(parts, content=content),
                    author=front.author if front is not None else _author(client),
                    at=wall_clock(),
                    on_end=ended,
                )
            )
        except KernelEnded:
            return False
        return True

    def _answer_instead(self, request: Request, content: object) -> None:
        """Answer a request that no kernel will answer, with the sounds that a kernel makes."""
        parent = request.parts.header
        self.publish("status", {"execution_state": "busy"}, parent)
        if request.header.msg_type == EXECUTE and isinstance(content, dict) and "ename" in content:
            line = f"{content['ename']}: {content['evalue']}"
            told = {"ename": content["ename"], "evalue": content["evalue"], "traceback": [line]}
            self.publish("error", told, parent)
        self.publish("status", {"execution_state": "idle"}, parent)
        if (reply := request.header.reply_type) is not None:
            self._send(request.client, SHELL, self._compose(reply, content, parent))

    def _resume(self) -> None:
        paused, self._paused = self._paused, set()
        for front in paused:
            front.resume()

    def _unblock(self) -> None:
        """Interrupt code that waits for the input of somebody who has gone."""

        async def interrupt() -> None:
            try:
                await self._kernel.interrupt(GONE)
            except YardError as problem:
                self._log.warning("relay.not_interrupted", problem=problem.message)

        self._work(interrupt())

    def _work(self, doing: Coroutine[object, object, None]) -> None:
        work = asyncio.create_task(doing)
        self._working.add(work)
        work.add_done_callback(self._working.discard)

    # How it is said.

    def _compose(self, msg_type: str, content: object, parent: bytes = _NO_PARENT) -> Parts:
        return self._composer.compose(msg_type, content, date=_now(), parent=parent)

    def _framed(self, channel: str, parts: Parts) -> bytes:
        return framed(self._composer, channel, parts)

    def _send(self, client: bytes, channel: str, parts: Parts) -> None:
        if (front := self._fronts.get(client)) is not None:
            front.send(self._framed(channel, parts))

    def _send_all(self, channel: str, parts: Parts) -> None:
        if self._fronts:
            self._broadcast(self._framed(channel, parts))

    def _broadcast(self, frames: bytes) -> None:
        for front in list(self._fronts.values()):
            front.send(frames)


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _author(client: bytes) -> str:
    """The author that is part of a client's identity."""
    return client.partition(b"\0")[0].decode(errors="replace")


def _size(parts: Parts) -> int:
    return len(parts.content) + sum(map(len, parts.buffers))


def _routed(parts: Parts, client: bytes) -> Parts:
    return msgspec.structs.replace(parts, identities=(client,))
