"""What must not be there any more: processes, sockets, locks, temporary files, rows."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from kernelyard.agent.places import runtime_path

from tests.support.live_server import processes_of

_ORPHANS = {
    "tasks": "SELECT count(*) FROM tasks WHERE kernel_no NOT IN (SELECT no FROM kernels)",
    "changes": "SELECT count(*) FROM changes WHERE kernel_no NOT IN (SELECT no FROM kernels)",
    "kernel_labels": "SELECT count(*) FROM kernel_labels WHERE no NOT IN (SELECT no FROM kernels)",
    "task_labels": "SELECT count(*) FROM task_labels WHERE no NOT IN (SELECT no FROM tasks)",
    "outputs": "SELECT count(*) FROM outputs WHERE id / 1099511627776 "
    "NOT IN (SELECT no FROM kernels)",
}


def of_kernels(data_dir: Path, deleted: Sequence[str]) -> list[str]:
    """What is left of deleted kernels on the disk."""
    folder = data_dir / "agent" / "kernels"
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    run = runtime_path(data_dir)
    sockets = {path.name for path in run.iterdir()} if run.is_dir() else set()
    wrong = [f"the directory of deleted kernel {one}" for one in deleted if one in there]
    for one in deleted:
        begin = one.replace("-", "")
        wrong += [f"socket {name} of {one}" for name in sockets if name.startswith(begin)]
    return wrong


def of_everything(data_dir: Path) -> list[str]:
    """What is left of processes after ``stop --all``."""
    wrong = [f"process {pid}: {_command(pid)}" for pid in processes_of(data_dir)]
    wrong += [f"socket {path}" for path in data_dir.rglob("*") if path.is_socket()]
    run = runtime_path(data_dir)
    wrong += [f"socket {path}" for path in (run.iterdir() if run.is_dir() else ())]
    hidden = (path for path in data_dir.rglob(".*") if "work" not in path.parts)
    wrong += [f"temporary file {path}" for path in hidden]
    for lock in (data_dir / "server.lock", data_dir / "agent" / "agent.lock"):
        if lock.exists() and _held(lock):
            wrong.append(f"lock {lock} is held")
    for name in ("server.json", "agent/agent.json"):
        if (data_dir / name).exists():
            wrong.append(f"file {name}")
    return wrong


def of_rows(data_dir: Path, store_url: str | None, deleted: Sequence[str]) -> list[str]:
    """Rows in the store that belong to kernels which were deleted."""
    read = _postgresql(store_url) if store_url else _sqlite(data_dir)
    wrong = [
        f"{count} rows of {table} without a kernel" for table, count in read[1].items() if count
    ]
    return wrong + [f"the row of deleted kernel {one}" for one in deleted if one in read[0]]


def _sqlite(data_dir: Path) -> tuple[set[str], dict[str, int]]:
    (path,) = data_dir.glob("*.db")
    connection = sqlite3.connect(path)
    try:
        ids = {row[0] for row in connection.execute("SELECT id FROM kernels")}
        counts = {name: connection.execute(sql).fetchone()[0] for name, sql in _ORPHANS.items()}
    finally:
        connection.close()
    return ids, counts


def _postgresql(url: str) -> tuple[set[str], dict[str, int]]:
    import asyncpg

    async def read() -> tuple[set[str], dict[str, int]]:
        connection = await asyncpg.connect(url)
        try:
            ids = {row["id"] for row in await connection.fetch("SELECT id FROM kernels")}
            return ids, {name: await connection.fetchval(sql) for name, sql in _ORPHANS.items()}
        finally:
            await connection.close()

    return asyncio.run(read())


def _held(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "ended meanwhile"
