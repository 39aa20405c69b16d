"""Signals that may be sent to kernels, and the reasons that people give for what they do to one."""

from __future__ import annotations

import signal

from kernelyard.model.errors import Invalid

LONGEST_REASON = 500


def checked_signal(named: str | int) -> int:
    """Return the number of a signal named like ``SIGUSR1`` or ``usr1``, or by its number.

    Raises Invalid.
    """
    if isinstance(named, str) and not named.isdecimal():
        name = named.upper()
        found = signal.Signals.__members__.get(name if name.startswith("SIG") else f"SIG{name}")
        if found is not None:
            return int(found)
    elif int(named) in {int(one) for one in signal.valid_signals()}:
        return int(named)
    raise Invalid(
        f"{str(named)[:40]!r} is no signal of this system. Name one, such as 'SIGUSR1', or give its "
        "number.",
        field="signal",
    )


def checked_reason(reason: str) -> str:
    """Return ``reason`` if others can be shown it. Raises Invalid."""
    if len(reason) > LONGEST_REASON or any(ord(char) < 32 for char in reason):
        raise Invalid(
            f"'reason' may be one line of at most {LONGEST_REASON} characters.", field="reason"
        )
    return reason
