"""What the spawner does with zygotes: it starts them, has them fork, and ends them; part of its program.

A zygote has a socket to us, its *channel*: ``agent/zygote/program.py`` says what goes along it. A kernel
that is being forked has another, its *cord*. Nobody else holds the other end of a cord than those who can
still become that kernel: when it is cut before a pid was told along it, there is none, and there will be none.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernelyard.agent.spawner.offspring import Fork, Zygote

STILL_SECONDS = 2.0
"""A zygote of which nothing was heard for so long while it should have forked is killed."""
MOST_LOST = 3
"""Some versions of Linux kill what is made in a group if that, or the maker's, was killed once (``cgroup.kill``):
after so many in sequence kernels move to their groups instead."""
MOST_REMEMBERED = 256
_STATES = ("booting", "ready", "unfit")
"""What a zygote may say of itself; that it has ended, the system says."""
_KINDS = {"reason": str, "modules": int, "booted_ms": int}

Said = dict[str, Any]


class Nursery:
    """All zygotes of a spawner, and the kernels that are being forked from them."""

    def __init__(self, spawner: Any, children: Any, offspring: Any) -> None:
        """The last two are other files of this program."""
        self._spawner = spawner
        self._children = children
        self._offspring = offspring
        self._zygotes: dict[str, Zygote] = {}
        self._forks: set[Fork] = set()
        self._lost_in_groups = 0
        """How many in sequence have ended that were to be made in a control group."""

    @property
    def reports(self) -> list[Said]:
        """What is known of each, for an agent that comes."""
        return [one.said for one in self._zygotes.values()]

    @property
    def waiting_seconds(self) -> float | None:
        """After how long something must be looked at; None if nothing waits."""
        if not self._forks:
            return None
        return max(0.0, min(one.until for one in self._forks) - time.monotonic())

    @property
    def pids(self) -> set[int]:
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
        zygote: Zygote = self._offspring.Zygote(job, ours)
        self._zygotes[name] = zygote
        zygote.child = self._children.Child(pid, str(job["exit_file"]))
        zygote.said.update(pid=pid, start_time=zygote.child.start_time)
        # It may have ended already: the system tells that.
        self._attend_to(zygote)
        self._tell(zygote)
        self._forget()
        return {"pid": pid, "start_time": zygote.child.start_time}

    def fork(self, line: Any, number: Any, job: Said) -> Said | None:
        """Have a kernel forked; return an answer if there is one already. Raises OSError."""
        zygote = self._zygotes.get(str(job["name"]))
        if zygote is None:
            return {"no_zygote": "the spawner knows of no such zygote", "blame": True}
        if zygote.state != "ready":
            why = f"the zygote is {zygote.state}: {zygote.said['reason']}"
            return {"no_zygote": why, "blame": True}
        early = zygote.ahead
        if early is None or early.pid is None or early.job["token"] != job.get("ahead"):
            self._fork_now(zygote, line, number, job)
            return None
        log = self._children.open_log(job["log"])
        try:
            early.is_given(log, line, number, job)
        except OSError:
            self._fork_now(zygote, line, number, job)
        else:
            zygote.ahead = None
            self._forks.add(early)
            self._attend(early)
            self._tell_ahead(zygote)
        finally:
            os.close(log)
        return None

    def think_ahead(self, line: Any, job: Said) -> None:
        """Have a kernel forked of which nobody has said yet which it is to be; one for each zygote."""
        zygote = self._zygotes.get(str(job["name"]))
        if zygote is None or zygote.state != "ready":
            return
        # Who asks anew knows nothing of the one that there was.
        self.forget_ahead(str(job["name"]))
        fork = self._begun(zygote, line, None, job, grouped=self._lost_in_groups < MOST_LOST)
        fork.until = fork.asked_at + float(self._offspring.AHEAD_SECONDS)
        zygote.ahead = fork
        self._tell_ahead(zygote)
        self._begin(fork)

    def forget_ahead(self, name: str) -> None:
        """Have no kernel any more that was forked ahead."""
        zygote = self._zygotes.get(name)
        if zygote is not None and zygote.ahead is not None:
            fork, zygote.ahead = zygote.ahead, None
            if fork.pid is not None:
                # It ends by itself, too, for its cord is cut; but not if it stands still.
                self._children.kill_child(fork.pid)
            self._drop(fork)
            self._tell_ahead(zygote)

    def forget_line(self, line: Any) -> None:
        """What was forked ahead for somebody who has gone is of no use: only he knew what for."""
        for name, zygote in self._zygotes.items():
            if zygote.ahead is not None and zygote.ahead.line is line:
                self.forget_ahead(name)

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
            self.forget_ahead(str(zygote.said["name"]))
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
            if fork is zygote.ahead:
                self.forget_ahead(str(zygote.said["name"]))
                continue
            if fork.early:
                self._fork_after_all(fork)
                continue
            still = now - max(fork.asked_at, zygote.moved_at) >= STILL_SECONDS
            if still:
                self.end(str(zygote.said["name"]))
            taken = now - fork.asked_at
            self._settle(
                fork, {"no_zygote": f"nothing was forked within {taken:.1f} s", "blame": still}
            )

    def _fork_now(self, zygote: Zygote, line: Any, number: Any, job: Said) -> Fork:
        grouped = self._lost_in_groups < MOST_LOST
        fork = self._begun(zygote, line, number, job, grouped=grouped)
        self._begin(fork)
        return fork

    def _begun(self, zygote: Zygote, line: Any, number: Any, job: Said, *, grouped: bool) -> Fork:
        ends = [self._children.open_log(job["log"])]
        try:
            group = None
            if grouped:
                group = self._children.open_group([str(one) for one in job.get("groups", ())])
            if group is not None:
                ends.append(group)
            fork: Fork = self._offspring.Fork(zygote, line, number, job, ends)
        except BaseException:
            for one in ends:
                os.close(one)
            raise
        return fork

    def _begin(self, fork: Fork) -> None:
        self._forks.add(fork)
        fork.zygote.waiting.append(fork)
        fork.flush()
        self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))
        self._attend_to(fork.zygote)

    def _lost(self, fork: Fork) -> None:
        """Nobody is there any more; fork without a group what may have died for being made in one."""
        zygote = fork.zygote
        if fork is zygote.ahead:
            self._lost_in_groups += fork.grouped and fork.pid is None
            self.forget_ahead(str(zygote.said["name"]))
            return
        if fork.early:
            self._fork_after_all(fork)
            return
        if fork.grouped and zygote.state == "ready" and time.monotonic() < fork.until:
            self._lost_in_groups += 1
            try:
                again = self._begun(zygote, fork.line, fork.number, fork.job, grouped=False)
            except OSError:
                pass
            else:
                again.until = fork.until
                self._drop(fork)
                self._begin(again)
                return
        # If it was the zygote that has ended, the system tells that, too.
        self._settle(fork, {"no_zygote": "the kernel ended before it began"})

    def _fork_after_all(self, fork: Fork) -> None:
        """One that was forked ahead does not become a kernel: another is forked for it."""
        self._drop(fork)
        if fork.pid is not None:
            self._children.kill_child(fork.pid)
        try:
            again = self._fork_now(fork.zygote, fork.line, fork.number, fork.job)
        except OSError as error:
            said = {"errno": error.errno or errno.EIO, "problem": error.strerror or str(error)}
            self._settle(fork, said)
        else:
            again.until = fork.last_until

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
        if fork not in self._forks and fork is not fork.zygote.ahead:
            return
        fork.flush()
        lines = fork.hear()
        if lines is None:
            self._lost(fork)
        elif lines:
            fork.zygote.moved_at = time.monotonic()
            if fork is fork.zygote.ahead:
                self._is_ahead(fork, lines[0])
            else:
                self._answered(fork, lines[0])
        else:
            self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))

    def _is_ahead(self, fork: Fork, said: Said) -> None:
        """It waits for its job from now on, or says why it cannot."""
        pid = said.get("ahead_pid")
        if type(pid) is not int or pid <= 0 or fork.pid is not None:
            self.forget_ahead(str(fork.zygote.said["name"]))
            return
        fork.pid = pid
        self._forks.discard(fork)
        fork.let_loose()
        self._spawner.watch(fork.cord, fork.events, lambda: self._attend(fork))
        self._tell_ahead(fork.zygote)

    def _answered(self, fork: Fork, said: Said) -> None:
        pid = said.get("pid")
        if type(pid) is not int or pid <= 0:
            if fork.early and "errno" not in said:
                self._fork_after_all(fork)
            else:
                self._settle(fork, _refusal(said))
            return
        if not self._spawner.may_begin(fork.line) or not fork.let_go():
            # It ends by itself, for it was not let go.
            self._settle(fork, {"no_zygote": "the kernel ended before it began"})
            return
        if fork.grouped:
            self._lost_in_groups = 0
        fork.zygote.said["forked"] += 1
        child = self._spawner.adopt(pid, str(fork.job["exit_file"]))
        if child is None:
            self._settle(fork, {"no_zygote": "the kernel ended before it began"})
            return
        self._settle(fork, {"pid": pid, "start_time": child.start_time})
        self._tell(fork.zygote)

    def _settle(self, fork: Fork, said: Said) -> None:
        self._drop(fork)
        self._spawner.answer(fork.line, {"id": fork.number, **said})

    def _drop(self, fork: Fork) -> None:
        self._forks.discard(fork)
        fork.let_loose()
        self._spawner.forget(fork.cord)

    def _tell_ahead(self, zygote: Zygote) -> None:
        fork = zygote.ahead
        token, pid = ("", None) if fork is None else (str(fork.job["token"]), fork.pid)
        zygote.said.update(ahead=token, ahead_pid=pid)
        self._tell(zygote)

    def _tell(self, zygote: Zygote) -> None:
        self._spawner.tell_all({"zygote": zygote.said})

    def _forget(self) -> None:
        """Remember no more than so many that have ended."""
        gone = [name for name, one in self._zygotes.items() if one.child is None]
        for name in gone[: max(0, len(gone) - MOST_REMEMBERED)]:
            del self._zygotes[name]


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
