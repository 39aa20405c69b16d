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
from typing import Any

FORK_SECONDS = 20.0
"""Within so long a fork has told its pid; else its zygote stands still, and is killed."""
MOST_SAID = 64 * 1024
MOST_REMEMBERED = 256
_LENGTH = struct.Struct("<I")
_GO = b"."

Said = dict[str, Any]


class Zygote:
    """One zygote, and what is known of it."""

    def __init__(self, name: str, preload: "list[str]", channel: socket.socket) -> None:
        self.channel = channel
        self.child: Any = None
        self.said: Said = {
            "name": name,
            "state": "booting",
            "reason": "",
            "preload": preload,
            "forked": 0,
        }
        self._come = b""

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
        self, zygote: Zygote, line: Any, number: Any, job: Said, cord: socket.socket
    ) -> None:
        self.zygote = zygote
        self.line = line
        self.number = number
        self.job = job
        self.cord = cord
        self.until = time.monotonic() + FORK_SECONDS
        body = json.dumps(job).encode()
        self._unsent = _LENGTH.pack(len(body)) + body
        self._come = b""

    @property
    def events(self) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)

    def flush(self) -> None:
        """Tell it of its job what can be told now."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self.cord.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""

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
        zygote = self._zygotes[name] = Zygote(name, list(job["preload"]), ours)
        zygote.child = self._children.Child(pid, str(job["exit_file"]))
        zygote.said.update(pid=pid, start_time=zygote.child.start_time)
        body = json.dumps(
            {"preload": job["preload"], "sources": job.get("sources", os.devnull)}
        ).encode()
        # It fits into the empty buffer of the socket: the agent has bounded it.
        ours.sendall(_LENGTH.pack(len(body)) + body)
        ours.setblocking(False)
        self._spawner.watch(ours, selectors.EVENT_READ, lambda: self._hear(zygote))
        self._tell(zygote)
        self._forget()
        return {"pid": pid, "start_time": zygote.child.start_time}

    def fork(self, line: Any, number: Any, job: Said) -> "Said | None":
        """Have a kernel forked; return an answer if there is one already. Raises OSError."""
        zygote = self._zygotes.get(str(job["name"]))
        if zygote is None:
            return {"no_zygote": "the spawner knows of no such zygote"}
        if zygote.state != "ready":
            return {"no_zygote": f"the zygote is {zygote.state}: {zygote.said['reason']}"}
        log = self._children.open_log(job["log"])
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            socket.send_fds(zygote.channel, [b"f"], [its.fileno(), log])
        except BlockingIOError:
            ours.close()
            return {"no_zygote": "the zygote has too much to do"}
        except OSError:
            ours.close()
            return {"no_zygote": "the zygote has just ended"}
        finally:
            its.close()
            os.close(log)
        ours.setblocking(False)
        fork = Fork(zygote, line, number, job, ours)
        self._forks.add(fork)
        fork.flush()
        self._spawner.watch(ours, fork.events, lambda: self._attend(fork))
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
            if now >= fork.until:
                self.end(str(fork.zygote.said["name"]))
                self._settle(fork, {"no_zygote": f"nothing was forked within {FORK_SECONDS:g} s"})

    def _hear(self, zygote: Zygote) -> None:
        lines = zygote.hear()
        for said in lines or ():
            known = ("state", "reason", "modules", "booted_ms")
            zygote.said.update({"reason": ""})
            zygote.said.update({key: said[key] for key in known if key in said})
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
            self._settle(fork, {"no_zygote": "the zygote ended while it forked"})
        elif lines:
            self._answered(fork, lines[0])
        else:
            self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))

    def _answered(self, fork: Fork, said: Said) -> None:
        if "pid" not in said:
            self._settle(fork, said)
            return
        pid = int(said["pid"])
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


def _how(said: Said) -> str:
    if said["signal"] is None:
        return f"exit code {said['code']}"
    try:
        return signal.Signals(said["signal"]).name
    except ValueError:
        return f"signal {said['signal']}"
