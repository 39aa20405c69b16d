"""What the spawner does with zygotes: it starts them, has them fork, and ends them; part of its program.

A zygote has a socket to us, its *channel*: ``agent/zygote/program.py`` says what goes along it. A kernel
that is being forked has another, its *cord*. Nobody else holds the other end of a cord than those who can
still become that kernel: when it is cut before a pid was told along it, there is none, and there will be none.
"""

import errno
import json
import os
import selectors
import signal
import socket
import struct
import time
from collections import deque
from typing import Any

FORK_SECONDS = 5.0
"""Within so long a fork has told its pid, if who asked for it has not less time."""
STILL_SECONDS = 2.0
"""A zygote of which nothing was heard for so long while it should have forked is killed."""
MOST_SAID = 64 * 1024
MOST_REMEMBERED = 256
_LENGTH = struct.Struct("<I")
_GO = b"."
_STATES = ("booting", "ready", "unfit")
"""What a zygote may say of itself; that it has ended, the system says."""
_KINDS = {"reason": str, "modules": int, "booted_ms": int}

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
        }
        told = {"preload": job["preload"], "sources": job.get("sources", os.devnull)}
        self.task = Frame(channel, {**told, "env": job["env"]})
        self.waiting: deque[Fork] = deque()
        """Forks that it has not been asked for yet, for it has too much to do."""
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
        """``ends`` are the descriptors that the zygote is to be given."""
        self.zygote = zygote
        self.line = line
        self.number = number
        self.job = job
        self.asked_at = time.monotonic()
        self.until = self.asked_at + min(FORK_SECONDS, float(job.get("seconds", FORK_SECONDS)))
        self.cord, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.cord.setblocking(False)
        self.ends = [its.detach(), *ends]
        self._told = Frame(self.cord, job)
        self._come = b""

    @property
    def events(self) -> int:
        return selectors.EVENT_READ | self._told.events

    def flush(self) -> None:
        """Tell it of its job what can be told now."""
        self._told.flush()

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


