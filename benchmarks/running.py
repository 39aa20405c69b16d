"""A server of our own for one run of the benchmarks, in a data directory that is thrown away."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KERNEL = "bench"
"""Name of the kernel that all sides start: the same program of the same interpreter."""
TOKEN = "t" * 40
START_SECONDS = 60.0
STOP_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, and where its parts are."""

    url: str
    token: str
    data_dir: Path
    pid: int

    @property
    def agent_pid(self) -> int | None:
        """The agent's process; None if none was needed yet."""
        try:
            told = json.loads((self.data_dir / "agent" / "agent.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return int(told["pid"])


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for everything that a run writes, IPython's history of both sides included."""
    with tempfile.TemporaryDirectory(
        prefix="kernelyard-bench-", ignore_cleanup_errors=True
    ) as name:
        home = Path(name)
        spec = home / "jupyter" / "kernels" / KERNEL / "kernel.json"
        spec.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        told = {"argv": argv, "display_name": "Python of the benchmarks", "language": "python"}
        spec.write_text(json.dumps(told), "utf-8")
        yield home


def environment(home: Path) -> dict[str, str]:
    """What servers, peers and straight kernels are started with: the same for all."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KERNELYARD_")}
    kept.pop("JPY_PARENT_PID", None)
    return kept | {
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_PATH": str(home / "jupyter"),
        "PYTHONUTF8": "1",
    }


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_command(data_dir: Path, port: int = 0) -> list[str]:
    """Return how our server is started, all else as it comes."""
    return [
        *(sys.executable, "-m", "kernelyard.cli", "serve", "--port", str(port)),
        *("--data-dir", str(data_dir), "--stop-kernels-on-exit", "--log-level", "warning"),
    ]


@contextmanager
def server(
    home: Path, name: str = "data", settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run ``kernelyard serve``; at the end server, agent and kernels are stopped.

    ``settings`` are variables of its environment.
    """
    data_dir = home / name
    env = environment(home) | {"KERNELYARD_ADMIN_TOKEN": TOKEN, **(settings or {})}
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(server_command(data_dir), env=env, stdout=log, stderr=log)
    try:
        url = _await_url(process, data_dir / "server.json", home / "server.log")
        yield Server(url.rstrip("/"), TOKEN, data_dir, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_the_rest(data_dir)


def end_the_rest(data_dir: Path) -> None:
    """See that no agent is left, which would lose its directory and leave its kernels behind."""
    subprocess.run(
        [sys.executable, "-m", "kernelyard.cli", "stop", "--all", "--data-dir", str(data_dir)],
        capture_output=True,
        timeout=STOP_SECONDS,
        check=False,
    )


def _await_url(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended at once:\n{log.read_text('utf-8')}")
        if runtime.exists():
            return str(json.loads(runtime.read_text("utf-8"))["url"])
        time.sleep(0.02)
    raise RuntimeError(f"the server did not listen in {START_SECONDS:g} s")
