"""Links over unix sockets: pooled connections for calls, one connection for each journal followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeVar

from kernelyard.links.frames import Connection
from kernelyard.links.journal_stream import JournalStream
from kernelyard.links.relay import RelayLine
from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Assignment, Cancellation
from kernelyard.ports.agent_link import Heard
from kernelyard.ports.engine import AgentAddress
from kernelyard.wire import connections
from kernelyard.wire.foreign import Deposit, DepositFile, ExternalFiles, ExternalList
from kernelyard.wire.interventions import Claim, Interrupt, Interrupted, Signal, Signalled
from kernelyard.wire.link import (
    AgentInfo,
    Attach,
    Bridge,
    Bridged,
    Cancel,
    Content,
    Done,
    FactList,
    Facts,
    Fault,
    Follow,
    Forget,
    Hello,
    ImageList,
    Images,
    Launch,
    Log,
    LogPart,
    NewImages,
    Parameters,
    Quit,
    Reply,
    Request,
    Resource,
    Restart,
    Stop,
    Stored,
    Submit,
    error_of,
)
from kernelyard.wire.relaying import Relay
from kernelyard.wire.zygotes import ZygoteList, Zygotes

CALL_SECONDS = 30.0
LONG_CALL_SECONDS = 180.0
"""For what has to end processes, or to remove files of which there may be many."""
_MOST_IDLE = 4
R = TypeVar("R", bound=Reply)


class UnixLink:
    """A link to the agent behind one unix socket; see ``ports.agent_link.AgentLink``."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[Connection] = []

    async def hello(self) -> AgentInfo:
        return await self._call(Hello(), AgentInfo)

    async def images(self, *, refresh: bool = False) -> ImageList:
        return await self._call(Images(refresh=refresh), ImageList)

    async def new_images(self, than: int, seconds: float) -> ImageList:
        return await self._call(NewImages(than=than, seconds=seconds), ImageList)

    async def check_parameters(
        self, provider: str, image: str, values: Mapping[str, object]
    ) -> None:
        request = Parameters(provider=provider, image=image, values=dict(values))
        await self._call(request, Done)

    async def resource(self, provider: str, image: str, file: str) -> bytes:
        request = Resource(provider=provider, image=image, file=file)
        return (await self._call(request, Content)).data

    async def launch(self, order: LaunchOrder) -> None:
        await self._call(Launch(order=order), Done)

    async def claim(self, order: LaunchOrder) -> None:
        await self._call(Claim(order=order), Done)

    async def submit(self, kernel_id: str, tasks: Sequence[Assignment]) -> None:
        await self._call(Submit(kernel_id=kernel_id, tasks=list(tasks)), Done)

    async def cancel(
        self, kernel_id: str, task_id: str, seq: int, reason: str, how: Cancellation
    ) -> None:
        request = Cancel(kernel_id=kernel_id, task_id=task_id, seq=seq, reason=reason, how=how)
        await self._call(request, Done)

    async def interrupt(self, kernel_id: str, by: str, reason: str) -> InterruptOutcome:
        request = Interrupt(kernel_id=kernel_id, by=by, reason=reason)
        return (await self._call(request, Interrupted)).outcome

    async def signal(self, kernel_id: str, number: int, by: str, reason: str) -> bool:
        request = Signal(kernel_id=kernel_id, number=number, by=by, reason=reason)
        return (await self._call(request, Signalled)).delivered

    async def restart(self, kernel_id: str, attempt: int, reason: str, by: str = "") -> None:
        request = Restart(kernel_id=kernel_id, attempt=attempt, reason=reason, by=by)
        await self._call(request, Done)

    async def stop(self, kernel_id: str, reason: str, *, shut_down: bool = False) -> None:
        request = Stop(kernel_id=kernel_id, reason=reason, shut_down=shut_down)
        await self._call(request, Done)

    async def deposit(self, deposit: Deposit) -> None:
        await self._call(deposit, Done)

    async def deposit_file(self, kernel_id: str, directory: str, file: str, identity: str) -> None:
        await self._call(DepositFile(kernel_id, directory, file, identity), Done)

    async def external_files(self, directory: str) -> ExternalList:
        return await self._call(ExternalFiles(directory), ExternalList)

    async def forget(self, kernel_id: str) -> None:
        await self._call(Forget(kernel_id=kernel_id), Done)

    async def attach(self, kernel_id: str, seconds: float) -> None:
        await self._call(Attach(kernel_id=kernel_id, seconds=seconds), Done)

    async def stored(self, kernel_id: str, number: int) -> None:
        await self._call(Stored(kernel_id=kernel_id, number=number), Done)

    async def log(self, kernel_id: str, begin: int | None, most: int) -> LogPart:
        return await self._call(Log(kernel_id=kernel_id, begin=begin, most=most), LogPart)

    async def open_bridge(self, kernel_id: str) -> connections.Connection:
        return (await self._call(Bridge(kernel_id=kernel_id), Bridged)).connection

    async def close_bridge(self, kernel_id: str) -> None:
        await self._call(Bridge(kernel_id=kernel_id, close=True), Done)

    async def relay(self, request: Relay) -> RelayLine:
        return await RelayLine.open(self._path, request)

    async def facts(self) -> FactList:
        return await self._call(Facts(), FactList)

    async def zygotes(self) -> ZygoteList:
        return await self._call(Zygotes(), ZygoteList)

    async def quit(self, *, stop_kernels: bool) -> None:
        await self._call(Quit(stop_kernels=stop_kernels), Done)

    async def follow(
        self,
        kernel_id: str,
        after: int,
        after_at: Micros | None = None,
        heard: Heard | None = None,
    ) -> AsyncIterator[list[Record]]:
        connection = await Connection.open(self._path)
        stream: JournalStream | None = None
        try:
            reply = await connection.call(
                Follow(kernel_id=kernel_id, after=after, after_at=after_at)
            )
            if isinstance(reply, Fault):
                raise error_of(reply)
            if heard is not None:
                heard.begin(reply.last if isinstance(reply, Done) else None)
            stream = JournalStream(connection, heard)
            closed = False
            while not closed:
                records = await stream.next()
                closed = records[-1].kind is RecordKind.KERNEL_ENDED
                yield records
        finally:
            if stream is not None:
                stream.close()
            connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _call(self, request: Request, expected: type[R]) -> R:
        reply = await self._exchange(request)
        if isinstance(reply, Fault):
            raise error_of(reply)
        if not isinstance(reply, expected):
            raise AgentUnavailable(
                "The agent answered in a way this server does not understand; they may be of "
                "different versions. Run 'kernelyard stop --all' and start again.",
                detail=f"{type(request).__name__} was answered by {type(reply).__name__}",
            )
        return reply

    async def _exchange(self, request: Request) -> Reply:
        # Those two do something each time: they are sent on a line that is new, and never twice.
        while self._idle and not isinstance(request, Interrupt | Signal):
            connection = self._idle.pop()
            if connection.ended:
                connection.close()
                continue
            try:
                return await self._on(connection, request)
            except AgentUnavailable:
                # It may have been closed while it lay idle; requests may be repeated.
                continue
        return await self._on(await Connection.open(self._path), request)

    async def _on(self, connection: Connection, request: Request) -> Reply:
        whole = False
        try:
            seconds = LONG_CALL_SECONDS if isinstance(request, Quit | Forget) else CALL_SECONDS
            reply = await connection.call(request, seconds)
            whole = True
        except TimeoutError as error:
            raise AgentUnavailable(
                detail=f"no answer to {type(request).__name__} in time"
            ) from error
        finally:
            if whole and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
            else:
                connection.close()
        return reply


class UnixLinks:
    """Opens one link per socket path; see ``ports.agent_link.Links``."""

    def __init__(self) -> None:
        self._links: dict[str, UnixLink] = {}

    def open(self, address: AgentAddress) -> UnixLink:
        """Return the link to ``address``. Raises ValueError for an address of another kind."""
        if address.kind != "unix":
            raise ValueError(f"no link for addresses of kind {address.kind!r}")
        return self._links.setdefault(address.place, UnixLink(address.place))

    async def aclose(self) -> None:
        """Close every link."""
        for link in self._links.values():
            link.close()
        self._links.clear()
