"""When a kernel will be ended because of its limits, as far as can be told from what is stored."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause


@dataclass(frozen=True, slots=True)
class Prospect:
    """An end that will come unless something happens."""

    at: Micros
    cause: EndCause
    because: str


def prospect_of(kernel: Kernel) -> Prospect | None:
    """The first end that is due for a kernel; None if none is.

    Its agent may find later that it is not idle after all, because a process of it works or a client
    is attached: then its last activity moves, and this with it.
    """
    if kernel.wanted is not Wanted.RUN or kernel.phase.is_final:
        return None
    found: list[Prospect] = []
    spec = kernel.template.spec
    if spec.max_life_seconds and kernel.launched_at is not None:
        at = kernel.launched_at + int(spec.max_life_seconds * 1_000_000)
        found.append(Prospect(at, EndCause.LIFE_LIMIT, "its template limits how long it may live"))
    idle = kernel.phase is Phase.READY and not kernel.open_tasks and kernel.current_seq is None
    if spec.max_idle_seconds and idle and kernel.last_activity_at is not None:
        at = kernel.last_activity_at + int(spec.max_idle_seconds * 1_000_000)
        found.append(Prospect(at, EndCause.IDLE, "it is idle, and its template limits that"))
    return min(found, key=lambda one: one.at, default=None)
