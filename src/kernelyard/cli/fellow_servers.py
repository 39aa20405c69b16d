"""Several servers on one data directory, as a store for several servers allows.

Each keeps a lock of its own in ``servers/``, with its pid, and beside it what it tells of itself.
``server.json`` is a copy of what one of them tells; when that one is gone, another puts its own there.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernelyard.cli.complaints import Complaint
from kernelyard.cli.runtime_files import (
    Runtime,
    as_text,
    listening_holder,
    lock_holder,
    locked,
    read_runtime,
    remove_runtime,
    runtime_in,
    server_lock,
    write_private,
    write_runtime,
)

FOLDER = "servers"
_START_SECONDS = 60.0
_TICK = 0.05


class Alone:
    """This server, which has its data directory for itself."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def enter(self) -> None:
        """Whoever holds the lock is counted."""

    def announce(self, runtime: Runtime) -> None:
        """It listens: tell where."""
        write_runtime(self._data_dir, runtime)

    def look(self) -> None:
        """Nobody else writes ``server.json``."""

    def others(self) -> int:
        """There are none."""
        return 0

    def leave(self) -> None:
        """It does not listen any more."""
        remove_runtime(self._data_dir)


class Fellow:
    """This server among the others of its data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / FOLDER
        self._name = secrets.token_hex(4)
        self._lock = -1
        self._start = -1
        self._runtime: Runtime | None = None

    def enter(self, *, patience: float = _START_SECONDS) -> None:
        """Be counted, and wait until no other is just starting: one of them makes the token."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with _turn(self._folder):
            _sweep(self._folder)
            self._lock = _opened(self._folder / f"{self._name}.lock")
            locked(self._lock, fcntl.LOCK_EX, seconds=1)
            os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self._start = _opened(self._folder / "starting")
        if not locked(self._start, fcntl.LOCK_EX, seconds=patience):
            raise Complaint(
                f"another server of {self._data_dir} has been starting for over "
                f"{patience:.0f} s: look at its log, or end it with 'kernelyard stop "
                f"--data-dir {self._data_dir}'"
            )

    def announce(self, runtime: Runtime) -> None:
        """It listens: tell where, and let the next one start."""
        self._runtime = runtime
        write_private(self._folder / f"{self._name}.json", as_text(runtime))
        self.look()
        self._let_start()

    def look(self) -> None:
        """See to it that ``server.json`` names a server that lives."""
        if self._runtime is None:
            return
        if read_runtime(self._data_dir) in listening_fellows(self._data_dir):
            return
        with _turn(self._folder):
            _sweep(self._folder)
            if read_runtime(self._data_dir) not in listening_fellows(self._data_dir):
                write_runtime(self._data_dir, self._runtime)

    def others(self) -> int:
        """How many others there are."""
        return len(fellows(self._data_dir)) - 1

    def leave(self) -> None:
        """Be counted no more; ``server.json`` names another that listens, or goes."""
        self._let_start()
        if self._lock < 0:
            return
        with _turn(self._folder):
            for suffix in ("json", "lock"):
                (self._folder / f"{self._name}.{suffix}").unlink(missing_ok=True)
            os.close(self._lock)
            others = listening_fellows(self._data_dir)
            if not others:
                remove_runtime(self._data_dir)
            elif read_runtime(self._data_dir) not in others:
                write_runtime(self._data_dir, others[0])
        self._lock = -1

    def _let_start(self) -> None:
        if self._start >= 0:
            os.close(self._start)
            self._start = -1


@contextmanager
def registered(data_dir: Path, *, several: bool) -> Iterator[Alone | Fellow]:
    """Be the server of a data directory, or one of them. Raises Complaint if that cannot be."""
    place = Fellow(data_dir) if several else Alone(data_dir)
    with server_lock(data_dir, shared=several):
        try:
            place.enter()
            yield place
        finally:
            place.leave()


def fellows(data_dir: Path) -> list[int]:
    """Pids of the servers that share the data directory, those that are just starting included."""
    return [pid for _, pid in _living(data_dir / FOLDER)]


def listening_fellows(data_dir: Path) -> list[Runtime]:
    """What those of them tell that listen."""
    told = [runtime_in(lock.with_suffix(".json")) for lock, _ in _living(data_dir / FOLDER)]
    return sorted((one for one in told if one is not None), key=lambda one: one.started_at)


def server_of(data_dir: Path) -> Runtime | None:
    """Return a server of the data directory that lives and listens; None if there is none."""
    told = read_runtime(data_dir)
    others = listening_fellows(data_dir)
    if told is not None and (told.pid == lock_holder(data_dir) or told in others):
        return told
    return others[0] if others else None


def servers_of(data_dir: Path, *, patience: float) -> list[int]:
    """Pids of all servers of the data directory; those that are just starting are waited for.

    One that does not listen when patience is over is told all the same.
    """
    alone = listening_holder(data_dir, patience=patience)
    if alone is not None:
        return [alone]
    until = time.monotonic() + patience
    while True:
        pids = fellows(data_dir)
        if len(listening_fellows(data_dir)) >= len(pids) or time.monotonic() >= until:
            return pids
        time.sleep(_TICK)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Be the only one who changes something, for a moment."""
    descriptor = _opened(folder / "turn")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _living(folder: Path) -> Iterator[tuple[Path, int]]:
    for lock in sorted(folder.glob("*.lock")):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if not locked(descriptor, fcntl.LOCK_SH, seconds=0):
                text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                if text.isdigit():
                    yield lock, int(text)
        finally:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what servers have left that were killed."""
    living = {lock.stem for lock, _ in _living(folder)}
    for path in (*folder.glob("*.lock"), *folder.glob("*.json")):
        if path.stem not in living:
            path.unlink(missing_ok=True)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
