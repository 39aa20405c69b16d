"""A zygote and a kernel that is being forked, as the spawner knows them; part of its program."""

import json
import os
import selectors
import socket
import struct
import time
from collections import deque
from typing import Any

AHEAD_SECONDS = 30.0
"""Within so long a kernel that is forked ahead is ready to become one."""
EARLY_SECONDS = 2.0
"""Within so long it has told its pid when it is asked for, else another is forked."""
FORK_SECONDS = 5.0
"""Within so long a fork has told its pid, if who asked for it has not less time."""
MOST_SAID = 64 * 1024
_LENGTH = struct.Struct("<I")
_GO = b"."
_LOG = b"l"

Said = dict[str, Any]


class Frame:
    """What one end of a socket is told as soon as it can be, without waiting."""

    def __init__(self, end: socket.socket, said: Said) -> None:
        body = json.dumps(said).encode()
        self._end = end
        self._unsent = _LENGTH.pack(len(body)) + body

    @property
    def events(self) -> int:
        return selectors.EVENT_WRITE if self._unsent else 0

    def flush(self) -> None:
        """Send what can be sent now; that nobody is there is noticed when nothing is heard."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._end.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""


class Zygote:
    """One zygote, and what is known of it."""

    def __init__(self, job: Said, channel: socket.socket) -> None:
        self.channel = channel
        self.child: Any = None
        self.said: Said = {
            "name": str(job["name"]),
            "state": "booting",
            "reason": "",
            "preload": list(job["preload"]),
            "forked": 0,
            "ahead": "",
            "ahead_pid": None,
        }
        told = {"preload": job["preload"], "sources": job.get("sources", os.devnull)}
        self.task = Frame(channel, {**told, "env": job["env"]})
        self.waiting: deque[Fork] = deque()
        """Forks that it has not been asked for yet, for it has too much to do."""
        self.ahead: Fork | None = None
        """The one that was forked before anybody has asked for a kernel."""
        self.moved_at = time.monotonic()
        """When something was heard of it, or of a kernel that it has forked, by the monotonic clock."""
        self._come = b""

    @property
    def events(self) -> int:
        waits = selectors.EVENT_WRITE if self.waiting else 0
        return selectors.EVENT_READ | self.task.events | waits

    @property
    def state(self) -> str:
        return str(self.said["state"])

    def hear(self) -> "list[Said] | None":
        """Return what it has said; None if it says nothing any more."""
        lines, self._come = _lines_of(self.channel, self._come)
        return lines


class Fork:
    """One kernel that is being forked."""

    def __init__(
        self, zygote: Zygote, line: Any, number: Any, job: Said, ends: "list[int]"
    ) -> None:
        """``ends`` are the descriptors that the zygote is to be given: of its log, and of a control group."""
        self.zygote = zygote
        self.line = line
        self.number = number
        self.job = job
        self.asked_at = time.monotonic()
        self.until = self.asked_at + _seconds(job)
        self.cord, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.cord.setblocking(False)
        self.ends = [its.detach(), *ends]
        self.grouped = len(ends) > 1
        """Whether it is to be made in its control group."""
        self.pid: int | None = None
        """Of one that was forked ahead, as soon as it is ready."""
        self.early = False
        """Whether it was forked before its job was known."""
        self.last_until = self.until
        """When another one must have told its pid that is forked in its place."""
        self._told = Frame(self.cord, job)
        self._come = b""

    @property
    def events(self) -> int:
        return selectors.EVENT_READ | self._told.events

    def flush(self) -> None:
        """Tell it of its job what can be told now."""
        self._told.flush()

    def is_given(self, log: int, line: Any, number: Any, job: Said) -> None:
        """Tell one that was forked ahead which kernel it is to be. Raises OSError."""
        socket.send_fds(self.cord, [_LOG], [log])
        self._told = Frame(self.cord, job)
        self.line, self.number, self.job, self.early = line, number, job, True
        self.asked_at = time.monotonic()
        self.until = self.asked_at + min(EARLY_SECONDS, _seconds(job) / 2)
        self.last_until = self.asked_at + _seconds(job)

    def let_loose(self) -> None:
        """Keep nothing of what only the zygote is to have."""
        for one in self.ends:
            os.close(one)
        self.ends = []

    def hear(self) -> "list[Said] | None":
        """Return what it has said; None if there is nobody at the other end any more."""
        lines, self._come = _lines_of(self.cord, self._come)
        return lines

    def let_go(self) -> bool:
        """Let it become a kernel; False if it has ended meanwhile."""
        try:
            return self.cord.send(_GO) == len(_GO)
        except OSError:
            return False


def _seconds(job: Said) -> float:
    return min(FORK_SECONDS, float(job.get("seconds", FORK_SECONDS)))


def _lines_of(end: socket.socket, come: bytes) -> "tuple[list[Said] | None, bytes]":
    """Read lines of JSON without waiting; None where there will be no more, or nonsense comes."""
    over = False
    try:
        while part := end.recv(MOST_SAID):
            come += part
            if len(come) > MOST_SAID:
                return None, b""
        over = True
    except BlockingIOError:
        pass
    except OSError:
        over = True
    *whole, rest = come.split(b"\n")
    try:
        lines = [dict(json.loads(one)) for one in whole]
    except (ValueError, TypeError):
        return None, b""
    return (None if over and not lines else lines), rest
