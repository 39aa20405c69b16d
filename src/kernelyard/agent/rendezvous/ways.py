"""Which ways of finding each other are tried with a kernel, and in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kernelyard.agent.rendezvous.classic import Classic
from kernelyard.agent.rendezvous.experience import Experience
from kernelyard.agent.rendezvous.handshake import Handshake
from kernelyard.agent.rendezvous.ipc import Ipc
from kernelyard.agent.rendezvous.read_back import ReadBack
from kernelyard.agent.rendezvous.registrar import Registrar
from kernelyard.agent.rendezvous.rendezvous import Rendezvous
from kernelyard.providers.provider import LaunchPlan
from kernelyard.providers.quirks import Meeting, Quirks

PATIENCE = 10.0
"""Seconds, at most, in which a kernel that nobody knows must show that a way is one for it."""
_PARTS_OF_START = 5
_REGISTERS = (5, 6)
"""The version of the protocol from which on a kernel says that it registers. Some say so and do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of one kernel, as far as it matters for meeting it."""

    ipc_prefix: str | None
    """With what the names of its unix sockets begin; None if there is no place for any."""
    kernel_id: str
    kernel_name: str
    seconds: float = 60.0
    """How long it may take until it answers."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to meet a kernel."""

    name: Meeting
    go: Callable[[Start], Rendezvous]
    """Begins to go it, for one start. Raises NotMet where it is barred, and OSError."""


class Ways:
    """Knows the ways, and learns which suits a kernel that is in no table."""

    def __init__(self, registrar: Registrar, experience: Experience) -> None:
        self._registrar = registrar
        self._experience = experience

    def of(self, plan: LaunchPlan, quirks: Quirks) -> list[Way]:
        """Return the ways to try, the best first.

        What is settled for the kernel holds. Else what was learned goes first, and then what its
        version of the protocol lets hope for; the ports that we choose are always the last.
        """
        if quirks.meets is not None:
            return [self._way(one, quirks.meets, patient=True) for one in _joined(quirks.meets)]
        guessed = list(_guessed(plan.kernel_protocol_version))
        learned = self._experience.of(plan)
        if learned in guessed:
            guessed.sort(key=lambda one: one != learned)
        return [self._way(one, guessed, patient=False) for one in _joined(guessed)]

    def met(self, plan: LaunchPlan, quirks: Quirks, way: Way) -> None:
        """Take in that a kernel was met in a way, and has answered."""
        if quirks.meets is None:
            self._experience.learn(plan, way.name)

    def _way(self, name: Meeting, among: Iterable[Meeting], *, patient: bool) -> Way:
        or_file = "read_back" in among

        def go(start: Start) -> Rendezvous:
            patience = None if patient else min(PATIENCE, start.seconds / _PARTS_OF_START)
            match name:
                case "ipc":
                    return Ipc(start.ipc_prefix, start.kernel_name, patience=patience)
                case "read_back":
                    return ReadBack(start.kernel_name, patience=patience)
                case "classic":
                    return Classic(start.kernel_name)
                case "handshake_a" | "handshake_b":
                    return Handshake(
                        "a" if name == "handshake_a" else "b",
                        self._registrar,
                        kernel_id=start.kernel_id,
                        kernel_name=start.kernel_name,
                        or_file=or_file and name == "handshake_a",
                        patience=patience,
                    )

        return Way(name, go)


def _joined(ways: Iterable[Meeting]) -> list[Meeting]:
    """Reading the file again is part of the handshake where both are possible: one start serves both."""
    names = list(ways)
    if "handshake_a" in names and "read_back" in names:
        first = min(names.index("handshake_a"), names.index("read_back"))
        rest = [one for one in names if one not in ("handshake_a", "read_back")]
        return [*rest[:first], "handshake_a", *rest[first:]]
    return names


def _guessed(claimed: str | None) -> Iterable[Meeting]:
    if _version(claimed) >= _REGISTERS:
        yield from ("handshake_a", "read_back", "handshake_b")
    yield from ("ipc", "classic")


def _version(claimed: str | None) -> tuple[int, int]:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", claimed or "")
    return (int(found[1]), int(found[2])) if found else (0, 0)
