"""The launcher: one kernel, as a process with a lower priority.

A process of this machine needs no launcher: a plan with a command line is enough, and gets the agent's
own. This one stands for whatever your kernels run in: a container, a batch job, another machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.providers.inherited import inherited_environment
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest, Resources
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire.connections import Connection, parse_connection

LOOK_SECONDS = 0.05
SOCKETS = ("shell", "iopub", "stdin", "control", "hb")


class NiceLauncher(Launcher):
    """Starts an ipykernel under ``nice``, and finds out by itself where it listens."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], niceness: int, request: LaunchRequest
    ) -> None:
        # Nothing happens here: a launcher is made without doing anything.
        self._argv = ["nice", "-n", str(niceness), *argv]
        self._env = env
        self._request = request
        self._file = request.connection_file
        self._process: asyncio.subprocess.Process | None = None
        self._pid: int | None = None
        self._start_time: int | None = None
        self._end: ExitResult | None = None

    @classmethod
    def find_again(cls, record: JsonObject) -> NiceLauncher | None:
        """The launcher of a kernel that an earlier agent launched; None if that has ended."""
        pid, started, file = (record.get(key) for key in ("pid", "start_time", "file"))
        if not (isinstance(pid, int) and isinstance(started, int) and isinstance(file, str)):
            return None
        launcher = cls([], {}, 0, LaunchRequest(kernel_id="", connection_file=Path(file)))
        launcher._pid, launcher._start_time = pid, started
        return launcher if launcher._lives() else None

    async def start(self) -> None:
        """Start the process; its kernel will choose ports and write them into the file."""
        content: dict[str, object] = {f"{socket}_port": 0 for socket in SOCKETS}
        content |= {"transport": "tcp", "ip": "127.0.0.1"}
        content |= {"key": secrets.token_hex(32), "signature_scheme": "hmac-sha256"}
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
        argv = [part.replace("{connection_file}", str(self._file)) for part in self._argv]
        with self._request.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=self._request.work_dir,
                env={**inherited_environment(), **self._env, **self._request.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid = self._process.pid
        self._start_time = start_time_of(self._pid)

    async def connection_info(self) -> Connection:
        """Wait until the kernel has written its ports."""
        while True:
            try:
                connection = parse_connection(self._file.read_bytes())
            except (OSError, ValueError):
                connection = None  # it is just being written
            if connection is not None and all(connection.ports):
                return connection
            if await self.poll() is not None:
                raise LaunchFailed("It ended before it listened.")
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def resources(self) -> Resources:
        return Resources(pid=self._pid, start_time=self._start_time)

    async def poll(self) -> ExitResult | None:
        if self._end is None and not self._lives():
            # Nobody can know how a process ended that another agent has started.
            code = await self._process.wait() if self._process is not None else None
            killed = code is not None and code < 0
            self._end = ExitResult(
                code=None if killed else code,
                signal=signal.Signals(-code).name if code is not None and killed else None,
                ended_at=time.time_ns() // 1000,
            )
        return self._end

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (end := await self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                return None
            await asyncio.sleep(LOOK_SECONDS)
        return end

    async def signal(self, signum: int) -> bool:
        if self._pid is None or not self._lives():
            return False
        try:
            os.killpg(self._pid, signum)
        except ProcessLookupError:
            return False
        return True

    async def interrupt(self) -> InterruptOutcome:
        sent = await self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    async def terminate(self) -> None:
        await self.signal(signal.SIGTERM)

    async def kill(self) -> None:
        await self.signal(signal.SIGKILL)

    async def cleanup(self) -> None:
        self._file.unlink(missing_ok=True)

    def record(self) -> JsonObject:
        return {"pid": self._pid, "start_time": self._start_time, "file": str(self._file)}

    def _lives(self) -> bool:
        """Whether it is still the same process, and not another one with its number."""
        return self._pid is not None and start_time_of(self._pid) == self._start_time
