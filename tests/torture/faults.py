"""Doing each kind of fault, and undoing it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable

from tests.support.live_server import alive, wait_until
from tests.torture.books import Books, Charge
from tests.torture.house import House
from tests.torture.people import People
from tests.torture.plan import CUTS, Fault

OFTEN = 4
"""One in so many kills of server or agent is done again while it starts."""


class Torturer:
    """Carries faults out and notes in the books what they may explain."""

    def __init__(self, house: House, people: People, books: Books) -> None:
        self._house = house
        self._people = people
        self._books = books
        self._paused: dict[Fault, int] = {}
        self._clients: dict[Fault, list[str]] = {}
        self._begin: dict[str, Callable[[Fault], str]] = {
            "kill-client": self._kill_client,
            "kill-server": self._kill_server,
            "kill-agent": self._kill_agent,
            "kill-kernel": self._kill_kernel,
            "kill-spawner": lambda _: self._kill_spawner(),
            "pause-server": lambda fault: self._pause(fault, house.server_pid),
            "pause-agent": self._pause_agent,
            "pause-kernel": self._pause_kernel,
            "fill-disk": lambda _: self._fill_disk(),
            "cut-link": self._cut_link,
            "kill-all": self._kill_all,
            "restart-server": lambda _: self._end_server(signal.SIGTERM),
            "restart-agent": lambda _: self._end_agent(signal.SIGTERM),
        }
        self._undo: dict[str, Callable[[Fault], str]] = {
            "kill-client": self._start_clients,
            "kill-server": lambda _: self._start_server(),
            "restart-server": lambda _: self._start_server(),
            "kill-all": self._start_all,
            "pause-server": self._go_on,
            "pause-agent": self._go_on,
            "pause-kernel": self._go_on,
            "fill-disk": lambda _: self._free_disk(),
            "cut-link": lambda _: self._mend_link(),
        }

    def begin(self, fault: Fault) -> None:
        """Carry a fault out."""
        told = self._begin[fault.kind](fault)
        if told:
            self._books.faults[fault.kind] += 1
            self._books.tell(f"{fault.kind}: {told}")

    def undo(self, fault: Fault) -> None:
        """Take a fault back, where that can be done."""
        undo = self._undo.get(fault.kind)
        if undo is not None and (told := undo(fault)):
            self._books.tell(f"{fault.kind} over: {told}")

    def _heard(self) -> list[Charge]:
        """Kernels that an agent may listen to; one that was killed may have been started again by now."""
        living = self._living()
        again = [one for one in self._books.charges.values() if one.restarts and one not in living]
        return living + again

    def _living(self) -> list[Charge]:
        charges = [one for one in self._books.charges.values() if not one.killed or one.restarts]
        return [one for one in charges if alive(one.pid)]

    def _kill_client(self, fault: Fault) -> str:
        names = self._people.names
        chosen = names if fault.dice % 5 == 0 else [names[fault.dice % len(names)]]
        for name in chosen:
            self._people.kill(name)
        self._clients[fault] = chosen
        return ", ".join(chosen)

    def _start_clients(self, fault: Fault) -> str:
        chosen = self._clients.pop(fault, [])
        for name in chosen:
            self._people.start(name)
        return ", ".join(chosen)

    def _kill_server(self, fault: Fault) -> str:
        told = self._end_server(signal.SIGKILL)
        if told and fault.dice % OFTEN == 0:
            self._house.start_server()
            threading.Event().wait(fault.dice % 1000 / 1000)
            told += ", then " + self._end_server(signal.SIGKILL)
        return told

    def _kill_agent(self, fault: Fault) -> str:
        told = self._end_agent(signal.SIGKILL)
        if not told or fault.dice % OFTEN:
            return told
        for _ in range(fault.dice % 3 + 1):
            with contextlib.suppress(AssertionError):
                wait_until(self._house.agent_pid, 3)
                threading.Event().wait(fault.dice % 200 / 1000)
                told += ", then " + self._end_agent(signal.SIGKILL)
        return told

    def _kill_all(self, fault: Fault) -> str:
        """Everybody at one moment, but for the kernels."""
        self._unheard()
        agent = self._house.agent_pid()
        server = self._house.server_pid
        for pid in filter(None, [agent, server, *self._people.pids]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._house.end_server(signal.SIGKILL)
        self._clients[fault] = self._people.names
        # With it, or it goes on and is found again.
        spawner = self._kill_spawner() if fault.dice % 2 else "left alone"
        told = f"server {server}, agent {agent}, spawner {spawner}"
        return f"{told}, {', '.join(self._people.names)}"

    def _start_all(self, fault: Fault) -> str:
        return f"{self._start_server()}, {self._start_clients(fault)}"

    def _unheard(self) -> None:
        for charge in self._heard():
            charge.unheard += 1
            charge.adopted = True

    def _end_server(self, signum: int) -> str:
        pid = self._house.server_pid
        self._house.end_server(signum)
        return f"pid {pid}" if pid else ""

    def _start_server(self) -> str:
        self._house.start_server()
        return f"started, pid {self._house.server_pid}"

    def _end_agent(self, signum: int) -> str:
        pid = self._house.agent_pid()
        if pid is None:
            return ""
        self._unheard()
        os.kill(pid, signum)
        wait_until(lambda: not alive(pid), 40, lambda: f"agent {pid} did not end")
        return f"pid {pid}"

    def _kill_kernel(self, fault: Fault) -> str:
        living = self._living()
        if not living:
            return ""
        charge = living[fault.dice % len(living)]
        charge.killed += 1
        os.kill(charge.pid, signal.SIGKILL)
        return f"kernel {charge.id}, pid {charge.pid}"

    def _kill_spawner(self) -> str:
        """Whoever has started the kernels: they go on, and nobody knows how they end."""
        pid = self._house.spawner_pid()
        if pid is None:
            return ""
        for charge in self._heard():
            charge.orphaned = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), 20, lambda: f"spawner {pid} did not end")
        return f"pid {pid}"

    def _pause_agent(self, fault: Fault) -> str:
        for charge in self._heard():
            charge.unheard += 1
        return self._pause(fault, self._house.agent_pid())

    def _pause_kernel(self, fault: Fault) -> str:
        living = self._living()
        return self._pause(fault, living[fault.dice % len(living)].pid if living else None)

    def _pause(self, fault: Fault, pid: int | None) -> str:
        if pid is None:
            return ""
        os.kill(pid, signal.SIGSTOP)
        self._paused[fault] = pid
        return f"pid {pid} for {fault.lasting:.1f} s"

    def _go_on(self, fault: Fault) -> str:
        pid = self._paused.pop(fault, None)
        if pid is None:
            return ""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        return f"pid {pid} goes on"

    def _fill_disk(self) -> str:
        for charge in self._books.charges.values():
            charge.full = True
        self._house.fill()
        return "no space left" if self._house.mounted else "files are limited"

    def _free_disk(self) -> str:
        self._house.free()
        return "there is space"

    def _cut_link(self, fault: Fault) -> str:
        how = CUTS[fault.dice % len(CUTS)]
        {"cut": self._house.detour.cut, "stall": self._house.detour.stall}.get(
            how, self._house.detour.tear
        )()
        return f"{how} for {fault.lasting:.1f} s"

    def _mend_link(self) -> str:
        self._house.detour.mend()
        return "mended"
