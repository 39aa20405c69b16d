"""One connection to a spawner: questions and answers, and what it tells of the ends of processes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from kernelyard.agent.spawner.zygotes import NoZygote, ZygoteReport

_LENGTH = struct.Struct("<I")
_CREDENTIALS = struct.Struct("iII")
LARGEST_FRAME = 1024 * 1024
"""Of what the spawner says; what it is asked may be longer."""
HELLO_SECONDS = 20.0


class LineLost(Exception):
    """The spawner has ended, or was killed."""


class End(msgspec.Struct, frozen=True):
    """How a process ended, as its parent says."""

    pid: int = msgspec.field(name="exit")
    start_time: int | None = None
    code: int | None = None
    signal: int | None = None
    at: int | None = None


Told = asyncio.Future[End | None]
"""Done when the end of a process is told; with None if nobody will tell any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A process that was started."""

    pid: int
    start_time: int | None
    told: Told
    """Its end; it may have been told already when the answer is read."""


class _Said(msgspec.Struct, frozen=True):
    """Anything that a spawner says."""

    spawner: int | None = None
    children: list[tuple[int, int | None]] = []
    zygotes: list[ZygoteReport] = []
    zygote: ZygoteReport | None = None
    no_zygote: str | None = None
    blame: bool = False
    id: int | None = None
    pid: int | None = None
    start_time: int | None = None
    errno: int | None = None
    problem: str = ""
    exit: int | None = None
    code: int | None = None
    signal: int | None = None
    at: int | None = None


_decoder = msgspec.json.Decoder(_Said)
_ends = msgspec.json.Decoder(End)


async def connect(
    place: Path,
    seconds: float = HELLO_SECONDS,
    on_zygote: Callable[[ZygoteReport], None] = lambda _: None,
) -> Line:
    """Connect to a spawner that listens. Raises LineLost if it does not say hello, OSError."""
    reader, writer = await asyncio.open_unix_connection(str(place))
    line = Line(reader, writer, on_zygote)
    try:
        async with asyncio.timeout(seconds):
            await line.greeted()
    except TimeoutError as error:
        line.close()
        raise LineLost from error
    except BaseException:
        line.close()
        raise
    return line


def frame(request: dict[str, object]) -> bytes:
    """Return what is sent for a request."""
    # Text that is no UTF-8 travels as lone surrogates, which only this encoder lets pass.
    data = json.dumps(request).encode()
    return _LENGTH.pack(len(data)) + data


def read_end(file: Path) -> End | None:
    """Return the end that a spawner has left in a file; None if there is none to be read."""
    try:
        return _ends.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


class Line:
    """Made by ``connect``."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_zygote: Callable[[ZygoteReport], None],
    ) -> None:
        self.lost = False
        self._on_zygote = on_zygote
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._hello: asyncio.Future[None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._ids = count(1)
        self._open: dict[int, asyncio.Future[Answer]] = {}
        self._children: dict[int, Told] = {}
        self._start_times: dict[int, int | None] = {}
        self._reading = asyncio.create_task(self._read(reader), name="spawner")

    async def greeted(self) -> None:
        """Wait for its hello. Raises LineLost."""
        if not _is_own_user(self._writer):
            raise LineLost
        await asyncio.shield(self._hello)

    async def ask(self, job: dict[str, object], verb: str = "spawn") -> Answer:
        """Have a process started: ``spawn``, ``zygote`` or ``fork``.

        Raises OSError as the system tells it, LineLost, and for a fork NoZygote.
        """
        if self.lost:
            raise LineLost
        number = next(self._ids)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._open[number] = answer
        self._send({"id": number, verb: job})
        return await answer

    def end_zygote(self, name: str) -> None:
        """Have a zygote killed, ready or not."""
        if not self.lost:
            self._send({"end_zygote": name})

    def think_ahead(self, job: dict[str, object]) -> None:
        """Have a zygote fork a kernel ahead."""
        if not self.lost:
            self._send({"think_ahead": job})

    def forget_ahead(self, name: str) -> None:
        """Have the kernel ended that a zygote has forked ahead."""
        if not self.lost:
            self._send({"forget_ahead": name})

    def told_of(self, pid: int, start_time: int) -> Told | None:
        """Where the end of a child will be told; None if it is no child of the spawner."""
        known = self._start_times.get(pid)
        return self._children.get(pid) if known is None or known == start_time else None

    def end(self) -> None:
        """Tell the spawner that nobody needs it once its children have ended."""
        if not self.lost:
            self._send({"end": True})

    async def until_lost(self, seconds: float) -> bool:
        """Wait until the spawner has ended; False if it has not after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._reading.cancel()
        self._lose()
        self._writer.close()

    def _send(self, request: dict[str, object]) -> None:
        self._writer.write(frame(request))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                if length > LARGEST_FRAME:
                    return
                self._take_in(_decoder.decode(await reader.readexactly(length)))
        except (OSError, asyncio.IncompleteReadError, msgspec.DecodeError):
            return
        finally:
            self._lose()

    def _take_in(self, said: _Said) -> None:
        if said.spawner is not None:
            for pid, start_time in said.children:
                self._expect(pid, start_time)
            for zygote in said.zygotes:
                self._on_zygote(zygote)
            if not self._hello.done():
                self._hello.set_result(None)
        elif said.zygote is not None:
            self._on_zygote(said.zygote)
        elif said.exit is not None:
            self._start_times.pop(said.exit, None)
            told = self._children.pop(said.exit, None)
            if told is not None and not told.done():
                told.set_result(End(said.exit, said.start_time, said.code, said.signal, said.at))
        elif said.id is not None and (answer := self._open.pop(said.id, None)) is not None:
            self._answer(said, answer)

    def _answer(self, said: _Said, answer: asyncio.Future[Answer]) -> None:
        told = None if said.pid is None else self._expect(said.pid, said.start_time)
        if answer.done():
            return
        if said.pid is not None and told is not None:
            answer.set_result(Answer(said.pid, said.start_time, told))
        elif said.no_zygote is not None:
            answer.set_exception(NoZygote(said.no_zygote, blame=said.blame))
        else:
            answer.set_exception(OSError(said.errno or 0, said.problem))

    def _expect(self, pid: int, start_time: int | None) -> Told:
        told: Told = self._loop.create_future()
        self._children[pid] = told
        self._start_times[pid] = start_time
        return told

    def _lose(self) -> None:
        self.lost = True
        if not self._hello.done():
            self._hello.set_exception(LineLost())
            self._hello.exception()
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(LineLost())
        for told in self._children.values():
            if not told.done():
                told.set_result(None)
        self._open.clear()
        self._children.clear()
        self._gone.set()


def _is_own_user(writer: asyncio.StreamWriter) -> bool:
    end: socket.socket = writer.get_extra_info("socket")
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.getuid()
