"""Which process listens at an address of this machine: known on Linux, for processes of the same user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kernelyard.agent.foreign.reaching import is_local
from kernelyard.wire.connections import Connection

_PROC = Path("/proc")
_LISTENING = "0A"


def listeners_of(connection: Connection) -> set[int]:
    """Return the processes that hold the kernel's control socket: it, and what it has forked.

    Reads much of the process table: call it in a thread.
    """
    if not is_local(connection):
        return set()
    wanted = {f"socket:[{inode}]" for inode in _inodes(connection)}
    if not wanted:
        return set()
    return {pid for pid in _own_processes() if _holds(pid, wanted)}


def eldest(pids: set[int]) -> int | None:
    """Return the process that all others descend from; None if there is no such one."""
    lines = [_ancestry(pid) for pid in pids]
    common = [pid for pid in pids if all(pid in line for line in lines)]
    return common[0] if len(common) == 1 else None


def can_be_known(connection: Connection) -> bool:
    """Whether the system tells here who listens at an address."""
    return is_local(connection) and (_PROC / "net" / "unix").exists()


def _ancestry(pid: int) -> set[int]:
    """A process and all that it descends from."""
    line: set[int] = set()
    while pid > 0 and pid not in line:
        line.add(pid)
        pid = _parent(pid)
    return line


def _parent(pid: int) -> int:
    try:
        # A process may have any name, brackets and blanks included.
        return int((_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _inodes(connection: Connection) -> Iterator[str]:
    port = connection.control_port
    if connection.transport == "ipc":
        path = f"{connection.ip}-{port}"
        for line in _lines(_PROC / "net" / "unix"):
            fields = line.split(maxsplit=7)
            if len(fields) == 8 and fields[7] == path:
                yield fields[6]
        return
    for table in ("tcp", "tcp6"):
        for line in _lines(_PROC / "net" / table):
            fields = line.split()
            listens = len(fields) > 9 and fields[3] == _LISTENING
            if listens and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:
        return []


def _own_processes() -> Iterator[int]:
    own = os.getuid()
    try:
        entries = list(os.scandir(_PROC))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.name.isdigit() and entry.stat().st_uid == own:
                yield int(entry.name)
        except OSError:
            continue


def _holds(pid: int, wanted: set[str]) -> bool:
    try:
        with os.scandir(_PROC / str(pid) / "fd") as entries:
            return any(_target(entry.path) in wanted for entry in entries)
    except OSError:
        return False


def _target(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
