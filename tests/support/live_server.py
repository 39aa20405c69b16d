"""A real server with its agent and kernels, as a process of its own, for journeys.

Everything it starts lives under one data directory, and is ended by process id, never by name.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from kernelyard import Client

from tests.support.groups import remove_groups

START_SECONDS = 40.0
_LOOK_SECONDS = 0.02


class LiveServer:
    """``kernelyard serve`` on a free port. Use as a context manager."""

    def __init__(self, data_dir: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self._flags = flags
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("KERNELYARD_")}
        self._env |= env or {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        return str(self.runtime()["url"])

    @property
    def token(self) -> str:
        return (self.data_dir / "admin-token").read_text().strip()

    @property
    def log(self) -> str:
        return (self.data_dir.parent / "server-output.txt").read_text()

    def runtime(self) -> dict[str, object]:
        """The server's runtime file."""
        found = json.loads((self.data_dir / "server.json").read_text())
        assert isinstance(found, dict)
        return found

    def client(self) -> Client:
        """A client with the administrator's token."""
        return Client(url=self.url, token=self.token)

    def start(self) -> Self:
        """Start it (again) and wait until it listens."""
        (self.data_dir / "server.json").unlink(missing_ok=True)
        with (self.data_dir.parent / "server-output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kernelyard.cli", "serve", "--port", "0"),
                    *("--data-dir", str(self.data_dir), *self._flags),
                ],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until(self._listens, START_SECONDS, lambda: self.log)
        return self

    def kill(self) -> None:
        """``kill -9``."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended."""
        self._end(signal.SIGTERM)

    def agent_pid(self) -> int:
        """The agent's process id, waited for where one is just beginning."""
        told = self.data_dir / "agent" / "agent.json"
        wait_until(told.exists)
        return int(json.loads(told.read_text())["pid"])

    def kernel_pid(self, kernel_id: str) -> int:
        """The process id of a kernel."""
        record = self.data_dir / "agent" / "kernels" / kernel_id / "process.json"
        return int(json.loads(record.read_text())["pid"])

    def cli(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI against this server."""
        env = self._env | {"KERNELYARD_URL": self.url, "KERNELYARD_TOKEN": self.token}
        return subprocess.run(
            [sys.executable, "-m", "kernelyard.cli", *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,  # type: ignore[call-overload]
        )

    def close(self) -> None:
        """End server, agent and kernels, and see that nothing is left."""
        subprocess.run(
            [
                *(sys.executable, "-m", "kernelyard.cli", "stop", "--all"),
                *("--data-dir", str(self.data_dir)),
            ],
            env=self._env,
            capture_output=True,
            timeout=60,
            check=False,
        )
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGKILL)
        left = processes_of(self.data_dir)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: remove_groups(self.data_dir))
        assert not left, f"left behind: {left}"

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended at once:\n{self.log}")
        return (self.data_dir / "server.json").exists()

    def _end(self, signum: int) -> None:
        assert self._process is not None
        self._process.send_signal(signum)
        self._process.wait(timeout=30)


def processes_of(data_dir: Path) -> list[int]:
    """Living processes whose command line or work directory is under ``data_dir``."""
    return [pid for pid in _pids() if _belongs(pid, str(data_dir))]


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _belongs(pid: int, place: str) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        work = str(Path(f"/proc/{pid}/cwd").readlink())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z" and pid != os.getpid() and (place in line or work.startswith(place))


def alive(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def wait_until(
    done: Callable[[], object], seconds: float = 20.0, say: Callable[[], str] = str
) -> None:
    """Wait until ``done()`` is true; fail with what ``say()`` tells after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {seconds} s\n{say()}")
        time.sleep(_LOOK_SECONDS)
