"""What every part of the yard works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.ports.bell import Bell
from kernelyard.ports.clock import Clock
from kernelyard.ports.stores import Store
from kernelyard.yard.agents import Agents
from kernelyard.yard.audit import AuditTrail
from kernelyard.yard.hearings import Hearings
from kernelyard.yard.limits import Limits
from kernelyard.yard.releasing import Releases
from kernelyard.yard.remembered import KernelKey, Remembered
from kernelyard.yard.tails import Tails


@dataclass(frozen=True, slots=True)
class World:
    """The ports, and the limits to keep."""

    store: Store
    agents: Agents
    bell: Bell
    clock: Clock
    limits: Limits
    audit: AuditTrail
    tails: Tails
    """What kernels have said last."""
    releases: Releases = field(default_factory=Releases)
    """What is stored and need not be kept in journals."""
    hearings: Hearings = field(default_factory=Hearings)
    """Who waits for the end of a task."""
    kernel_keys: Remembered[KernelKey] = field(default_factory=Remembered)
    """Kernels by their ids, those that were asked for last."""
