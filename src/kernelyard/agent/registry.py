"""The kernels of one agent: those that live, and the journals of those that have ended."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakValueDictionary

from kernelyard.agent.arrivals import Arrivals
from kernelyard.agent.bridge.bridges import FILE as BRIDGE
from kernelyard.agent.bridge.bridges import Bridges
from kernelyard.agent.bridged import BridgedKernel
from kernelyard.agent.connection import read_connection
from kernelyard.agent.cutting import Cuts
from kernelyard.agent.disk import storage_error
from kernelyard.agent.folder import Folder
from kernelyard.agent.foreign.deposits import Deposits, read_deposit
from kernelyard.agent.foreign.launcher import without_limits
from kernelyard.agent.journal import Journal
from kernelyard.agent.kernel import Kernel
from kernelyard.agent.kernel_log import KernelLog
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.log_keeping import Bounded
from kernelyard.agent.places import agent_dir, kernel_dir, remove_ipc_of, sweep_ipc
from kernelyard.agent.queue import Queue
from kernelyard.agent.recall import Recollection
from kernelyard.agent.recovery import recover
from kernelyard.agent.relay.relays import Relays
from kernelyard.agent.unborn import end_unborn
from kernelyard.model.errors import (
    Conflict,
    KernelEnded,
    KernelNotFound,
    KernelNotRunning,
    TaskFinished,
)
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.ids import is_uuid
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.quantities import Micros
from kernelyard.model.tasks import Assignment, Cancellation
from kernelyard.wire.connections import Connection
from kernelyard.wire.foreign import Deposit
from kernelyard.wire.link import LimitFact, LogPart
from kernelyard.wire.relaying import Relay

MOST_FORGOTTEN = 10_000


class Registry:
    """Finds the kernel that a request is about. Every verb may be repeated."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._live: dict[str, Kernel] = {}
        self._forgotten: dict[str, None] = {}
        """Ids of the last kernels that were forgotten, in order."""
        self._watchers: set[asyncio.Task[None]] = set()
        self._ended: WeakValueDictionary[str, Journal] = WeakValueDictionary()
        """Journals of ended kernels that somebody reads."""
        self.deposits = Deposits(agent_dir(surroundings.data_dir), surroundings.log)
        """What is known of kernels that are not ours."""
        self._ending_all = False
        """Whether all are ended at once: those that are not ours may then be attached again."""
        self._kernels_dir = agent_dir(surroundings.data_dir) / "kernels"
        self._cuts = Cuts(self._kernels_dir, surroundings.log)
        self._bridges = Bridges(surroundings.context, surroundings.log)
        self._relays = Relays(agent_dir(surroundings.data_dir), surroundings.log)
        self._arrivals = Arrivals()

    @property
    def live(self) -> list[str]:
        """Ids of the kernels that have not ended."""
        return list(self._live)

    @property
    def waiting(self) -> list[Kernel]:
        """Kernels that are ready and belong to nobody yet."""
        live = self._live.values()
        return [one for one in live if one.order.pooled and one.ready_incarnation is not None]

    @property
    def waits_for_space(self) -> bool:
        """Whether some of what kernels said is not on the disk yet, for there is no space."""
        return any(kernel.journal.backlog for kernel in self._live.values())

    async def recover(self, unheard_since: Micros) -> None:
        """Go on with the kernels that an earlier agent has left.

        ``unheard_since`` is when that agent was last known to listen.
        """
        if not self._kernels_dir.is_dir():
            return
        for path in sorted(self._kernels_dir.iterdir()):
            folder = Folder(path)
            if not is_uuid(path.name) or folder.has_ended:
                continue
            try:
                await self._recover_one(folder, unheard_since)
            except Exception:
                # One broken directory must not cost all others.
                self._surroundings.log.exception("kernel.not_recovered", kernel_id=path.name)
        self.deposits.sweep()
        sweep_ipc(self._surroundings.data_dir, self._live)
        self._surroundings.limits.sweep(self._live)
        await self._bridges.recover(
            self._kernels_dir,
            ((BridgedKernel(kernel), kernel.order.image) for kernel in self._live.values()),
        )

    def take_deposit(self, deposit: Deposit) -> None:
        """Keep where a kernel listens that will be launched soon. Raises Invalid, StorageFull."""
        folder = self._folder(deposit.kernel_id)
        if deposit.kernel_id in self._forgotten:
            return
        try:
            self.deposits.keep(deposit, folder)
        except OSError as error:
            raise storage_error(error) from error

    def connections(self) -> Iterator[Connection]:
        """Where kernels listen that are here already: those attached, and bridges to ours."""
        for kernel in self._live.values():
            folder = self._folder(kernel.id)
            deposit = None if kernel.order.owned else read_deposit(folder)
            found = deposit.connection if deposit else read_connection(folder.path / BRIDGE)
            if found is not None:
                yield found

    def facts(self) -> list[LimitFact]:
        """Which limits hold on this machine."""
        return self._surroundings.limits.facts()

    def stood_still(self, begin: Micros, end: Micros) -> None:
        """Nothing here had run from ``begin`` to ``end``: what kernels said then may be missing."""
        self._surroundings.log.warning("agent.stood_still", seconds=(end - begin) / 1_000_000)
        for kernel in self._live.values():
            kernel.stood_still(begin, end)

    async def launch(self, order: LaunchOrder) -> None:
        """Begin to start a kernel, or a further attempt of it; return when what is asked is on the disk.

        Raises Invalid, StorageFull. One that was forgotten is not started again: a server that was held up may ask late.
        """
        folder = self._folder(order.kernel_id)
        if order.kernel_id in self._forgotten:
            return
        if (kernel := self._live.get(order.kernel_id)) is not None:
            with contextlib.suppress(KernelEnded):
                kernel.restart(order.attempt, "asked to start anew")
            # The one who asked first may still wait for that, and nobody may hear of it sooner.
            await folder.order_on_disk()
            return
        if folder.has_ended:
            return
        if not order.owned:
            order = without_limits(order)
        try:
            folder.make()
            folder.write_order(order)
            kernel, _ = self._open(folder, order)
        except OSError as error:
            raise storage_error(error) from error
        self._enter(kernel)
        kernel.begin()
        await folder.order_on_disk()

    async def claim(self, order: LaunchOrder) -> None:
        """Give a kernel that waits to its owner. Raises KernelNotFound, KernelEnded, StorageFull."""
        kernel = self._live.get(order.kernel_id)
        if kernel is None:
            self._known(order.kernel_id)
            raise KernelEnded
        try:
            await kernel.claiming.claim(order)
        except OSError as error:
            raise storage_error(error) from error

    def submit(self, kernel_id: str, tasks: list[Assignment]) -> None:
        """Queue tasks. Raises KernelNotFound, KernelEnded, StorageFull."""
        kernel = self._live.get(kernel_id)
        if kernel is None:
            self._known(kernel_id)
            raise KernelEnded
        kernel.submit(tasks)

    def cancel(self, kernel_id: str, task_id: str, reason: str, how: Cancellation) -> None:
        """Cancel a task. Raises KernelNotFound, TaskFinished, StorageFull."""
        kernel = self._live.get(kernel_id)
        if kernel is None:
            self._known(kernel_id)
            raise TaskFinished
        kernel.cancel(task_id, reason, how)

    def attach(self, kernel_id: str, seconds: float) -> None:
        """A client is attached for so long, at least. Raises KernelNotFound."""
        kernel = self._live.get(kernel_id)
        if kernel is None:
            self._known(kernel_id)
        else:
            kernel.lifetime.attach(seconds)

    async def interrupt(self, kernel_id: str, by: str, reason: str) -> InterruptOutcome:
        """Interrupt what runs. Raises KernelNotFound, KernelNotRunning."""
        return await self._running(kernel_id).interrupt(by, reason)

    async def signal(self, kernel_id: str, number: int, by: str, reason: str) -> bool:
        """Send a signal. Raises KernelNotFound, KernelNotRunning."""
        return await self._running(kernel_id).signal(number, by, reason)

    def restart(self, kernel_id: str, attempt: int, reason: str, by: str = "") -> None:
        """Begin to restart. Raises KernelNotFound, KernelEnded, StorageFull."""
        kernel = self._live.get(kernel_id)
        if kernel is None:
            self._known(kernel_id)
            raise KernelEnded
        try:
            kernel.restart(attempt, reason, by)
        except OSError as error:
            raise storage_error(error) from error

    def stop(self, kernel_id: str, reason: str, *, shut_down: bool = False) -> None:
        """Begin to end a kernel; one that never came here gets a journal that says it ended."""
        if (kernel := self._live.get(kernel_id)) is not None:
            kernel.stop(reason, shut_down=shut_down)
            return
        folder = self._folder(kernel_id)
        if folder.has_ended or kernel_id in self._forgotten:
            return
        end_unborn(folder, self._ended.get(kernel_id), reason)

    async def forget(self, kernel_id: str) -> None:
        """Remove every trace of a kernel, ending it first if need be."""
        folder = self._folder(kernel_id)
        self._forgotten[kernel_id] = None
        if len(self._forgotten) > MOST_FORGOTTEN:
            del self._forgotten[next(iter(self._forgotten))]
        if (kernel := self._live.get(kernel_id)) is not None:
            kernel.stop("it was deleted")
            await kernel.ended.wait()
            self._live.pop(kernel_id, None)
        self._ended.pop(kernel_id, None)
        remove_ipc_of(self._surroundings.data_dir, kernel_id)
        async with self._cuts.alone(kernel_id):
            await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)

    async def stored(self, kernel_id: str, number: int) -> None:
        """What is before a record is kept elsewhere: give its space back.

        Raises KernelNotFound, and Invalid if there is no such record.
        """
        async with self._cuts.alone(kernel_id):
            journal = self.journal(kernel_id)
            try:
                await self._cuts.cut(journal, self._folder(kernel_id), number)
            finally:
                journal.close_when_unread()

    async def open_bridge(self, kernel_id: str) -> Connection:
        """Let plain Jupyter clients join a kernel. Raises KernelNotFound, KernelNotRunning,
        KernelEnded, LimitReached, StorageFull."""
        kernel = self._live.get(kernel_id)
        if kernel is None:
            self._known(kernel_id)
            raise KernelEnded
        await kernel.claiming.given()
        folder = self._folder(kernel_id).path
        return await self._bridges.open(BridgedKernel(kernel), folder, kernel.order.image)

    async def close_bridge(self, kernel_id: str) -> None:
        """Send plain Jupyter clients of a kernel away. Raises KernelNotFound."""
        await self._bridges.close(kernel_id, self._known(kernel_id).path)

    async def relay(self, request: Relay, transport: asyncio.Transport, welcome: bytes) -> None:
        """Let a client speak with a kernel, after ``welcome`` on the same connection, until one goes.

        Raises KernelNotFound, KernelNotRunning, KernelEnded, LimitReached.
        """
        which = request.kernel_id
        there = which in self._live or self._folder(which).journal.exists()
        if not there and which not in self._forgotten:
            await self._arrivals.of(which)
        if (kernel := self._live.get(which)) is None:
            self._known(which)
            raise KernelEnded
        await kernel.claiming.given()
        await self._relays.serve(BridgedKernel(kernel), transport, request, welcome)

    def log(self, kernel_id: str, begin: int | None, most: int) -> LogPart:
        """Return some of what a kernel's process printed. Raises KernelNotFound, Invalid."""
        return KernelLog(self._known(kernel_id).log).read(begin, most)

    def bounded_logs(self) -> list[Bounded]:
        """The logs of the kernels that live, each with what may be kept of it."""
        return [
            (KernelLog(self._folder(one.id).log), one.order.log_bytes_limit)
            for one in self._live.values()
        ]

    def journal(self, kernel_id: str) -> Journal:
        """Return a journal to follow; following closes it if need be. Raises KernelNotFound."""
        if (kernel := self._live.get(kernel_id)) is not None:
            return kernel.journal
        journal = self._ended.get(kernel_id)
        if journal is None or not journal.is_open:
            folder = self._known(kernel_id)
            journal = folder.open_ended() or recover(folder.journal)[0]
            self._ended[kernel_id] = journal
        return journal

    async def stop_all(self, reason: str, *, even_if_alive: bool) -> None:
        """End every kernel and wait until all have ended. Raises Conflict if that may not be."""
        kernels = list(self._live.values())
        if kernels and not even_if_alive:
            raise Conflict(f"{len(kernels)} kernels are alive. Stop them first, or with the agent.")
        self._ending_all = True
        for kernel in kernels:
            kernel.stop(reason)
        await asyncio.gather(*(kernel.ended.wait() for kernel in kernels))

    async def leave_all(self) -> None:
        """Stop following all kernels; their processes go on, and the next agent finds them."""
        for watcher in self._watchers:
            watcher.cancel()
        await self._bridges.leave_all()
        self._relays.leave_all()
        leaving = (kernel.leave() for kernel in self._live.values())
        for outcome in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(outcome, Exception):
                # One that cannot be left in order must not cost all others.
                self._surroundings.log.warning("kernel.not_left", problem=repr(outcome))

    async def _recover_one(self, folder: Folder, unheard_since: Micros) -> None:
        order = folder.read_order()
        if order is None:
            # Its launch was never acknowledged; whoever asked will ask again.
            return
        kernel, memory = self._open(folder, order)
        if memory.closed:
            folder.mark_ended(kernel.journal)
            kernel.journal.close()
            return
        self._enter(kernel)
        try:
            await kernel.begin_again(memory, max(unheard_since, kernel.journal.last_at))
        except BaseException:
            # Who has no life can neither be used nor ended: it is as if it were not here.
            del self._live[kernel.id]
            kernel.journal.close()
            raise

    def _open(self, folder: Folder, order: LaunchOrder) -> tuple[Kernel, Recollection]:
        journal, memory = recover(folder.journal)
        queue = Queue(folder.queue, settled=memory.settled)
        process = folder.read_process()
        begun = max(memory.attempt, process.attempt if process else 0)
        last = replace(order, attempt=max(order.attempt, begun))
        return Kernel(self._surroundings, folder, last, journal, queue), memory

    def _enter(self, kernel: Kernel) -> None:
        self._live[kernel.id] = kernel
        self._arrivals.tell(kernel.id)
        watcher = asyncio.create_task(self._drop_when_ended(kernel))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)

    async def _drop_when_ended(self, kernel: Kernel) -> None:
        await kernel.ended.wait()
        if self._live.get(kernel.id) is kernel:
            del self._live[kernel.id]
            self._ended[kernel.id] = kernel.journal
        self._relays.drop(kernel.id)
        kernel.journal.close_when_unread()
        if not kernel.order.owned:
            self.deposits.ended(self._folder(kernel.id), None if self._ending_all else kernel.cause)

    def _folder(self, kernel_id: str) -> Folder:
        return Folder(kernel_dir(self._surroundings.data_dir, kernel_id))

    def _running(self, kernel_id: str) -> Kernel:
        if (kernel := self._live.get(kernel_id)) is None:
            self._known(kernel_id)
            raise KernelNotRunning
        return kernel

    def _known(self, kernel_id: str) -> Folder:
        folder = self._folder(kernel_id)
        if not folder.journal.exists():
            raise KernelNotFound
        return folder
