"""What clients ask on the shell channel, passed on so that none of them disturbs anybody else.

A kernel that meets an error gives up all that is queued behind it, whoever sent that. So it is told not
to, and each client's requests stand in a line of their own: one execution of it is at the kernel at a
time, and if that fails, what the same client has queued behind it is given up here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from kernelyard.wire import nanny
from kernelyard.wire.messages import read_reply
from kernelyard.wire.multipart import MalformedMessage, Parts
from kernelyard.wire.requests import EXECUTE, ClientHeader, going_on_after_error

MOST_HELD_BYTES = 32 * 1024 * 1024
MOST_HELD = 2000
"""Requests that wait here; whoever sends more is not read until there is room."""
MOST_SENT = 2000
"""Requests at the kernel whose replies are waited for; the oldest are forgotten first.

Executions are not among them: forgetting one would hold up its line for ever."""
RETRY_SECONDS = 0.05
ABORTED = {"status": "aborted"}
REFUSED = "RequestRefused"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client."""

    client: bytes
    header: ClientHeader
    parts: Parts
    stops_on_error: bool = False

    @property
    def line(self) -> tuple[bytes, str]:
        """Which line it stands in: what is for a subshell does not wait for the main one."""
        return self.client, self.header.subshell_id or ""

    @property
    def size(self) -> int:
        return len(self.parts.content) + sum(map(len, self.parts.buffers))


Answer = Callable[[Request, object], None]


@dataclass(slots=True)
class _Line:
    waiting: deque[Request] = field(default_factory=deque)
    executing: Request | None = None


