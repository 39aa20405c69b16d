"""A server for whoever has none: found if one runs, else started in the background."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.fellow_servers import server_of
from kernelyard.cli.runtime_files import LOG, Runtime

_START_SECONDS = 60.0
_TICK = 0.05


def ensure_server(data_dir: Path) -> tuple[Runtime, bool]:
    """Return the server of ``data_dir`` and whether it was started just now.

    It is detached and goes on when we end. It listens on a free port, which ``server.json`` tells.
    """
    runtime = server_of(data_dir)
    if runtime is not None:
        return runtime, False
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / LOG).touch(mode=0o600)
    with (data_dir / LOG).open("ab") as log:
        from_byte = log.tell()
        child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kernelyard.cli",
                "serve",
                "--data-dir",
                str(data_dir),
                "--port=0",
            ],
            stdin=subprocess.DEVNULL,
            # A fresh token is told on standard output, and a log must not have it.
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    return _when_listening(child, data_dir, from_byte), True


def _when_listening(child: subprocess.Popen[bytes], data_dir: Path, from_byte: int) -> Runtime:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        runtime = server_of(data_dir)
        if runtime is not None:
            # From here on it is nobody's child; Popen must not complain that it still runs.
            child.returncode = 0
            return runtime
        if child.poll() is not None:
            raise Complaint(f"the server did not start: {_last_words(data_dir, from_byte)}")
        time.sleep(_TICK)
    child.terminate()
    child.wait()
    raise Complaint(
        f"the server did not listen within {_START_SECONDS:.0f} s: see {data_dir / LOG}"
    )


def _last_words(data_dir: Path, from_byte: int) -> str:
    try:
        with (data_dir / LOG).open("rb") as log:
            log.seek(from_byte)
            lines = log.read(64 * 1024).decode(errors="replace").splitlines()
    except OSError:
        lines = []
    said = [line for line in lines if line.strip()]
    return said[-1].removeprefix("error: ") if said else f"see {data_dir / LOG}"
