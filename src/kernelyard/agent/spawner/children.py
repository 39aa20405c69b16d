"""Starting processes, and taking leave of them; part of the spawner's program, and of zygotes'.

Loaded by its path, by interpreters that know nothing of ours, some of them old.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

_MOST_PROCESSES = 4096
"""Bytes of a list of processes, in which a process that is made in a group is the only one."""
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

Said = dict[str, Any]


class Child:
    """A process that was started, a kernel or a zygote."""

    def __init__(self, pid: int, exit_file: str) -> None:
        self.pid = pid
        self.start_time = start_time_of(pid)
        self.exit_file = Path(exit_file)


def start(job: Said) -> int:
    """Start a process in a session of its own; what it prints is appended to its log."""
    groups = [str(place) for place in job.get("groups", ())]
    limits = [(int(kind), int(soft), int(hard)) for kind, soft, hard in job.get("limits", ())]
    dies_with_us = bool(job.get("dies_with_us"))

    def before() -> None:
        if dies_with_us:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        hold(groups, limits)

    log = open_log(job["log"])
    try:
        child = subprocess.Popen(
            job["argv"],
            env=job["env"],
            cwd=job["cwd"],
            stdin=job.get("stdin", subprocess.DEVNULL),
            stdout=log,
            stderr=log,
            close_fds=True,
            start_new_session=True,
            # There are no threads here that could hold a lock.
            preexec_fn=before if groups or limits or dies_with_us else None,  # noqa: PLW1509
        )
    finally:
        os.close(log)
    # It is reaped here with all others; Popen must not do so, nor complain that it still runs.
    child.returncode = 0
    return child.pid


def open_log(place: str) -> int:
    """Open what a process prints to. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(place, flags, 0o600)


def open_group(groups: "list[str]") -> "int | None":
    """Open the control group in which a process can be made; None if it must move to all of them."""
    for place in groups:
        # Only those of version 2 tell of controllers.
        if os.path.exists(place + "/cgroup.controllers"):  # noqa: PTH110 - it is text
            with contextlib.suppress(OSError):
                return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return None


def hold(groups: "list[str]", limits: "list[tuple[int, int, int]]") -> None:
    """Enter control groups and take on limits, as far as that can be done, before anything is run."""
    own = str(os.getpid()).encode()
    for place in groups:
        with contextlib.suppress(OSError):
            procs = os.open(place + "/cgroup.procs", os.O_RDWR | os.O_CLOEXEC)
            try:
                # To be moved takes milliseconds, also to where one is.
                if own not in os.read(procs, _MOST_PROCESSES).split():
                    os.write(procs, own)
            finally:
                os.close(procs)
    for kind, soft, hard in limits:
        with contextlib.suppress(OSError, ValueError):
            _, most = resource.getrlimit(kind)
            if most != resource.RLIM_INFINITY:
                soft, hard = min(soft, most), min(hard, most)
            resource.setrlimit(kind, (soft, hard))


def ended_children(leaders: Collection[int]) -> list[tuple[int, int]]:
    """Reap what has ended; return pids and codes, those of signals below zero.

    What ``leaders`` leave in their process groups is killed. Others are orphans that came to us: they
    may have ended only to let a daemon of theirs go on.
    """
    found: list[tuple[int, int]] = []
    while True:
        try:
            if hasattr(os, "waitid"):
                options = os.WEXITED | os.WNOHANG | os.WNOWAIT
                one = os.waitid(os.P_ALL, 0, options)
                if one is None:
                    return found
                # Not reaped yet: as long as it is a zombie, nobody else can have its group id.
                if one.si_pid in leaders:
                    kill_group(one.si_pid)
                pid, status = os.waitpid(one.si_pid, 0)
            else:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return found
        except ChildProcessError:
            return found
        found.append((pid, os.waitstatus_to_exitcode(status)))


def keep(file: Path, said: Said) -> None:
    """Write how a child ended, whole or not at all; its directory may be gone, and the disk be full."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, json.dumps(said).encode())
        finally:
            os.close(descriptor)
        fresh.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()


def start_time_of(pid: int) -> "int | None":
    """When a child was started, as the table of processes says; None where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def adopt_orphans() -> None:
    """Become the parent of what children leave behind, so that it is reaped at once."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def kill_child(pid: int) -> None:
    """Kill a process and its group, if it is one that was left to us."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return
    if int(told[1]) == os.getpid():
        kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill a process and what is in its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
