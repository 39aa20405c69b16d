"""Which process listens at an address of this machine: known on Linux, for processes of the same user."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kernelyard.agent.foreign.reaching import is_local
from kernelyard.wire.connections import Connection

_PROC = Path("/proc")
_LISTENING = "0A"


def listener_of(connection: Connection) -> int | None:
    """Return the process that holds the kernel's control socket; None unless there is just one.

    Reads much of the process table: call it in a thread.
    """
    if not is_local(connection):
        return None
    inodes = set(_inodes(connection))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    holders = [pid for pid in _own_processes() if _holds(pid, wanted)]
    return holders[0] if len(holders) == 1 else None


def can_be_known(connection: Connection) -> bool:
    """Whether the system tells here who listens at an address."""
    return is_local(connection) and (_PROC / "net" / "unix").exists()


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
