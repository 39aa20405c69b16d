"""The spawner's own program: run by its path, with an interpreter that loads nothing of ours.

It is the parent of kernels, so that it is told how they end, and outlives the agent, so that this is not
lost when the agent dies. It does nothing else: one thread, no state on the disk but the ends of kernels.

A listening socket is its standard input. On each connection go frames, a little-endian u32 length and a
JSON object. It says hello first: ``{"spawner": pid, "children": [[pid, start_time], ...]}``. It is asked
``{"id", "spawn": {"argv", "env", "cwd", "log", "exit_file", "groups", "limits"}}``
(directories of control groups; kind, soft and hard limit of ``setrlimit``) and answers ``{"id", "pid",
"start_time"}`` or ``{"id", "errno", "problem"}``; it is told ``{"end": true}`` when nobody needs it once
its children have ended, with ``"kill": true`` to kill them. Whoever is connected hears ``{"exit": pid, "code", "signal", "at"}``; before
that the same is written into the ``exit_file`` of the child.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

IDLE_SECONDS = 10.0
"""It ends after so long without a child and a connection."""
LARGEST_FRAME = 64 * 1024 * 1024
MOST_UNSENT = 4 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_CREDENTIALS = struct.Struct("iII")
_PR_SET_CHILD_SUBREAPER = 36

Said = dict[str, Any]


class Child:
    """One kernel."""

    def __init__(self, pid: int, exit_file: str) -> None:
        self.pid = pid
        self.start_time = start_time_of(pid)
        self.exit_file = Path(exit_file)


class Line:
    """One connection to an agent."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._come = b""
        self._unsent = b""

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def read(self) -> list[Said] | None:
        """Return the frames that have come; None if the other side is gone or talks nonsense."""
        try:
            data = self.end.recv(1024 * 1024)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._come += data
        found: list[Said] = []
        while len(self._come) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._come)
            if length > LARGEST_FRAME:
                return None
            if len(self._come) < _LENGTH.size + length:
                break
            frame = self._come[_LENGTH.size : _LENGTH.size + length]
            self._come = self._come[_LENGTH.size + length :]
            try:
                said = json.loads(frame)
            except ValueError:
                return None
            if not isinstance(said, dict):
                return None
            found.append(said)
        return found

    def is_over(self) -> bool:
        """Whether the other side is gone, and has said nothing more."""
        try:
            return not self.end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def say(self, said: Said) -> bool:
        """Send without ever waiting; False if the other side reads nothing any more."""
        data = json.dumps(said).encode()
        self._unsent += _LENGTH.pack(len(data)) + data
        return self.flush()

    def flush(self) -> bool:
        """Send what can be sent now."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.end.send(self._unsent) :]
        except BlockingIOError:
            return len(self._unsent) <= MOST_UNSENT
        except OSError:
            return False
        return True


class Spawner:
    """Waits for requests and for children that end."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._place = str(listener.getsockname())
        self._inode = _inode(self._place)
        self._lines: set[Line] = set()
        self._children: dict[int, Child] = {}
        self._ending = False
        self._alone_since = time.monotonic()
        self._selector = selectors.DefaultSelector()
        waking, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if _has_pipe2() else _pipe()
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(waking, selectors.EVENT_READ, lambda: _drain(waking))

    def run(self) -> None:
        """Serve until nobody needs it."""
        try:
            while not self._is_over():
                ready = [key for key, _ in self._selector.select(1.0 if self._may_end() else None)]
                # Who comes is told of children after what was asked before has been done.
                for key in sorted(ready, key=lambda one: one.fileobj is self._listener):
                    key.data()
                self._reap()
        finally:
            self._withdraw()

    def _may_end(self) -> bool:
        return not self._children and (self._ending or not self._lines)

    def _is_over(self) -> bool:
        now = time.monotonic()
        if not self._may_end():
            self._alone_since = now
            return False
        return self._ending or now - self._alone_since >= IDLE_SECONDS

    def _withdraw(self) -> None:
        # The name first: whoever has connected meanwhile finds the end of the line, and starts another.
        if _inode(self._place) == self._inode:
            with contextlib.suppress(OSError):
                Path(self._place).unlink()
        self._listener.close()

    def _accept(self) -> None:
        try:
            end, _ = self._listener.accept()
        except OSError:
            return
        end.setblocking(False)
        if not _is_own_user(end):
            end.close()
            return
        line = Line(end)
        self._lines.add(line)
        self._selector.register(end, selectors.EVENT_READ, lambda: self._hear(line))
        children = [[child.pid, child.start_time] for child in self._children.values()]
        self._say(line, {"spawner": os.getpid(), "children": children})

    def _hear(self, line: Line) -> None:
        requests = line.read()
        if requests is None or not line.flush():
            self._drop(line)
            return
        self._watch(line)
        for request in requests:
            if request.get("end"):
                self._ending = True
                for pid in self._children if request.get("kill") else ():
                    _kill_group(pid)
            elif "spawn" in request:
                if line.is_over() or _inode(self._place) != self._inode:
                    # Who asked is dead, or looks for another spawner: nobody would know of the child.
                    self._drop(line)
                    return
                self._ending = False
                self._say(line, {"id": request.get("id"), **self._spawn(request["spawn"])})

    def _say(self, line: Line, said: Said) -> None:
        if not line.say(said):
            self._drop(line)
        else:
            self._watch(line)

    def _watch(self, line: Line) -> None:
        if line not in self._lines:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.has_unsent else 0)
        self._selector.modify(line.end, events, lambda: self._hear(line))

    def _drop(self, line: Line) -> None:
        if line in self._lines:
            self._lines.discard(line)
            self._selector.unregister(line.end)
            line.end.close()

    def _spawn(self, job: Said) -> Said:
        try:
            pid = start(job)
        except OSError as error:
            return {"errno": error.errno or errno.EINVAL, "problem": error.strerror or str(error)}
        except (ValueError, TypeError, KeyError, subprocess.SubprocessError) as error:
            return {"errno": errno.EINVAL, "problem": str(error)}
        child = self._children[pid] = Child(pid, str(job["exit_file"]))
        return {"pid": pid, "start_time": child.start_time}

    def _reap(self) -> None:
        for pid, code in ended_children(self._children):
            if (child := self._children.pop(pid, None)) is not None:
                said = {
                    "exit": pid,
                    "start_time": child.start_time,
                    "code": code if code >= 0 else None,
                    "signal": -code if code < 0 else None,
                    "at": time.time_ns() // 1000,
                }
                keep(child.exit_file, said)
                for line in list(self._lines):
                    self._say(line, said)


