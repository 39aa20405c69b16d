"""What a relay needs of its kernel."""

from __future__ import annotations

from typing import Protocol

from kernelyard.agent.bridge.nanny import Ward
from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.ears import Tap
from kernelyard.agent.journal import Journal
from kernelyard.wire.multipart import Parts


class Speaker(Protocol):
    """The sockets to a process that is ready."""

    def send_shell(self, parts: Parts) -> None: ...
    def send_control(self, parts: Parts) -> None: ...
    def send_stdin(self, parts: Parts) -> None: ...


class Kernel(Ward, Protocol):
    """The kernel behind a relay."""

    @property
    def id(self) -> str: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def attempt(self) -> int: ...
    @property
    def speaker(self) -> Speaker | None:
        """None while no process is ready."""
        ...

    @property
    def running_msg_id(self) -> str:
        """Id of the request that runs; empty if none does."""
        ...

    def run(self, run: ClientRun) -> None:
        """Run what a client asks for, in its turn. Raises KernelEnded."""
        ...

    def tap(self, tap: Tap | None) -> None:
        """Let somebody hear what the kernel says from now on."""
        ...
