"""The agent's end of the line to the spawner: it is found or started, asked, and started anew if killed."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from kernelyard.agent.logs import Log
from kernelyard.agent.places import spawner_path
from kernelyard.agent.spawner.line import Line, LineLost, Told, connect, frame
from kernelyard.agent.spawner.zygotes import (
    FORK_SECONDS,
    AheadJob,
    Hold,
    Job,
    NoZygote,
    ZygoteJob,
    ZygoteReport,
    with_padding,
)
from kernelyard.model.errors import AgentUnavailable

__all__ = [
    "AheadJob",
    "Hold",
    "Job",
    "NoZygote",
    "Spawned",
    "Spawner",
    "ZygoteJob",
    "ZygoteReport",
    "end_spawner",
]

PROGRAM = Path(__file__).with_name("program.py")
END_SECONDS = 5.0
REAP_SECONDS = 0.5
"""For one that was killed; one that has only hung up goes on with its children."""
FOUND_SECONDS = 5.0
"""For one that is there to say hello; one that is stopped is left to itself."""
_BACKLOG = 16
_OWN = "KERNELYARD_"


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process that was started."""

    pid: int
    start_time: int | None
    """None where the system has no table of processes to read it from."""
    told: Told


class Spawner:
    """Starts processes that outlive us, and is told how they end, by a process that outlives us, too."""

    def __init__(self, data_dir: Path, log: Log) -> None:
        self._data_dir = data_dir
        self._log = log
        self._line: Line | None = None
        self._opening = asyncio.Lock()
        self._own: subprocess.Popen[bytes] | None = None
        self._earlier: list[subprocess.Popen[bytes]] = []
        """Those that go on though we have no line to them any more."""
        self.zygotes: dict[str, ZygoteReport] = {}
        """What the spawner has, by name, and what has become of those that it had."""
        self.on_zygote: Callable[[ZygoteReport], None] | None = None
        """Called with each word about a zygote."""

    async def open(self) -> None:
        """Find the spawner that an earlier agent has left, or start one; what fails is tried again."""
        try:
            await self._opened()
        except OSError as error:
            self._log.warning("spawner.not_started", problem=str(error))

    async def spawn(self, job: Job, undo: Callable[[], object]) -> Spawned:
        """Start a process. Raises OSError as the system tells it.

        Should the spawner be killed meanwhile, nobody knows whether there is a process: ``undo`` is
        called, in a thread, to end it, and another spawner is asked.
        """
        try:
            return await self._spawn(job)
        except LineLost:
            self._log.warning("spawner.lost")
            await asyncio.to_thread(undo)
        try:
            return await self._spawn(job)
        except LineLost as error:
            raise OSError("the process that starts kernels was ended twice") from error

    async def start_zygote(self, zygote: ZygoteJob) -> Spawned:
        """Start a zygote; what becomes of it is told by reports. Raises OSError.

        Asked again for one that has not ended, the spawner refuses with ``EEXIST``.
        """
        job = with_padding(zygote.job)
        asked = {
            **_told(job),
            "name": zygote.name,
            "preload": list(zygote.preload),
            "sources": str(zygote.sources),
        }
        try:
            line = await self._opened()
            answer = await line.ask(asked, "zygote")
        except LineLost as error:
            raise OSError("the process that starts zygotes was ended") from error
        return Spawned(answer.pid, answer.start_time, answer.told)

    async def fork(
        self,
        name: str,
        job: Job,
        connection_file: Path,
        undo: Callable[[], object] = lambda: None,
        seconds: float = FORK_SECONDS,
        ahead: str = "",
    ) -> Spawned:
        """Have a zygote fork a kernel, or the one become it that was forked ``ahead``. Raises NoZygote, and OSError as the system tells it.

        What was not forked within so many seconds will not be.
        When it raises there is no such process, but where the spawner was killed meanwhile: then nobody
        knows, and ``undo`` is called as for ``spawn``.
        """
        if self._line is None or self._line.lost:
            raise NoZygote("the process that starts kernels had ended")
        asked = {**_told(job), "name": name, "connection_file": str(connection_file)}
        asked |= {"seconds": seconds, "ahead": ahead}
        try:
            answer = await self._line.ask(asked, "fork")
        except LineLost as error:
            self._log.warning("spawner.lost")
            await asyncio.to_thread(undo)
            raise NoZygote("the process that starts kernels ended meanwhile") from error
        return Spawned(answer.pid, answer.start_time, answer.told)

    async def end_zygote(self, name: str) -> None:
        """Have a zygote killed, ready or not; that it has ended is told by a report."""
        if self._line is not None:
            self._line.end_zygote(name)

    def think_ahead(self, job: AheadJob) -> None:
        """Have a zygote fork a kernel before it is known which; a report tells when it is ready.

        It belongs to this line: it ends when that is lost.
        """
        if self._line is not None:
            groups = [str(place) for place in job.groups]
            told: dict[str, object] = {"name": job.zygote, "token": job.token, "groups": groups}
            told |= {"sockets": job.sockets, "log": str(job.log), "lower": job.lower}
            self._line.think_ahead(told)

    def forget_ahead(self, name: str) -> None:
        """Have the kernel ended that a zygote has forked ahead; a report tells when there is none."""
        if self._line is not None:
            self._line.forget_ahead(name)

    def told_of(self, pid: int, start_time: int) -> Told | None:
        """Where the end of a process will be told; None if it is no child of the spawner."""
        return None if self._line is None else self._line.told_of(pid, start_time)

    async def close(self, *, end: bool) -> None:
        """Let go of the spawner; ``end`` it, if it has no child, and see that it is gone."""
        if self._line is not None:
            if end and not self._line.lost:
                self._line.end()
                await self._line.until_lost(END_SECONDS)
            self._line.close()
        await self._reap(END_SECONDS if end else 0)
        for one in self._earlier:
            # It outlives us: its zombie is not ours, and Popen must not complain that it runs.
            one.returncode = one.poll() or 0

    async def _spawn(self, job: Job) -> Spawned:
        line = await self._opened()
        answer = await line.ask(_told(job))
        return Spawned(answer.pid, answer.start_time, answer.told)

    async def _opened(self) -> Line:
        async with self._opening:
            if self._line is None or self._line.lost:
                if self._line is not None:
                    self._line.close()
                self._lose_zygotes()
                self._line = await self._found() or await self._started()
            return self._line

    def _heard(self, report: ZygoteReport) -> None:
        self.zygotes[report.name] = report
        if self.on_zygote is not None:
            self.on_zygote(report)

    def _lose_zygotes(self) -> None:
        """They end when the spawner does."""
        for one in list(self.zygotes.values()):
            if one.state != "ended":
                self._heard(replace(one, state="ended", reason="the spawner ended"))

    async def _found(self) -> Line | None:
        try:
            return await connect(spawner_path(self._data_dir), FOUND_SECONDS, on_zygote=self._heard)
        except (OSError, LineLost):
            return None

    async def _started(self) -> Line:
        await self._reap(REAP_SECONDS)
        place = spawner_path(self._data_dir)
        listener = _listen(place)
        try:
            self._own = _run(listener, self._data_dir)
        finally:
            listener.close()
        self._log.info("spawner.started", pid=self._own.pid)
        try:
            return await connect(place, on_zygote=self._heard)
        except LineLost as error:
            raise OSError("the process that starts kernels ended at once") from error

    async def _reap(self, seconds: float) -> None:
        """Take leave of the last spawner that we have started, so that it is no zombie."""
        if self._own is not None and self._line is not None and self._line.lost:
            try:
                await asyncio.to_thread(self._own.wait, seconds)
            except subprocess.TimeoutExpired:
                self._earlier.append(self._own)
            self._own = None
        self._earlier = [one for one in self._earlier if one.poll() is None]


def _told(job: Job) -> dict[str, object]:
    return {
        "argv": list(job.argv),
        "env": dict(job.env),
        "cwd": str(job.cwd),
        "log": str(job.log),
        "exit_file": str(job.exit_file),
        "groups": [str(place) for place in job.hold.groups],
        "limits": job.hold.limits,
    }


def end_spawner(data_dir: Path) -> bool:
    """End the spawner of a data directory without an agent; return whether there was one.

    Kernels that it still has, though nobody knows of them, are killed. Blocks for a moment.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(END_SECONDS)
        try:
            end.connect(str(spawner_path(data_dir, make=False)))
            end.sendall(frame({"end": True, "kill": True}))
            while end.recv(4096):
                pass
        except (OSError, AgentUnavailable):
            return False
    return True


def _run(listener: socket.socket, data_dir: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Its command line names the data directory, for people who look who runs.
        [sys.executable, "-I", "-S", str(PROGRAM), str(data_dir)],
        stdin=listener.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={key: value for key, value in os.environ.items() if not key.startswith(_OWN)},
        cwd="/",
        start_new_session=True,
    )


def _listen(place: Path) -> socket.socket:
    place.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(place))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