def start(job: Said) -> int:
    """Start a process in a session of its own; what it prints is appended to its log."""
    groups = [str(place) for place in job.get("groups", ())]
    limits = [(int(kind), int(soft), int(hard)) for kind, soft, hard in job.get("limits", ())]
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.open(job["log"], flags, 0o600)
    try:
        child = subprocess.Popen(
            job["argv"],
            env=job["env"],
            cwd=job["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            close_fds=True,
            start_new_session=True,
            # There are no threads here that could hold a lock.
            preexec_fn=(lambda: hold(groups, limits)) if groups or limits else None,  # noqa: PLW1509
        )
    finally:
        os.close(log)
    # It is reaped here with all others; Popen must not do so, nor complain that it still runs.
    child.returncode = 0
    return child.pid


def hold(groups: "list[str]", limits: "list[tuple[int, int, int]]") -> None:
    """Enter control groups and take on limits, as far as that can be done, before anything is run."""
    own = str(os.getpid()).encode()
    for place in groups:
        with contextlib.suppress(OSError):
            procs = os.open(place + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            os.write(procs, own)
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
                    _kill_group(one.si_pid)
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
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _is_own_user(end: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = _CREDENTIALS.size
    credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(_CREDENTIALS.unpack(credentials)[1]) == os.getuid()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _inode(place: str) -> "int | None":
    try:
        return os.lstat(place).st_ino
    except OSError:
        return None


def _has_pipe2() -> bool:
    return hasattr(os, "pipe2")


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def _drain(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass


def main() -> None:
    """Take the listening socket from standard input, and serve."""
    listener = socket.socket(fileno=os.dup(0))
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    # A handler, for what is ignored stays ignored in the children.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    adopt_orphans()
    Spawner(listener).run()


if __name__ == "__main__":
    main()
