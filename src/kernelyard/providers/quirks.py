"""What is peculiar about one kernel: how it can be met, interrupted and ended, whatever it claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, get_args

Meeting = Literal["ipc", "handshake_a", "handshake_b", "read_back", "classic"]
"""A way in which a kernel and its agent find each other."""
Interrupting = Literal["signal", "message", "none"]
MEETINGS: tuple[Meeting, ...] = get_args(Meeting)
INTERRUPTS: tuple[Interrupting, ...] = get_args(Interrupting)
LONGEST_SHUTDOWN = 60.0
LONGEST_LATE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What is known of one kernel beyond its kernelspec. The defaults are those of a stranger."""

    meets: tuple[Meeting, ...] | None = None
    """The ways in which it can be met, the best first; None if that is to be found out."""
    interrupt: Interrupting | None = None
    """What stops its code: SIGINT, a message, or nothing; None if its kernelspec is to be believed."""
    lethal_interrupt: bool = False
    """Whether SIGINT ends the kernel instead of its code; then it is never sent."""
    tees_fd_output: bool | None = None
    """Whether it forwards what is written to its descriptors itself, so that nobody else may. Only
    where this is known to be false it is forwarded for it."""
    shutdown: Literal["message", "signal"] = "message"
    """What it is asked to end by."""
    shutdown_seconds: float = 3.0
    """How long it may take to end when asked, before it is told by SIGTERM and at last killed."""
    late_output_seconds: float = 0.0
    """How long after it has said that code is over it may still say what that has printed."""


class WrongQuirk(ValueError):
    """A quirk is not what its key allows; the text names the key."""


def merged(quirks: Quirks, given: Mapping[str, object], where: str) -> tuple[Quirks, list[str]]:
    """Return ``quirks`` with those of a table on top, and a sentence for each that is wrong.

    What is wrong is left out, and the rest holds.
    """
    good: dict[str, object] = {}
    problems: list[str] = []
    for key, value in given.items():
        try:
            good[key] = _checked(key, value)
        except WrongQuirk as error:
            problems.append(f"{where}: {error}")
    return replace(quirks, **good), problems  # type: ignore[arg-type]  # as its check has made it


def _checked(key: str, value: object) -> object:
    check = _CHECKS.get(key)
    if check is None:
        known = ", ".join(sorted(_CHECKS))
        raise WrongQuirk(f"{key[:80]!r} is no quirk; there are: {known}")
    return check(key, value)


def _meets(key: str, value: object) -> tuple[str, ...]:
    ways = value if isinstance(value, list) else []
    if not ways or not all(way in MEETINGS for way in ways):
        raise WrongQuirk(f"{key!r} must be a list of one or more of {_listed(MEETINGS)}")
    return tuple(dict.fromkeys(ways))


def _truth(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongQuirk(f"{key!r} must be true or false")
    return value


def _seconds(key: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not number or not 0 < value <= LONGEST_SHUTDOWN:
        raise WrongQuirk(f"{key!r} must be seconds, over 0 and up to {LONGEST_SHUTDOWN:g}")
    return float(value)


def _short_while(key: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, int | float) or not number or not 0 <= value <= LONGEST_LATE:
        raise WrongQuirk(f"{key!r} must be seconds, from 0 to {LONGEST_LATE:g}")
    return float(value)


def _one_of(*choices: str) -> Callable[[str, object], str]:
    def check(key: str, value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise WrongQuirk(f"{key!r} must be one of {_listed(choices)}")
        return value

    return check


def _listed(choices: tuple[str, ...]) -> str:
    return ", ".join(repr(one) for one in choices)


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "meets": _meets,
    "interrupt": _one_of(*INTERRUPTS),
    "lethal_interrupt": _truth,
    "tees_fd_output": _truth,
    "shutdown": _one_of("message", "signal"),
    "shutdown_seconds": _seconds,
    "late_output_seconds": _short_while,
}
KEYS = tuple(field.name for field in fields(Quirks))
"""The names of all quirks."""
