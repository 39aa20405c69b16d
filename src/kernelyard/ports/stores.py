"""What the yard keeps: what was asked, and the copy of what happened.

Each method is one transaction. ``owner`` is the principal whose things may be seen; None sees all.
A store is opened by an entry point of the group ``kernelyard.stores``; ``kernelyard.testing`` has the
conformance suite that every store passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel, StateChange
from kernelyard.model.paging import Page
from kernelyard.model.projection import Projection
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, Record
from kernelyard.model.sightings import Sighting
from kernelyard.model.tasks import Cancellation, Task, TaskState
from kernelyard.ports.bell import Bell
from kernelyard.ports.kept_kernels import KeptKernels
from kernelyard.ports.named_stores import ChoiceStore, ImageStore, TemplateStore
from kernelyard.ports.notebook_store import NotebookSpecStore
from kernelyard.ports.people_store import AuditStore, TokenStore, UserStore
from kernelyard.ports.pool_store import PoolStore
from kernelyard.ports.quota_store import QuotaStore


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key for one request, and a digest of that request."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What an append has left behind."""

    number: int
    """The new cursor: the last record that is stored."""
    settled: tuple[Task, ...] = ()
    """The tasks that ended by it, as they are now."""
    whole: bool = True
    """Whether it has stored all that it was given; some of it may have been stored before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelQuery:
    """Which kernels, newest first."""

    owner: str | None = None
    phases: frozenset[Phase] | None = None
    name: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    before: int | None = None
    """Continue with kernels whose ``no`` is smaller."""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks, newest first."""

    owner: str | None = None
    kernel_no: int | None = None
    states: frozenset[TaskState] | None = None
    labels: dict[str, str] = field(default_factory=dict)
    before: int | None = None
    """Continue with tasks whose ``no`` is smaller."""
    limit: int = 100


class KernelStore(KeptKernels, Protocol):
    """Kernels."""

    async def insert(self, kernel: Kernel, idempotency: Idempotency | None) -> tuple[Kernel, bool]:
        """Keep a new kernel (its ``no`` is given by the store); return it and whether it was made.

        With a known idempotency key of this owner and the same digest, returns the kernel made then
        and False; with another digest raises IdempotencyKeyReused. Raises NameTaken if a live kernel
        (wanted RUN and phase not final) of the owner has its name, AlreadyAttached if one has its
        ``identity``, AlreadyExists if one of his that is not wanted GONE has its ``external_id``.
        """
        ...

    async def existing(self, kernel: Kernel, idempotency: Idempotency | None) -> Kernel | None:
        """Return the kernel that ``insert`` would return instead of this one; raise what it would."""
        ...

    async def get(self, kernel_id: str, owner: str | None, *, leaving: bool = False) -> Kernel:
        """Return a kernel that is not wanted GONE, or with ``leaving`` may be. Raises KernelNotFound."""
        ...

    async def by_no(self, no: int) -> Kernel | None:
        """Return a kernel, also one wanted GONE; None if there is none."""
        ...

    async def by_external_id(self, external_id: str, owner: str | None) -> Kernel:
        """Return the kernel, as ``get`` does; where several owners use the id, the newest of theirs."""
        ...

    async def live_by_name(self, owner: str, name: str) -> Kernel | None:
        """Return the owner's live kernel of that name."""
        ...

    async def live_by_identity(self, owner: str, identity: str) -> Kernel | None:
        """Return the owner's live kernel of that ``identity``."""
        ...

    async def find(self, query: KernelQuery) -> Page[Kernel]:
        """Return kernels (never those wanted GONE), newest first; ``next`` is the last one's ``no``."""
        ...

    async def unfinished(self) -> list[Kernel]:
        """Return every kernel that reconciling or following has work with: phase not final, or
        journal not closed while its phase is not REQUESTED, or wanted GONE. Oldest first."""
        ...

    async def live_count(self) -> int:
        """How many kernels are live."""
        ...

    async def want(
        self,
        no: int,
        wanted: Wanted,
        reason: str | None,
        at: Micros,
        *,
        shut_down: bool = False,
    ) -> Kernel | None:
        """Lower what is wanted (never raise it); return the kernel as it is then.

        ``shut_down`` is kept with it, and stays what it was if nothing was lowered.
        """
        ...

    async def want_attempt(self, no: int, at: Micros, reason: str | None = None) -> Kernel | None:
        """Ask for one more start: ``attempt`` becomes ``ran_attempt + 1``; return the kernel."""
        ...

    async def enter(self, no: int, phase: Phase, reason: str | None, at: Micros) -> Kernel | None:
        """Move to a phase, unless the present one is final; return the kernel as it is then."""
        ...

    async def settle(
        self,
        no: int,
        phase: Phase,
        task_state: TaskState,
        reason: str,
        at: Micros,
        cause: EndCause = EndCause.AGENT_LOST,
    ) -> Kernel | None:
        """End a kernel that has no journal: final phase, open tasks settled, journal closed."""
        ...

    async def remove(self, no: int) -> None:
        """Remove a kernel with its tasks, outputs and history. Repeatable."""
        ...

    async def history(self, kernel_no: int) -> list[StateChange]:
        """The kernel's own state changes, oldest first."""
        ...


