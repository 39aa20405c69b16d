"""The server's end of the wire to an agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record
from kernelyard.model.tasks import Assignment, Cancellation
from kernelyard.ports.engine import AgentAddress
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit, ExternalList
from kernelyard.wire.link import AgentInfo, FactList, ImageList, LogPart
from kernelyard.wire.relaying import Relay
from kernelyard.wire.zygotes import ZygoteList


class Heard(Protocol):
    """Who is told of the records of a journal as they arrive."""

    def begin(self, last: int | None) -> None:
        """The journal has records up to ``last``, which will come at once; None if nobody knows."""
        ...

    def take(self, records: Sequence[Record]) -> None:
        """These have arrived, and will be yielded soon."""
        ...


class RelayLine(Protocol):
    """One client's messages to and from a kernel, each in the framing ``wire.websocket_v1``."""

    async def next(self) -> list[bytes]:
        """Return what has come, at least one message.

        When nothing more will come, raises what the agent says of that, or AgentUnavailable.
        """
        ...

    def send(self, payload: bytes) -> None:
        """Send a message."""
        ...

    @property
    def full(self) -> bool:
        """Whether the agent does not read, so that no more should be sent."""
        ...

    async def drain(self) -> None:
        """Wait while it is full."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class AgentLink(Protocol):
    """What an agent can be asked. Every call may be repeated after a crash.

    Each raises AgentUnavailable when the agent cannot be reached or does not answer in time, and the
    errors named here.
    """

    async def hello(self) -> AgentInfo:
        """Who is there."""
        ...

    async def images(self, *, refresh: bool = False) -> ImageList:
        """What can run beside this agent."""
        ...

    async def new_images(self, than: int, seconds: float) -> ImageList:
        """The same as soon as its version is not ``than``, or after some time, that at the latest."""
        ...

    async def check_parameters(
        self, provider: str, image: str, values: Mapping[str, object]
    ) -> None:
        """See whether an image may be started with these values. Raises Invalid, ImageNotReady."""
        ...

    async def resource(self, provider: str, image: str, file: str) -> bytes:
        """A file of an image. Raises ImageNotFound, ResourceNotFound."""
        ...

    async def launch(self, order: LaunchOrder) -> None:
        """Begin to start a kernel; how it goes stands in its journal. Raises StorageFull."""
        ...

    async def claim(self, order: LaunchOrder) -> None:
        """Give a kernel that has waited in a pool to its owner; nothing of it is run before that.

        Raises KernelNotFound, KernelEnded, StorageFull.
        """
        ...

    async def submit(self, kernel_id: str, tasks: Sequence[Assignment]) -> None:
        """Queue tasks, durably. Raises KernelNotFound, KernelEnded, StorageFull."""
        ...

    async def cancel(
        self, kernel_id: str, task_id: str, seq: int, reason: str, how: Cancellation
    ) -> None:
        """Cancel a task, queued, running or yet to come. Raises KernelNotFound, TaskFinished."""
        ...

    async def interrupt(self, kernel_id: str, by: str, reason: str) -> InterruptOutcome:
        """Interrupt what runs; return what is known of it. Raises KernelNotFound, KernelNotRunning."""
        ...

    async def signal(self, kernel_id: str, number: int, by: str, reason: str) -> bool:
        """Send a signal; return whether it arrived. Raises KernelNotFound, KernelNotRunning."""
        ...

    async def restart(self, kernel_id: str, attempt: int, reason: str, by: str = "") -> None:
        """Begin to restart, because ``by`` wants it. Raises KernelNotFound, KernelEnded."""
        ...

    async def stop(self, kernel_id: str, reason: str, *, shut_down: bool = False) -> None:
        """Begin to end a kernel; its open tasks are settled when this returns.

        One that somebody else has started is let go of, and ended only with ``shut_down``.
        """
        ...

    async def deposit(self, deposit: Deposit) -> None:
        """Leave the connection of a kernel that is to be attached with the agent, and nowhere else.

        It is launched after that with an order that is not ``owned``. Raises Invalid, StorageFull.
        """
        ...

    async def deposit_file(self, kernel_id: str, directory: str, file: str, identity: str) -> None:
        """The same of a file on the agent's machine. Raises Conflict if it tells of another kernel."""
        ...

    async def external_files(self, directory: str) -> ExternalList:
        """Which kernels have connection files in a directory of the agent's machine, and listen."""
        ...

    async def forget(self, kernel_id: str) -> None:
        """Remove every trace of a kernel, ending it first if need be."""
        ...

    def follow(
        self,
        kernel_id: str,
        after: int,
        after_at: Micros | None = None,
        heard: Heard | None = None,
    ) -> AsyncIterator[list[Record]]:
        """Yield the journal's records after number ``after``, in batches, as they come.

        ``after_at`` is the time of record ``after``. ``heard`` is told of each record before it is
        yielded, however long a batch is waited for. Ends after the journal's last record. Raises
        KernelNotFound, and Invalid if the journal has no such record any more.
        """
        ...

    async def attach(self, kernel_id: str, seconds: float) -> None:
        """A client is attached for so long: the kernel is not idle. Raises KernelNotFound."""
        ...

    async def stored(self, kernel_id: str, number: int) -> None:
        """Records up to a number are stored safely; the agent may let go of them."""
        ...

    async def log(self, kernel_id: str, begin: int | None, most: int) -> LogPart:
        """What the kernel's process printed beside the protocol. Raises KernelNotFound."""
        ...

    async def open_bridge(self, kernel_id: str) -> Connection:
        """Let plain Jupyter clients join a kernel; how they do, key included.

        Raises KernelNotFound, KernelNotRunning, KernelEnded, LimitReached, StorageFull.
        """
        ...

    async def close_bridge(self, kernel_id: str) -> None:
        """Send plain Jupyter clients away. Raises KernelNotFound."""
        ...

    async def relay(self, request: Relay) -> RelayLine:
        """Let a client speak with a kernel.

        Raises KernelNotFound, KernelNotRunning, KernelEnded, LimitReached.
        """
        ...

    async def facts(self) -> FactList:
        """Which limits hold on the agent's machine."""
        ...

    async def zygotes(self) -> ZygoteList:
        """From which processes kernels are forked."""
        ...

    async def quit(self, *, stop_kernels: bool) -> None:
        """Ask the agent to end. Raises Conflict if kernels are alive and may not be stopped."""
        ...


class Links(Protocol):
    """Opens links."""

    def open(self, address: AgentAddress) -> AgentLink:
        """Return the link to an agent; connects when first used, and again when it broke."""
        ...

    async def aclose(self) -> None:
        """Close every link that was opened."""
        ...
