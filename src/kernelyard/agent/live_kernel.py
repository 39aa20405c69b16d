"""What running code needs of a kernel that lives, and of whoever can start it anew."""

from __future__ import annotations

from typing import Protocol

from kernelyard.agent.beside import Beside
from kernelyard.agent.client_runs import Executing
from kernelyard.agent.endings import TaskEnd


class LiveKernel(Executing, Protocol):
    """What running code needs of a kernel that lives."""

    @property
    def interrupting(self) -> bool:
        """Whether an interrupt is on its way that could still hit other code than was meant."""
        ...

    late_seconds: float
    """How long after the end of some code its output may still come."""

    def interrupt(self) -> object: ...
    @property
    def interruptible(self) -> bool:
        """Whether an interrupt may stop what it runs."""
        ...

    @property
    def beside(self) -> Beside | None:
        """What its process prints beside the protocol, where that is to be output, too."""
        ...

    def probe(self) -> None:
        """Ask for a sign that all it said before has been heard; ``on_probed`` is called then."""
        ...


class Restarter(Protocol):
    """Who can restart the kernel when nothing else stops a task."""

    def restart_stuck(self, end: TaskEnd) -> None:
        """Start the kernel anew; what runs ends as told, what waits stays."""
        ...
