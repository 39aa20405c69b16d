"""The spawner's own program: run by its path, with an interpreter that loads nothing of ours.

It is the parent of kernels, so that it is told how they end, and outlives the agent, so that this is not
lost when the agent dies. It does nothing else: one thread, no state on the disk but the ends of kernels.

A listening socket is its standard input. On each connection go frames, a little-endian u32 length and a
JSON object. It says hello first: ``{"spawner": pid, "children": [[pid, start_time], ...], "zygotes":
[report, ...]}``. It is asked ``{"id", "spawn": job}``, ``{"id", "zygote": job}`` or ``{"id", "fork": job}``
and answers ``{"id", "pid", "start_time"}``, ``{"id", "errno", "problem"}`` or ``{"id", "no_zygote": why,
"blame": bool}``, with whether the zygote itself is to blame.
A job is ``{"argv", "env", "cwd", "log", "exit_file", "groups", "limits"}`` (directories of control groups;
kind, soft and hard limit of ``setrlimit``); that of a zygote has a ``name`` and what it is to ``preload``,
that of a fork the ``name`` of the zygote and the ``connection_file``. It is told ``{"end_zygote": name}``,
``{"think_ahead": {"name", "token", "log", "groups", "sockets", "lower"}}`` to have a zygote fork a kernel before its job
is known, which a fork with ``{"ahead": token}`` then becomes, and ``{"forget_ahead": name}`` to end that again;
and ``{"end": true}`` when nobody needs it once its children have ended, with ``"kill": true`` to kill them;
zygotes are no reason to stay. Whoever is connected hears ``{"zygote": report}``, and ``{"exit": pid, "code",
"signal", "at"}``; before that the same is written into the ``exit_file`` of the child.
"""

import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

IDLE_SECONDS = 10.0
"""It ends after so long without a child and a connection."""

Said = dict[str, Any]


def _beside(name: str) -> Any:
    """Load another file of this program, by its path: none of ours can be imported."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None  # noqa: PT018, S101 - it is a file of ours
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


children = _beside("children")
lines = _beside("agents_line")
nursery = _beside("nursery")
offspring = _beside("offspring")


class Spawner:
    """Waits for requests and for children that end."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._place = str(listener.getsockname())
        self._inode = _inode(self._place)
        self._lines: set[Any] = set()
        self._children: dict[int, Any] = {}
        self._nursery = nursery.Nursery(self, children, offspring)
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
                ready = [key for key, _ in self._selector.select(self._patience())]
                # Who comes is told of children after what was asked before has been done.
                for key in sorted(ready, key=lambda one: one.fileobj is self._listener):
                    key.data()
                self._reap()
                self._nursery.look()
        finally:
            self._withdraw()
            self._nursery.end_all()

    def _patience(self) -> "float | None":
        waiting: float | None = self._nursery.waiting_seconds
        if self._may_end():
            return 1.0 if waiting is None else min(1.0, waiting)
        return waiting

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
        if not lines.is_own_user(end):
            end.close()
            return
        line = lines.Line(end)
        self._lines.add(line)
        self._selector.register(end, selectors.EVENT_READ, lambda: self._hear(line))
        has = [[child.pid, child.start_time] for child in self._children.values()]
        zygotes = self._nursery.reports
        self._say(line, {"spawner": os.getpid(), "children": has, "zygotes": zygotes})

    def _hear(self, line: Any) -> None:
        requests = line.read()
        if requests is None or not line.flush():
            self._drop(line)
            return
        self._watch(line)
        for request in requests:
            if request.get("end"):
                self._ending = True
                for pid in self._children if request.get("kill") else ():
                    children.kill_group(pid)
            elif "end_zygote" in request:
                self._nursery.end(str(request["end_zygote"]))
            elif "forget_ahead" in request:
                self._nursery.forget_ahead(str(request["forget_ahead"]))
            elif "think_ahead" in request:
                with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                    self._nursery.think_ahead(line, request["think_ahead"])
            elif not self._start(line, request):
                self._drop(line)
                return

    def _start(self, line: Any, request: Said) -> bool:
        """Start what is asked for; False if nobody would know of it."""
        for verb, do in (
            ("spawn", self._spawn),
            ("zygote", self._nursery.start),
            ("fork", lambda job: self._nursery.fork(line, request.get("id"), job)),
        ):
            if verb in request:
                if not self.may_begin(line):
                    return False
                self._ending = False
                answer = _refused_or(do, request[verb])
                if answer is not None:
                    self._say(line, {"id": request.get("id"), **answer})
        return True

    def may_begin(self, line: Any) -> bool:
        """Whether who asked is alive, and does not look for another spawner."""
        return line in self._lines and not line.is_over() and _inode(self._place) == self._inode

    def answer(self, line: Any, said: Said) -> None:
        """Answer later, if who asked is still there."""
        if line in self._lines:
            self._say(line, said)

    def tell_all(self, said: Said) -> None:
        """Tell everybody who is connected."""
        for line in list(self._lines):
            self._say(line, said)

    def adopt(self, pid: int, exit_file: str) -> Any:
        """Take a process that was forked for our child; None if there is none."""
        child = children.Child(pid, exit_file)
        if child.start_time is None:
            return None
        self._children[pid] = child
        return child

    def watch(self, end: socket.socket, events: int, then: Callable[[], object]) -> None:
        """Call something when a socket can be read or written."""
        if end in self._selector.get_map():
            self._selector.modify(end, events, then)
        else:
            self._selector.register(end, events, then)

    def forget(self, end: socket.socket) -> None:
        """Watch a socket no more, and close it."""
        if end.fileno() >= 0:
            with contextlib.suppress(KeyError):
                self._selector.unregister(end)
            end.close()

    def _say(self, line: Any, said: Said) -> None:
        if not line.say(said):
            self._drop(line)
        else:
            self._watch(line)

    def _watch(self, line: Any) -> None:
        if line not in self._lines:
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if line.has_unsent else 0)
        self._selector.modify(line.end, events, lambda: self._hear(line))

    def _drop(self, line: Any) -> None:
        if line in self._lines:
            self._lines.discard(line)
            self._selector.unregister(line.end)
            line.end.close()
            self._nursery.forget_line(line)

    def _spawn(self, job: Said) -> Said:
        pid = children.start(job)
        child = self._children[pid] = children.Child(pid, str(job["exit_file"]))
        return {"pid": pid, "start_time": child.start_time}

    def _reap(self) -> None:
        for pid, code in children.ended_children(self._children.keys() | self._nursery.pids):
            said = {
                "exit": pid,
                "code": code if code >= 0 else None,
                "signal": -code if code < 0 else None,
                "at": time.time_ns() // 1000,
            }
            if (child := self._children.pop(pid, None)) is not None:
                said["start_time"] = child.start_time
                children.keep(child.exit_file, said)
                self.tell_all(said)
            elif self._nursery.ended(pid, said):
                self.tell_all(said)


def _refused_or(do: "Callable[[Said], Said | None]", job: Said) -> "Said | None":
    try:
        return do(job)
    except OSError as error:
        return {"errno": error.errno or errno.EINVAL, "problem": error.strerror or str(error)}
    except (ValueError, TypeError, KeyError, subprocess.SubprocessError) as error:
        return {"errno": errno.EINVAL, "problem": str(error)}


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
    children.adopt_orphans()
    Spawner(listener).run()


if __name__ == "__main__":
    main()