class TaskStore(Protocol):
    """Tasks. ``ahead`` is filled in on everything returned."""

    async def insert(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        """Keep a new task; the store gives ``no`` and the kernel's next ``seq`` (1, 2, 3 …).

        Idempotency as for kernels, per kernel. Raises KernelEnded if the kernel takes no tasks,
        AlreadyExists if one of its tasks has the ``external_id``.
        """
        ...

    async def get(self, task_id: str, owner: str | None) -> Task:
        """Raises TaskNotFound (also for tasks of kernels wanted GONE)."""
        ...

    async def by_external_id(self, kernel_no: int, external_id: str) -> Task:
        """Return the task of that kernel, as ``get`` does."""
        ...

    async def find(self, query: TaskQuery) -> Page[Task]:
        """Return tasks, newest first; ``next`` is the last one's ``no``."""
        ...

    async def undelivered(self, kernel_no: int, after_seq: int, limit: int) -> list[Task]:
        """Return queued tasks with ``seq`` over ``after_seq``, in order of ``seq``."""
        ...

    async def cancelling(self, kernel_no: int) -> list[Task]:
        """Return open tasks whose cancellation was requested, in order of ``seq``."""
        ...

    async def request_cancel(self, no: int, how: Cancellation = Cancellation()) -> Task:
        """Note that a task is to be cancelled, and how. Raises TaskFinished.

        What was allowed by an earlier request stays allowed.
        """
        ...

    async def request_cancel_queued(self, kernel_no: int, how: Cancellation) -> None:
        """Note that every queued task of a kernel is to be cancelled. Those that run go on."""
        ...


class OutputStore(Protocol):
    """The copy of the journals."""

    async def append(
        self, kernel_no: int, records: Sequence[Record], projection: Projection
    ) -> Stored | None:
        """Copy records and apply what they mean, in one transaction; return what came of it.

        Records up to the stored number are skipped; a settled task or a final phase never moves
        again. A projection that closes the journal also cancels tasks that are still open: the agent
        never heard of them. Returns None if the kernel has been removed.
        """
        ...

    async def read(
        self,
        kernel_no: int,
        after: int,
        *,
        seq: int | None = None,
        through: int | None = None,
        limit: int = 1000,
        most_bytes: int = 4 * 1024 * 1024,
    ) -> list[Record]:
        """Return records with number over ``after`` (and up to ``through``), in order.

        At most ``limit``, and no more than ``most_bytes`` of bodies unless the first alone is larger.
        ``seq`` selects one task's; 0 the kernel's own.
        """
        ...


class EventStore(Protocol):
    """State changes of all kernels, tasks and images, in one order.

    Whoever has read up to a number has seen everything up to it, for ever: a change becomes visible
    only after all those with smaller numbers, also where several writers work at once. Numbers may
    leave gaps, for changes of others are not shown and those of a removed kernel go with it.
    """

    async def read(
        self,
        after: int,
        *,
        owner: str | None = None,
        kernel_no: int | None = None,
        images_only: bool = False,
        limit: int = 1000,
    ) -> list[StateChange]:
        """Return changes with number over ``after``, in order, of ``owner``'s kernels and their tasks.

        Never those of kernels wanted GONE. Those of images are everybody's, and are among them unless
        one kernel is asked for.
        """
        ...

    async def sight(self, sighting: Sighting) -> int:
        """Note what has changed about images since the last sighting; return how much that is.

        In one transaction with keeping the sighting, so that of several servers which saw the same
        one tells it. The first of all, and one not newer than the last, tell nothing. Old changes of
        images may be dropped when there are many.
        """
        ...

    async def last(self) -> int:
        """The largest number that was ever given; 0 at first. It never becomes smaller."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who leases kernels, and for how long from now."""

    holder: str
    """A server, by a name that it has for one start only."""
    now: Micros
    """A store with a clock of its own goes by that one: servers' clocks need not agree."""
    micros: Micros


class LeaseStore(Protocol):
    """Which server looks after which kernel. Used only where several have the store open.

    A lease is a hint with an end: it keeps servers from doing the same work twice. Nothing breaks if
    two believe for a while that they hold one.
    """

    async def claim(self, lease: Lease, limit: int) -> list[int]:
        """Lease unfinished kernels that nobody holds, oldest first; return their numbers.

        A lease that has run out is nobody's. Of several who claim at once each kernel is given to one.
        """
        ...

    async def claim_one(self, lease: Lease, kernel_no: int) -> bool:
        """Lease this kernel if it is unfinished and nobody else holds it; return whether it is ours."""
        ...

    async def renew(self, lease: Lease) -> list[int]:
        """Prolong all that the holder has, also what has run out and nobody took; return them."""
        ...

    async def release(self, holder: str, kernel_no: int | None = None) -> None:
        """Give back one kernel, or all of them, for others to claim at once. Repeatable."""
        ...


class Store(Protocol):
    """All of it."""

    @property
    def shared(self) -> bool:
        """Whether several servers may have it open at once. They then lease the kernels."""
        ...

    @property
    def leases(self) -> LeaseStore: ...

    @property
    def kernels(self) -> KernelStore: ...
    @property
    def tasks(self) -> TaskStore: ...
    @property
    def outputs(self) -> OutputStore: ...
    @property
    def events(self) -> EventStore: ...
    @property
    def templates(self) -> TemplateStore: ...
    @property
    def images(self) -> ImageStore: ...
    @property
    def notebook_specs(self) -> NotebookSpecStore: ...
    @property
    def choices(self) -> ChoiceStore: ...
    @property
    def users(self) -> UserStore: ...
    @property
    def tokens(self) -> TokenStore: ...
    @property
    def audit(self) -> AuditStore: ...
    @property
    def pools(self) -> PoolStore: ...
    @property
    def quotas(self) -> QuotaStore: ...

    def bell(self, local: Bell) -> Bell:
        """Return the bell to use: ``local``, or one around it that other servers hear, too."""
        ...

    async def ping(self) -> None:
        """Raise if the store cannot answer."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSetup:
    """What a store is opened with. An entry point is ``async def (setup: StoreSetup) -> Store``."""

    data_dir: Path
    """An embedded store keeps its files here."""
    url: str | None = field(default=None, repr=False)
    """Where another store is. It may hold a password, so it is in no log and no error."""


_Opener = TypeVar("_Opener")


def for_several_servers(opener: _Opener) -> _Opener:
    """Mark an entry point: several servers of one data directory may open this store at once."""
    opener.shared = True  # type: ignore[attr-defined]
    return opener


def is_for_several_servers(opener: Any) -> bool:
    """Whether an entry point is marked so."""
    return getattr(opener, "shared", False) is True
