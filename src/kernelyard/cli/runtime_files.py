"""What a server leaves in its data directory while it runs: the lock and ``server.json``."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from kernelyard.cli.complaints import Complaint

LOCK = "server.lock"
RUNTIME = "server.json"
LOG = "server.log"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A running server, as ``server.json`` tells it."""

    url: str
    pid: int
    token_file: str | None
    """Where the administrator's token lies; None if it was given in the environment."""
    started_at: str
    data_dir: str
    version: str


def default_data_dir() -> Path:
    """The data directory where none is named: ``KERNELYARD_DATA_DIR``, else the platform's."""
    import platformdirs

    named = os.environ.get("KERNELYARD_DATA_DIR")
    return Path(named or platformdirs.user_data_dir("kernelyard")).expanduser().resolve()


def read_runtime(data_dir: Path) -> Runtime | None:
    """Return what ``server.json`` tells; None if there is none or it is half written."""
    return runtime_in(data_dir / RUNTIME)


def runtime_in(file: Path) -> Runtime | None:
    """Return what a file of this form tells; None if there is none or it is half written."""
    try:
        return Runtime(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_runtime(data_dir: Path, runtime: Runtime) -> None:
    """Write ``server.json`` at once and whole, for its owner alone."""
    write_private(data_dir / RUNTIME, as_text(runtime))


def as_text(runtime: Runtime) -> str:
    """What stands in the file."""
    return json.dumps(asdict(runtime), indent=1) + "\n"


def remove_runtime(data_dir: Path) -> None:
    """Remove ``server.json``, at the orderly end of the server that wrote it."""
    (data_dir / RUNTIME).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by a file of mode 0600 that holds ``text``, never half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def server_lock(data_dir: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the data directory for one server, or together with others that share it, too.

    Raises Complaint if another holds it otherwise.
    """
    descriptor = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not locked(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, seconds=0.3):
            raise Complaint(_held_sentence(data_dir))
        if not shared:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def lock_holder(data_dir: Path) -> int | None:
    """Return the pid of the server that has the data directory for itself; None if none has."""
    try:
        descriptor = os.open(data_dir / LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        if locked(descriptor, fcntl.LOCK_SH, seconds=0):
            return None
        text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)


def listening_holder(data_dir: Path, *, patience: float) -> int | None:
    """Return the pid of the server, waiting for one that is just starting until it listens.

    A server that does not listen when patience is over is told all the same.
    """
    until = time.monotonic() + patience
    while True:
        pid = lock_holder(data_dir)
        runtime = read_runtime(data_dir)
        listens = pid is not None and runtime is not None and runtime.pid == pid
        if listens or not _held(data_dir) or time.monotonic() >= until:
            return pid
        time.sleep(0.05)


def _held(data_dir: Path) -> bool:
    """Whether the lock is held, even by a server that has not written its pid yet."""
    try:
        descriptor = os.open(data_dir / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        return not locked(descriptor, fcntl.LOCK_SH, seconds=0)
    finally:
        os.close(descriptor)


def locked(descriptor: int, how: int, *, seconds: float) -> bool:
    """Try to lock, for a moment: somebody may only be looking whether it is locked."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        else:
            return True


def _held_sentence(data_dir: Path) -> str:
    runtime = read_runtime(data_dir)
    pid = lock_holder(data_dir)
    if pid is None and runtime is not None:
        pid = runtime.pid
    about = f"pid {pid}" if pid else "starting"
    if runtime is not None and runtime.pid == pid:
        about += f", {runtime.url}"
    return (
        f"another server ({about}) already uses {data_dir}: stop it with "
        f"'kernelyard stop --data-dir {data_dir}' or choose another --data-dir"
    )
