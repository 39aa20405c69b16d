"""The base class of launchers: one launched kernel, as its parent sees it.

The agent treats every kernel through this one object: processes that it started, processes that it
found again, kernels that a provider starts elsewhere, and kernels that somebody else has started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.wire.connections import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """What one kernel is asked to be started with."""

    kernel_id: str
    attempt: int = 1
    """Counts the starts of a kernel: it is one higher after each restart."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """Values for what the image's JSON Schema declares; validated, defaults filled in."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What template and caller want to be set; wins over the image's own."""
    work_dir: Path = Path()
    connection_file: Path = Path()
    """Where a connection file of this start may be written. The agent keeps there what
    ``connection_info`` tells."""
    log: Path = Path()
    """Where to append what the process prints."""
    path: str | None = None
    """The notebook that the kernel is for, where a caller has said it; see ``providers.directories``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a launched kernel holds of a machine, as far as its launcher knows."""

    pid: int | None = None
    """Of its process, if that is one of the agent's machine."""
    start_time: int | None = None
    """Of that process, in a unit of the system's own: tells it from a later one with the same id."""
    host: str | None = None
    """Where it runs, if elsewhere."""


class LaunchFailed(Exception):
    """A kernel could not be started; the text says why, and what mends it."""


class Launcher:
    """One launched kernel. Made without doing anything; ``start`` starts it.

    All methods may be called in any order after ``start`` and any number of times; ``poll``, ``wait``
    and the properties also after ``cleanup``. They are called on the agent's loop and must not block
    it: ``providers.blocking`` turns an object with blocking methods into one of these. A base class,
    not a Protocol, so that later versions can add methods with defaults.
    """

    owned: ClassVar[bool] = True
    """Whether the kernel is ours to end and to start again."""

    async def start(self) -> None:
        """Start the kernel. Raises LaunchFailed, and OSError as the system tells it."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it starts a kernel")

    async def connection_info(self) -> Connection:
        """Return where the kernel listens, as soon as that is known.

        Raises LaunchFailed if it never will be; a kernel that ends first is told by ``wait``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say where the kernel listens")

    @property
    def resources(self) -> Resources:
        """What the kernel holds."""
        return Resources()

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it lives. Asks, and never waits."""
        raise NotImplementedError(f"{type(self).__name__} does not say whether the kernel lives")

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        """Wait until it has ended; None if it still lives after ``timeout`` seconds."""
        raise NotImplementedError(f"{type(self).__name__} does not wait for the kernel's end")

    async def signal(self, signum: int) -> bool:
        """Send a signal to the kernel and what belongs to it; return whether it was delivered."""
        del signum
        return False

    async def interrupt(self) -> InterruptOutcome:
        """Interrupt what runs, in the way that needs no message to the kernel."""
        return InterruptOutcome.NOT_DELIVERED

    async def terminate(self) -> None:
        """Tell it to end; it may still tidy up."""
        raise NotImplementedError(f"{type(self).__name__} does not end the kernel")

    async def kill(self) -> None:
        """End it at once, with everything that belongs to it."""
        raise NotImplementedError(f"{type(self).__name__} does not kill the kernel")

    async def cleanup(self) -> None:
        """Remove what is left after its end: files, sockets, allocations."""

    def record(self) -> JsonObject:
        """What ``Provider.find_again`` of a later agent needs to find the kernel again."""
        return {}