class Nursery:
    """All zygotes of a spawner, and the kernels that are being forked from them."""

    def __init__(self, spawner: Any, children: Any) -> None:
        self._spawner = spawner
        self._children = children
        self._zygotes: dict[str, Zygote] = {}
        self._forks: set[Fork] = set()

    @property
    def reports(self) -> "list[Said]":
        """What is known of each, for an agent that comes."""
        return [one.said for one in self._zygotes.values()]

    @property
    def waiting_seconds(self) -> "float | None":
        """After how long something must be looked at; None if nothing waits."""
        if not self._forks:
            return None
        return max(0.0, min(one.until for one in self._forks) - time.monotonic())

    @property
    def pids(self) -> "set[int]":
        """The processes of living zygotes."""
        return {one.child.pid for one in self._zygotes.values() if one.child is not None}

    def start(self, job: Said) -> Said:
        """Start a zygote; what becomes of it is told to all who are connected."""
        name = str(job["name"])
        known = self._zygotes.get(name)
        if known is not None and known.child is not None:
            return {"errno": errno.EEXIST, "problem": "there is such a zygote"}
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            pid = self._children.start({**job, "stdin": its.fileno(), "dies_with_us": True})
        except BaseException:
            ours.close()
            raise
        finally:
            its.close()
        ours.setblocking(False)
        zygote = self._zygotes[name] = Zygote(job, ours)
        zygote.child = self._children.Child(pid, str(job["exit_file"]))
        zygote.said.update(pid=pid, start_time=zygote.child.start_time)
        # It may have ended already: the system tells that.
        self._attend_to(zygote)
        self._tell(zygote)
        self._forget()
        return {"pid": pid, "start_time": zygote.child.start_time}

    def fork(self, line: Any, number: Any, job: Said) -> "Said | None":
        """Have a kernel forked; return an answer if there is one already. Raises OSError."""
        zygote = self._zygotes.get(str(job["name"]))
        if zygote is None:
            return {"no_zygote": "the spawner knows of no such zygote", "blame": True}
        if zygote.state != "ready":
            why = f"the zygote is {zygote.state}: {zygote.said['reason']}"
            return {"no_zygote": why, "blame": True}
        log = self._children.open_log(job["log"])
        try:
            fork = Fork(zygote, line, number, job, [log])
        except BaseException:
            os.close(log)
            raise
        if (
            group := self._children.open_group([str(one) for one in job.get("groups", ())])
        ) is not None:
            fork.ends.append(group)
        self._forks.add(fork)
        zygote.waiting.append(fork)
        fork.flush()
        self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))
        self._attend_to(zygote)
        return None

    def end(self, name: str) -> None:
        """Kill a zygote; its kernels live on."""
        zygote = self._zygotes.get(name)
        if zygote is not None and zygote.child is not None:
            self._children.kill_group(zygote.child.pid)
        elif zygote is not None:
            del self._zygotes[name]

    def end_all(self) -> None:
        """Kill all zygotes."""
        for name in list(self._zygotes):
            self.end(name)

    def ended(self, pid: int, said: Said) -> bool:
        """Take in that a child has ended; return whether it was a zygote."""
        for zygote in self._zygotes.values():
            child = zygote.child
            if child is None or child.pid != pid:
                continue
            zygote.child = None
            self._hear(zygote)
            self._spawner.forget(zygote.channel)
            while zygote.waiting:
                zygote.waiting.popleft().let_loose()
            self._children.keep(child.exit_file, said)
            how = _how(said)
            if zygote.state == "booting" and said["signal"] != signal.SIGKILL:
                doing = zygote.said["reason"] or "it started"
                zygote.said.update(state="unfit", reason=f"it ended ({how}) while {doing}")
            elif zygote.state != "unfit":
                zygote.said.update(state="ended", reason=f"it ended ({how})")
            self._tell(zygote)
            return True
        return False

    def look(self) -> None:
        """End zygotes that stand still; forget forks for agents that have gone."""
        now = time.monotonic()
        for fork in list(self._forks):
            if now < fork.until:
                continue
            zygote = fork.zygote
            still = now - max(fork.asked_at, zygote.moved_at) >= STILL_SECONDS
            if still:
                self.end(str(zygote.said["name"]))
            taken = now - fork.asked_at
            self._settle(
                fork, {"no_zygote": f"nothing was forked within {taken:.1f} s", "blame": still}
            )

    def _attend_to(self, zygote: Zygote) -> None:
        """Tell a zygote what it can be told now, and look again when it can be told the rest."""
        zygote.task.flush()
        while zygote.waiting:
            fork = zygote.waiting[0]
            try:
                if fork in self._forks:
                    socket.send_fds(zygote.channel, [b"f"], fork.ends)
            except BlockingIOError:
                break
            except OSError as error:
                self._settle(fork, {"no_zygote": f"no zygote can be asked: {error.strerror}"})
            zygote.waiting.popleft().let_loose()
        if zygote.channel.fileno() >= 0:
            self._spawner.watch(zygote.channel, zygote.events, lambda: self._turn_to(zygote))

    def _turn_to(self, zygote: Zygote) -> None:
        self._hear(zygote)
        self._attend_to(zygote)

    def _hear(self, zygote: Zygote) -> None:
        lines = zygote.hear()
        for said in lines or ():
            zygote.moved_at = time.monotonic()
            zygote.said.update({"reason": "", **_known(said)})
            self._tell(zygote)
        if lines is None:
            # Its end is told by the system, if it has ended; else it is of no use.
            self._spawner.forget(zygote.channel)
            if zygote.child is not None and zygote.state != "unfit":
                self._children.kill_group(zygote.child.pid)

    def _attend(self, fork: Fork) -> None:
        if fork not in self._forks:
            return
        fork.flush()
        lines = fork.hear()
        if lines is None:
            # If it was the zygote that has ended, the system tells that, too.
            self._settle(fork, {"no_zygote": "the kernel ended before it began"})
        elif lines:
            fork.zygote.moved_at = time.monotonic()
            self._answered(fork, lines[0])
        else:
            self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))

    def _answered(self, fork: Fork, said: Said) -> None:
        pid = said.get("pid")
        if type(pid) is not int or pid <= 0:
            self._settle(fork, _refusal(said))
            return
        if not self._spawner.may_begin(fork.line) or not fork.let_go():
            # It ends by itself, for it was not let go.
            self._settle(fork, {"no_zygote": "the kernel ended before it began"})
            return
        fork.zygote.said["forked"] += 1
        child = self._spawner.adopt(pid, str(fork.job["exit_file"]))
        if child is None:
            self._settle(fork, {"no_zygote": "the kernel ended before it began"})
            return
        self._settle(fork, {"pid": pid, "start_time": child.start_time})
        self._tell(fork.zygote)

    def _settle(self, fork: Fork, said: Said) -> None:
        self._forks.discard(fork)
        fork.let_loose()
        self._spawner.forget(fork.cord)
        self._spawner.answer(fork.line, {"id": fork.number, **said})

    def _tell(self, zygote: Zygote) -> None:
        self._spawner.tell_all({"zygote": zygote.said})

    def _forget(self) -> None:
        """Remember no more than so many that have ended."""
        gone = [name for name, one in self._zygotes.items() if one.child is None]
        for name in gone[: max(0, len(gone) - MOST_REMEMBERED)]:
            del self._zygotes[name]


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


def _known(said: Said) -> Said:
    """What may be passed on of what a zygote says: code of others runs in it."""
    found = {key: said[key] for key, kind in _KINDS.items() if type(said.get(key)) is kind}
    return {**found, "state": said["state"]} if said.get("state") in _STATES else found


def _refusal(said: Said) -> Said:
    """The same of what a fork says that is to be no kernel."""
    if type(number := said.get("errno")) is int:
        return {"errno": number, "problem": str(said.get("problem", ""))}
    return {
        "no_zygote": str(said.get("no_zygote", "it has said no pid")),
        "blame": said.get("blame") is True,
    }


def _how(said: Said) -> str:
    if said["signal"] is None:
        return f"exit code {said['code']}"
    try:
        return signal.Signals(said["signal"]).name
    except ValueError:
        return f"signal {said['signal']}"
