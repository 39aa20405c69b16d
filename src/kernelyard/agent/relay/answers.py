"""What clients are answered about code that their kernel did not answer."""

from __future__ import annotations

from kernelyard.agent.bridge.lines import ABORTED
from kernelyard.agent.endings import TaskEnd
from kernelyard.model.records import EndCause
from kernelyard.wire import nanny


def told(end: TaskEnd) -> dict[str, object]:
    """Content of the reply to a run that the kernel did not answer."""
    match end.cause:
        case EndCause.RESTARTED:
            return nanny.error("KernelRestarted", end.reason or "")
        case None | EndCause.RAISED | EndCause.UNHEARD:
            return dict(ABORTED)
        case EndCause.ASKED if end.state_preserved:
            return dict(ABORTED)
        case _:
            return nanny.error("KernelDied", end.reason or "")