class Lines:
    """The lines of all clients of one kernel."""

    def __init__(
        self,
        send: Callable[[Parts], bool],
        answer: Answer,
        on_room: Callable[[], None],
        *,
        most_held: int = MOST_HELD,
    ) -> None:
        """``send`` passes on to the kernel, unless it does not read now, and raises MalformedMessage for
        what must not be passed on; ``answer`` answers instead of the kernel; ``on_room`` is called when
        there is room again."""
        self._send = send
        self._answer = answer
        self._on_room = on_room
        self._most_held = most_held
        self._open = False
        self._deaf: set[bytes] = set()
        """Clients that would not hear what comes of a request."""
        self._lines: dict[tuple[bytes, str], _Line] = {}
        self._sent: dict[tuple[bytes, str], Request] = {}
        """What is at the kernel, but for executions, which their lines know."""
        self._held = self._held_bytes = 0
        self._retry: asyncio.TimerHandle | None = None
        self.executions = 0
        """How many were passed on so far."""

    @property
    def executing(self) -> bool:
        """Whether the kernel runs something for a client, or is about to."""
        return any(line.executing for line in self._lines.values())

    @property
    def full(self) -> bool:
        """Whether no more should be taken for now."""
        return self._held > self._most_held or self._held_bytes > MOST_HELD_BYTES

    def open(self) -> None:
        """The kernel takes requests."""
        self._open = True
        self._pump_all()

    def shut(self) -> None:
        """The kernel takes none for a while; they wait."""
        self._open = False

    def hold(self, client: bytes) -> None:
        """Pass on no request of a client for a while."""
        self._deaf.add(client)

    def release(self, client: bytes) -> None:
        """Pass them on."""
        self._deaf.discard(client)
        self._pump_all()

    def take(self, request: Request) -> None:
        """Take a request in."""
        if request.header.msg_type == EXECUTE:
            content, stops = going_on_after_error(request.parts.content)
            parts = msgspec.structs.replace(request.parts, content=content)
            request = replace(request, parts=parts, stops_on_error=stops)
        line = self._lines.setdefault(request.line, _Line())
        line.waiting.append(request)
        self._hold(request, 1)
        self._pump(request.line, line)

    def on_reply(self, client: bytes, parent_id: str, msg_type: str, content: bytes) -> None:
        """The kernel has answered a request."""
        if msg_type != "execute_reply":
            self._sent.pop((client, parent_id), None)
            return
        if (request := self._execution(client, parent_id)) is not None:
            self._executed(request, well=read_reply(content).status == "ok")

    def executes(self, client: bytes, msg_id: str) -> bool:
        """Whether a request is being executed, as far as is known here."""
        return self._execution(client, msg_id) is not None

    def give_up(self, client: bytes, msg_id: str, content: object) -> None:
        """Answer an execution that the kernel will not answer any more, unless it has an answer."""
        if (request := self._execution(client, msg_id)) is not None:
            self._answer(request, content)
            self._executed(request, well=False)

    def doubt(self) -> Callable[[], None]:
        """Something may have made the kernel forget its reply to what it executes now.

        Call what is returned once the kernel has answered to something that was asked after this.
        """
        doubted = self._executions()

        def settle() -> None:
            for request in doubted:
                line = self._lines.get(request.line)
                if line is not None and line.executing is request:
                    self._answer(request, ABORTED)
                    self._executed(request, well=False)

        return settle

    def lose(self, content: object, *, everything: bool) -> None:
        """The kernel's process has ended: answer what it will not answer any more.

        What was not passed on yet waits for the next process, unless ``everything`` is given up.
        """
        lost, self._sent = list(self._sent.values()), {}
        for request in self._executions():
            self._answer(request, content)
            self._executed(request, well=False)
        for request in lost:
            self._answer(request, content)
        if everything:
            for line in self._lines.values():
                for request in self._emptied(line):
                    self._answer(request, content)
            self._lines.clear()

    def close(self) -> None:
        """Pass nothing on any more."""
        self.shut()
        if self._retry is not None:
            self._retry.cancel()

    def _executions(self) -> list[Request]:
        return [line.executing for line in self._lines.values() if line.executing is not None]

    def _execution(self, client: bytes, msg_id: str) -> Request | None:
        for (asker, _), line in self._lines.items():
            request = line.executing
            if asker == client and request is not None and request.header.msg_id == msg_id:
                return request
        return None

    def _executed(self, request: Request, *, well: bool) -> None:
        line = self._lines.get(request.line)
        if line is None or line.executing is not request:
            return
        line.executing = None
        if not well and request.stops_on_error:
            self._abort_waiting(line)
        self._pump(request.line, line)

    def _abort_waiting(self, line: _Line) -> None:
        """An error gives up what the same client has queued behind it."""
        for one in self._emptied(line):
            if one.header.msg_type == EXECUTE:
                self._answer(one, ABORTED)
            else:
                line.waiting.append(one)
                self._hold(one, 1)

    def _emptied(self, line: _Line) -> list[Request]:
        waiting = list(line.waiting)
        line.waiting.clear()
        for one in waiting:
            self._hold(one, -1)
        return waiting

    def _pump_all(self) -> None:
        for name, line in list(self._lines.items()):
            self._pump(name, line)

    def _pump(self, name: tuple[bytes, str], line: _Line) -> None:
        while self._open and line.waiting and line.executing is None:
            request = line.waiting[0]
            if request.client in self._deaf:
                return
            parts = msgspec.structs.replace(request.parts, identities=(request.client,))
            try:
                if not self._send(parts):
                    self._try_soon()
                    return
            except MalformedMessage as problem:
                self._refuse(line, str(problem))
                continue
            line.waiting.popleft()
            self._hold(request, -1)
            self._note_sent(line, request)
        if not line.waiting and line.executing is None:
            self._lines.pop(name, None)

    def _refuse(self, line: _Line, problem: str) -> None:
        """Answer the first of a line, as it is passed on to no kernel."""
        request = line.waiting.popleft()
        self._hold(request, -1)
        self._answer(request, nanny.error(REFUSED, f"It is not passed on: {problem}."))
        if request.stops_on_error:
            self._abort_waiting(line)

    def _note_sent(self, line: _Line, request: Request) -> None:
        if request.header.msg_type == EXECUTE:
            line.executing = request
            self.executions += 1
        elif request.header.reply_type is not None:
            if len(self._sent) >= MOST_SENT:
                del self._sent[next(iter(self._sent))]
            self._sent[request.client, request.header.msg_id] = request

    def _hold(self, request: Request, sign: int) -> None:
        was_full = self.full
        self._held += sign
        self._held_bytes += sign * request.size
        if was_full and not self.full:
            self._on_room()

    def _try_soon(self) -> None:
        def again() -> None:
            self._retry = None
            self._pump_all()

        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, again)
