"""A kernel's life: what is wanted, where it is, and the one next step that closes the gap."""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never


class Wanted(StrEnum):
    """What its owner wants of a kernel. It only ever moves downwards."""

    RUN = "run"
    STOP = "stop"
    GONE = "gone"
    """Stopped, and every trace removed."""


class Phase(StrEnum):
    """Where a kernel is."""

    REQUESTED = "requested"
    LAUNCHING = "launching"
    """The launch order is on its way to an agent."""
    CONNECTING = "connecting"
    """The process exists and has not answered yet."""
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (Phase.STOPPED, Phase.FAILED)


class KernelState(StrEnum):
    """What users see: the phase, with idle and busy as observations."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    RESTARTING = "restarting"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        return self in (KernelState.TERMINATED, KernelState.FAILED)


class Step(StrEnum):
    """What reconciling does next. Each step may be repeated without harm."""

    NOTHING = "nothing"
    LAUNCH = "launch"
    RESTART = "restart"
    STOP = "stop"
    SETTLE = "settle"
    """It was never launched: end it and its tasks in the store."""
    REMOVE = "remove"
    """Let the agent forget it, ending it first if need be, and remove its rows."""


_ORDER = {Wanted.RUN: 0, Wanted.STOP: 1, Wanted.GONE: 2}


def wants_more(wanted: Wanted, asked: Wanted) -> bool:
    """Whether ``asked`` goes beyond what is wanted already; a stop is never taken back."""
    return _ORDER[asked] > _ORDER[wanted]


def next_step(wanted: Wanted, phase: Phase, *, attempt: int, ran_attempt: int) -> Step:
    """Return the step that brings a kernel nearer to what is wanted.

    ``attempt`` counts the starts asked for, ``ran_attempt`` those that have become ready.
    """
    match wanted:
        case Wanted.RUN:
            if phase in (Phase.REQUESTED, Phase.LAUNCHING):
                return Step.LAUNCH
            if phase is Phase.READY and attempt > ran_attempt:
                return Step.RESTART
            return Step.NOTHING
        case Wanted.STOP:
            if phase.is_final:
                return Step.NOTHING
            return Step.SETTLE if phase is Phase.REQUESTED else Step.STOP
        case Wanted.GONE:
            return Step.REMOVE
        case _:
            assert_never(wanted)


def public_state(
    wanted: Wanted, phase: Phase, *, attempt: int, ran_attempt: int, busy: bool
) -> KernelState:
    """Return what users see of a kernel."""
    match phase:
        case Phase.STOPPED:
            return KernelState.TERMINATED
        case Phase.FAILED:
            return KernelState.FAILED
        case Phase.STOPPING:
            return KernelState.TERMINATING
        case _ if wanted is not Wanted.RUN:
            return KernelState.TERMINATING
        case _ if ran_attempt and attempt > ran_attempt:
            return KernelState.RESTARTING
        case Phase.REQUESTED | Phase.LAUNCHING | Phase.CONNECTING:
            return KernelState.STARTING
        case Phase.READY:
            return KernelState.BUSY if busy else KernelState.IDLE
        case _:
            assert_never(phase)
