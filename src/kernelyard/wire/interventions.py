"""Requests of the agent link that do something to a kernel that runs, and their answers."""

from __future__ import annotations

import msgspec

from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.kernels import LaunchOrder


class Claim(msgspec.Struct, tag="claim", frozen=True):
    """Give a kernel that has waited in a pool what its owner asks: an order like that of its launch.

    When it is answered, environment and directory are as he wants them, or the process is being
    started anew with them; its limits of time count from here. One that was claimed already stays.
    """

    order: LaunchOrder


class Interrupt(msgspec.Struct, tag="interrupt", frozen=True):
    """Interrupt whatever the kernel runs; answered with what that is known to have achieved."""

    kernel_id: str
    by: str = ""
    """Who wants it, for everybody who follows the kernel."""
    reason: str = ""


class Interrupted(msgspec.Struct, tag="interrupted", frozen=True):
    """The answer to interrupt."""

    outcome: InterruptOutcome


class Signal(msgspec.Struct, tag="signal", frozen=True):
    """Send a signal to the kernel and what belongs to it."""

    kernel_id: str
    number: int
    by: str = ""
    reason: str = ""


class Signalled(msgspec.Struct, tag="signalled", frozen=True):
    """The answer to signal."""

    delivered: bool
