"""Everything that is tortured: the data directory, server, agent, kernels and the link between them."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.live_server import alive, processes_of, wait_until
from tests.torture import engine
from tests.torture.detour import Detour

ROOT = Path(__file__).resolve().parents[2]
SPACE = 256 * 1024 * 1024
START_SECONDS = 60.0
_SMALL_FILES = 4096


class House:
    """One data directory, on a small disk of its own if we may mount one."""

    def __init__(self, store: dict[str, str], *, mount: bool = True) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="ky-torture-"))
        self.data = self.base / "data"
        self.data.mkdir(mode=0o700)
        self.mounted = mount and _mount(self.data)
        self.output = self.base / "server-output.txt"
        self.detour = Detour(self.base / "detour.sock", self.data / "agent" / "agent.sock")
        self.detour.start()
        engine.install(self.base / "plugins")
        path = [str(self.base / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("KERNELYARD_")}
        self.env |= store | {
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "KERNELYARD_ENGINE": engine.NAME,
            engine.DETOUR: str(self.base / "detour.sock"),
            # IPython's kernels share one database for their history: not ours with the user's.
            "IPYTHONDIR": str(self.base / "ipython"),
        }
        self._server: subprocess.Popen[bytes] | None = None
        self._limited = False

    # The server.

    def start_server(self) -> None:
        """Begin to start it, unless it runs."""
        if self.server_runs:
            return
        (self.data / "server.json").unlink(missing_ok=True)
        with self.output.open("ab") as output:
            self._server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kernelyard.cli", "serve", "--port", "0"),
                    *("--data-dir", str(self.data)),
                ],
                env=self.env,
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def await_server(self) -> None:
        """Wait until it listens; start it anew if it has ended for want of space."""

        def listens() -> bool:
            self.start_server()
            return (self.data / "server.json").exists()

        wait_until(listens, START_SECONDS, lambda: self.output.read_text()[-3000:])

    @property
    def server_runs(self) -> bool:
        return self._server is not None and self._server.poll() is None

    @property
    def server_pid(self) -> int | None:
        return self._server.pid if self._server is not None and self.server_runs else None

    def end_server(self, signum: int) -> None:
        """Send a signal that ends it, and wait for that."""
        if self._server is not None and self.server_runs:
            self._server.send_signal(signum)
            self._server.wait(timeout=40)

    @property
    def url(self) -> str:
        return str(json.loads((self.data / "server.json").read_text())["url"])

    @property
    def token(self) -> str:
        return (self.data / "admin-token").read_text().strip()

    # Agent and kernels.

    def agent_pid(self) -> int | None:
        """The agent's process id, if one lives."""
        try:
            pid = int(json.loads((self.data / "agent" / "agent.json").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None
        return pid if alive(pid) and self._ours(pid) else None

    def spawner_pid(self) -> int | None:
        """The process that has started the kernels, if one lives."""
        for pid in processes_of(self.data):
            with contextlib.suppress(OSError):
                if b"/spawner/program.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return None

    def kernel_pid(self, kernel_id: str) -> int | None:
        """The process id of a kernel, whether it lives or not."""
        try:
            file = self.data / "agent" / "kernels" / kernel_id / "process.json"
            return int(json.loads(file.read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def _ours(self, pid: int) -> bool:
        with contextlib.suppress(OSError):
            return str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    # Space.

    def fill(self) -> None:
        """Leave no space: a file that takes all there is, or a limit on the size of files."""
        if not self.mounted:
            self._limit_files(_SMALL_FILES)
            return
        with (self.data / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 65536):
                pass
        with (self.data / "ballast").open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0"):
                pass

    def free(self) -> None:
        """Give the space back."""
        (self.data / "ballast").unlink(missing_ok=True)
        if self._limited:
            self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, size: int) -> None:
        self._limited = size != resource.RLIM_INFINITY
        pids = [self.server_pid, self.agent_pid()]
        everyone = processes_of(self.data) if size == resource.RLIM_INFINITY else []
        for pid in {pid for pid in [*pids, *everyone] if pid is not None}:
            with contextlib.suppress(ProcessLookupError):
                hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))

    # The end.

    def stop_all(self) -> str:
        """``kernelyard stop --all``; returns what it printed."""
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "kernelyard.cli", "stop", "--all"),
                *("--data-dir", str(self.data)),
            ],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return f"status {ended.returncode}: {ended.stdout}{ended.stderr}"

    def remove(self, *, keep: bool) -> None:
        """End what is left; remove everything unless it is to be looked at."""
        for pid in processes_of(self.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not processes_of(self.data), 20)
        if self._server is not None:
            self._server.wait(20)
        self.detour.close()
        self.free()
        if self.mounted:
            if keep:
                shutil.copytree(
                    self.data,
                    self.base / "kept",
                    ignore=lambda place, names: [n for n in names if (Path(place) / n).is_socket()],
                )
            subprocess.run(["umount", str(self.data)], check=True)
        if not keep:
            shutil.rmtree(self.base)


def _mount(place: Path) -> bool:
    """Mount a small disk if we may."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SPACE},mode=0700", "tmpfs", str(place)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0
