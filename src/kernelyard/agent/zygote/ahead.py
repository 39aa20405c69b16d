"""A kernel that is forked before anybody has asked for one: it is made up to where it must know which it is.

All that costs time and is the same for each kernel is done by then: the fork, the copying of memory, sockets,
threads, the kernel itself. Its sockets have names of their own until then, and are renamed when it is known which
kernel it is to be; a name is all that clients look for. What it has looked up in its environment until then must be
the same in that of the kernel, else it is given up and another one is forked.
"""

import json
import os
import socket
import time
from typing import Any

from . import becoming, randomness
from .booting import Prepared
from .channel import read_exactly, read_frame, say

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
"""In the order of the numbers in the names of the sockets, from one."""
_BIND_SECONDS = 10.0
_LONGEST_LOG = 65536


def live(cord: socket.socket, task: "dict[str, Any]", prepared: Prepared) -> None:
    """Be a kernel in waiting, then that which is asked for; end the process if none is."""
    try:
        priority = os.getpriority(os.PRIO_PROCESS, 0)
        _set_priority(min(19, priority + int(task["lower"])))
        # What is written to from here on is the kernel's own, and counts as such.
        prepared.children.hold(task["groups"], [])
        prepared.copying.run()
        randomness.renew(prepared.generators)
        waiting = _Waiting(cord, task, prepared, priority)
        file = waiting.open_door()
    except BaseException as error:  # noqa: BLE001 - of this kernel, for which memory may be short
        becoming.fail(cord, error)
    waiting.lookups.begin()
    becoming.start(prepared, file, first=waiting.become)


class _Waiting:
    def __init__(
        self, cord: socket.socket, task: "dict[str, Any]", prepared: Prepared, priority: int
    ) -> None:
        self.lookups = _Lookups()
        self._cord = cord
        self._priority = priority
        self._prefix = str(task["sockets"])
        self._log = str(task["log"])
        self._file = self._log + ".json"
        self._prepared = prepared
        self._before = dict(os.environ)

    def open_door(self) -> str:
        """Return a connection file under which nobody will call."""
        os.ftruncate(1, 0)
        said: dict[str, Any] = {name: number for number, name in enumerate(PORTS, 1)}
        said.update(transport="ipc", ip=self._prefix, key=os.urandom(16).hex())
        descriptor = os.open(
            self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "w") as stream:
            json.dump(said, stream)
        return self._file

    def become(self) -> None:
        """Wait for the job, and take it on."""
        cord, prepared = self._cord, self._prepared
        try:
            self._settle()
            _set_priority(self._priority)
            say(cord, {"ahead_pid": os.getpid()})
            log = _received(cord)
            job = None if log is None else read_frame(cord)
            if log is None or job is None:
                os._exit(0)
            self._speak_to(log, job["connection_file"])
            prepared.children.hold(job["groups"], job["limits"])
            becoming.enter(cord, job, prepared)
            self._move(job["connection_file"])
        except BaseException as error:  # noqa: BLE001 - as above
            becoming.fail(cord, error)
        say(cord, {"pid": os.getpid()})
        randomness.renew(prepared.generators, threads=True)
        becoming.take_on(job["argv"], prepared)
        prepared.app.init_poller()
        # Until here nobody can have spoken with it; who asked for it may be dead.
        if read_exactly(cord, 1) is None:
            os._exit(0)
        cord.close()

    def _settle(self) -> None:
        """See that everything is there, and what has become of the environment."""
        until = time.monotonic() + _BIND_SECONDS
        places = [self._place(number) for number, _ in enumerate(PORTS, 1)]
        while not all(map(os.path.exists, places)):
            # The heartbeat has a thread of its own.
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.001)
        os.unlink(self._file)  # noqa: PTH108 - it is text
        self.lookups.end()
        self._prepared.looked_up = self.lookups.names
        before, now = self._before, dict(os.environ)
        names = before.keys() | now.keys()
        changed = {one: now.get(one) for one in names if before.get(one) != now.get(one)}
        self._prepared.changes.update(changed)

    def _speak_to(self, log: int, connection_file: str) -> None:
        """Let everything that goes to the present log go to that of the kernel, also what is there already."""
        ours = os.stat(self._log)  # noqa: PTH116 - it is text
        with open(self._log, "rb") as file:  # noqa: PTH123
            said = file.read(_LONGEST_LOG)
        if said:
            os.write(log, said.replace(os.fsencode(self._file), os.fsencode(connection_file)))
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - paths would be made for nothing
            number = int(name)
            try:
                found = os.fstat(number)
            except OSError:
                continue
            if number != log and (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
                os.dup2(log, number, os.get_inheritable(number))
        os.close(log)

    def _move(self, file: str) -> None:
        """Take the place that a connection file says. Raises ValueError if it is not of the sort."""
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123
            wanted = json.load(stream)
        ports = [wanted.get(name) for name in PORTS]
        if wanted.get("transport") != "ipc" or ports != list(range(1, 1 + len(PORTS))):
            raise ValueError("its sockets are of another sort")
        app = self._prepared.app
        becoming.introduce(app, file)
        # What is set already is not read.
        for name in PORTS:
            setattr(app, name, 0)
        app.load_connection_file()
        if app.session.key != wanted["key"].encode() or app.ip != wanted["ip"]:
            raise ValueError("its connection file was not taken up")
        if (heart := getattr(app, "heartbeat", None)) is not None:
            heart.ip, heart.addr = app.ip, (app.ip, heart.port)
        for number, _ in enumerate(PORTS, 1):
            os.rename(self._place(number), f"{app.ip}-{number}")  # noqa: PTH104

    def _place(self, number: int) -> str:
        return f"{self._prefix}-{number}"


class _Lookups:
    """Notices which variables of the environment are looked up."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._kind = type(os.environ)

    def begin(self) -> None:
        names, kind = self.names, self._kind

        def look_up(environment: Any, name: str) -> str:
            names.add(name)
            return str(kind.__getitem__(environment, name))

        os.environ.__class__ = type("_Environ", (kind,), {"__getitem__": look_up})

    def end(self) -> None:
        os.environ.__class__ = self._kind


def _set_priority(priority: int) -> None:
    """Let all threads have this one. Raises OSError."""
    for name in os.listdir("/proc/self/task"):  # noqa: PTH208 - paths would be made for nothing
        if os.getpriority(os.PRIO_PROCESS, int(name)) != priority:
            os.setpriority(os.PRIO_PROCESS, int(name), priority)


def _received(cord: socket.socket) -> "int | None":
    """Wait for the log of the kernel; None if nobody wants one any more."""
    try:
        come, descriptors, _, _ = socket.recv_fds(cord, 1, 1)
    except OSError:
        return None
    return descriptors[0] if come and descriptors else None
