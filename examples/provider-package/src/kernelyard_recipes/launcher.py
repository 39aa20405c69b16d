"""The launcher: one kernel, as a process with a lower priority.

A process of this machine needs no launcher: a plan with a command line is enough, and gets the agent's
own. This one stands for whatever your kernels run in: a container, a batch job, another machine. Its
methods may block; ``InThreads`` makes it what the agent wants.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.providers.blocking import BlockingLauncher
from kernelyard.providers.inherited import inherited_environment
from kernelyard.providers.launcher import LaunchFailed, LaunchRequest, Resources
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire.connections import Connection, parse_connection

LOOK_SECONDS = 0.05
SOCKETS = ("shell", "iopub", "stdin", "control", "hb")


class NiceLauncher(BlockingLauncher):
    """Starts an ipykernel under ``nice``, and finds out by itself where it listens."""

    def __init__(
        self, argv: Sequence[str], env: Mapping[str, str], niceness: int, request: LaunchRequest
    ) -> None:
        # Nothing happens here: a launcher is made without doing anything.
        self._argv = ["nice", "-n", str(niceness), *argv]
        self._env = env
        self._request = request
        self._file = request.connection_file
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._start_time: int | None = None

    @classmethod
    def find_again(cls, record: JsonObject) -> NiceLauncher | None:
        """The launcher of a kernel that an earlier agent launched; None if that has ended."""
        pid, started, file = (record.get(key) for key in ("pid", "start_time", "file"))
        if not (isinstance(pid, int) and isinstance(started, int) and isinstance(file, str)):
            return None
        launcher = cls([], {}, 0, LaunchRequest(kernel_id="", connection_file=Path(file)))
        launcher._pid, launcher._start_time = pid, started
        return launcher if launcher._lives() else None

    def start(self) -> None:
        """Start the process; its kernel will choose ports and write them into the file."""
        content: dict[str, object] = {f"{socket}_port": 0 for socket in SOCKETS}
        content |= {"transport": "tcp", "ip": "127.0.0.1"}
        content |= {"key": secrets.token_hex(32), "signature_scheme": "hmac-sha256"}
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)
        argv = [part.replace("{connection_file}", str(self._file)) for part in self._argv]
        with self._request.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=self._request.work_dir,
                env={**inherited_environment(), **self._env, **self._request.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid = self._process.pid
        self._start_time = start_time_of(self._pid)

    def connection_info(self) -> Connection:
        """Wait until the kernel has written its ports."""
        while self.poll() is None:
            try:
                connection = parse_connection(self._file.read_bytes())
            except (OSError, ValueError):
                connection = None  # it is just being written
            if connection is not None and all(connection.ports):
                return connection
            time.sleep(LOOK_SECONDS)
        raise LaunchFailed("It ended before it listened.")

    @property
    def resources(self) -> Resources:
        return Resources(pid=self._pid, start_time=self._start_time)

    def poll(self) -> ExitResult | None:
        if self._process is not None:
            code = self._process.poll()
            return None if code is None else _ended(code)
        return None if self._lives() else _ended(None)

    def wait(self) -> ExitResult | None:
        if self._process is not None:
            return _ended(self._process.wait())
        while self._lives():
            time.sleep(LOOK_SECONDS)
        return _ended(None)

    def signal(self, signum: int) -> bool:
        if self._pid is None or self.poll() is not None:
            return False
        try:
            os.killpg(self._pid, signum)
        except ProcessLookupError:
            return False
        return True

    def interrupt(self) -> InterruptOutcome:
        sent = self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def cleanup(self) -> None:
        self._file.unlink(missing_ok=True)

    def record(self) -> JsonObject:
        return {"pid": self._pid, "start_time": self._start_time, "file": str(self._file)}

    def _lives(self) -> bool:
        """Whether it is still the same process, and not another one with its number."""
        return self._pid is not None and start_time_of(self._pid) == self._start_time


def _ended(code: int | None) -> ExitResult:
    """How it ended; nobody can know that of a process that another agent has started."""
    killed = code is not None and code < 0
    return ExitResult(
        code=None if killed else code,
        signal=signal.Signals(-code).name if code is not None and killed else None,
        ended_at=time.time_ns() // 1000,
    )
