"""The states of a kernel in the guide's words."""

from __future__ import annotations

from enum import Enum


class KernelState(Enum):
    """Where a kernel is in its life."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    STATE_STARTING = "STATE_STARTING"
    STATE_RUNNING_IDLE = "STATE_RUNNING_IDLE"
    STATE_RUNNING_BUSY = "STATE_RUNNING_BUSY"
    STATE_FAILED = "STATE_FAILED"
    STATE_TERMINATING = "STATE_TERMINATING"
    STATE_TERMINATED = "STATE_TERMINATED"


_BY_STATE = {
    "starting": KernelState.STATE_STARTING,
    "restarting": KernelState.STATE_STARTING,
    "idle": KernelState.STATE_RUNNING_IDLE,
    "busy": KernelState.STATE_RUNNING_BUSY,
    "failed": KernelState.STATE_FAILED,
    "terminating": KernelState.STATE_TERMINATING,
    "terminated": KernelState.STATE_TERMINATED,
}


def state_of(state: str) -> KernelState:
    """Return the guide's word for a state of ours; those it has none for are unspecified."""
    return _BY_STATE.get(state, KernelState.STATE_UNSPECIFIED)
