"""The machine and the versions that figures belong to."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

OURS = ("kernelyard", "uvicorn", "websockets", "httpx")
KERNELS = ("ipykernel", "ipython", "pyzmq", "tornado", "numpy", "pandas", "matplotlib")
CLIENTS = ("jupyter_client", "websockets", "httpx")
PEERS = ("jupyter_kernel_gateway", "jupyter_server", "jupyter_client", "pyzmq", "tornado")
ROOT = Path(__file__).parents[1]
ASK = "import json, sys; from importlib.metadata import version; print(json.dumps([version(n) for n in sys.argv[1:]]))"


def machine() -> list[str]:
    """Return lines that tell what everything ran on."""
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"{os.cpu_count()} processors ({_processor()}), {memory:.0f} GiB of memory",
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    ]


def versions(gateway_python: str | None) -> list[str]:
    """Return lines that tell who took part, in which versions."""
    lines = [
        f"ours: {_listed(OURS)}, commit {commit()}",
        f"kernels of all sides: {_listed(KERNELS)}",
        f"clients: {_listed(CLIENTS)}",
    ]
    if gateway_python is not None:
        lines.append(f"kernel gateway: {_asked(gateway_python)}")
    return lines


def commit() -> str:
    """Return what is checked out, and whether it has been changed since."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    paths = [line[3:] for line in changed.splitlines()]
    return f"{name} with changes" if set(paths) - {"benchmarks/RESULTS.md"} else name


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.rstrip()


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {version(name)}" for name in names)


def _asked(python: str) -> str:
    done = subprocess.run([python, "-c", ASK, *PEERS], capture_output=True, text=True, check=True)
    return ", ".join(
        f"{name} {told}" for name, told in zip(PEERS, json.loads(done.stdout), strict=True)
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
