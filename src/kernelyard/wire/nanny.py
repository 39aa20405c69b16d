"""The nanny's messages: what becomes of a kernel, told to plain Jupyter clients, and what they may ask.

They are ordinary kernel messages, signed as all others, on the control channel; events come on iopub,
too. ``docs/reference/nanny.md`` describes them to those who write clients.
"""

from __future__ import annotations

import signal
from typing import Final

import msgspec

from kernelyard.model.exits import LOG_FOLLOWS
from kernelyard.model.records import EndCause, Record, RecordKind

DIED: Final = "kernel_died"
RESTARTED: Final = "kernel_restarted"
INTERRUPTED: Final = "kernel_interrupted"
SIGNALLED: Final = "kernel_signalled"
ENDING_SOON: Final = "kernel_ending_soon"

SHUTDOWN: Final = "shutdown_request"
RESTART: Final = "restart_request"
INTERRUPT: Final = "interrupt_request"
SIGNAL: Final = "signal_request"
IS_ALIVE: Final = "is_alive_request"
REQUESTS = frozenset({SHUTDOWN, RESTART, INTERRUPT, SIGNAL, IS_ALIVE})
"""What the nanny answers, and no kernel."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a record of the journal says of a kernel's fate."""

    attempt: int = 0
    cause: str = ""
    reason: str = ""
    by: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    outcome: str | None = None
    delivered: bool | None = None
    at: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Content of an event."""

    kernel_id: str
    cause: str
    reason: str
    by: str | None = None
    """Who asked for it, where somebody did and the agent was told who."""
    attempt: int = 0
    """The how-manieth start of the kernel this is about."""
    exit_code: int | None = None
    signal: str | None = None
    outcome: str | None = None
    """Of ``kernel_interrupted``: what it achieved."""
    delivered: bool | None = None
    """Of ``kernel_signalled``: whether the signal arrived."""
    restarting: bool = False
    """Of ``kernel_died``: whether it is being started again."""
    at: int | None = None
    """Of ``kernel_ending_soon``: when, in microseconds since 1970."""

    def sentence(self, name: str) -> str:
        """The event in one line for people."""
        what = {
            DIED: "The kernel ended",
            RESTARTED: "The kernel was started again, its variables are gone",
            INTERRUPTED: "The kernel was interrupted",
            SIGNALLED: "The kernel was sent a signal",
            ENDING_SOON: "The kernel will end soon",
        }[name]
        more = ", and is being started again" if self.restarting else ""
        return f"{what}: {self.reason or self.cause}{more}."


_tolds = msgspec.json.Decoder(Told)


def read_told(record: Record) -> Told:
    """Return what a record says, as much of it as can be read."""
    try:
        return _tolds.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Told()


def event_of(kernel_id: str, told: Told, *, restarting: bool = False) -> Event:
    """Return the event that tells the same."""
    return Event(
        kernel_id=kernel_id,
        cause=told.cause,
        reason=_without_log(told.reason),
        by=told.by,
        attempt=told.attempt,
        exit_code=told.exit_code,
        signal=told.signal,
        outcome=told.outcome,
        delivered=told.delivered,
        restarting=restarting,
        at=told.at,
    )


def _without_log(reason: str) -> str:
    """The sentence of a reason, without the end of the log that some quote below it."""
    return reason.partition("\n")[0].removesuffix(LOG_FOLLOWS)


def was_death(told: Told) -> bool:
    """Whether a kernel is started again because its process ended though nobody asked."""
    return told.cause in (EndCause.DIED, EndCause.OUT_OF_MEMORY)


def signal_number(named: object) -> int:
    """Return the number of a signal that is given by number or name. Raises ValueError."""
    if isinstance(named, bool) or not isinstance(named, int | str):
        raise ValueError("'sig' must be the number or the name of a signal")
    try:
        if isinstance(named, int):
            return signal.Signals(named)
        name = named.upper()
        return signal.Signals[name if name.startswith("SIG") else f"SIG{name}"]
    except (ValueError, KeyError):
        raise ValueError(f"there is no signal {str(named)[:20]!r} on this machine") from None


def ok(**fields: object) -> dict[str, object]:
    """Content of a reply to what was done."""
    return {"status": "ok", **fields}


def error(name: str, value: str) -> dict[str, object]:
    """Content of a reply to what was not done."""
    return {"status": "error", "ename": name, "evalue": value, "traceback": []}


FATES = frozenset(
    {
        RecordKind.KERNEL_READY,
        RecordKind.KERNEL_RESTARTING,
        RecordKind.KERNEL_INTERRUPTED,
        RecordKind.KERNEL_SIGNALLED,
        RecordKind.KERNEL_ENDING_SOON,
        RecordKind.KERNEL_ENDED,
    }
)
"""Kinds of records that a nanny tells of."""
