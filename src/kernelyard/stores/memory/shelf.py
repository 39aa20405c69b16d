"""What the in-memory store holds, shared by its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kernelyard.model.errors import IdempotencyKeyReused
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel, StateChange
from kernelyard.model.pools import Pool
from kernelyard.model.projection import TaskChange
from kernelyard.model.quantities import Micros
from kernelyard.model.quotas import Asking, Resource, Room, Rules, Spare, UserQuota, demand_of
from kernelyard.model.records import Record
from kernelyard.model.sightings import Seen, Sighting, seen_then
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Task, TaskState
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.transitions import OPEN_STATES, Mark, changed_task, in_order, orphaned

Keys = dict[tuple[object, str], tuple[str, int]]
"""(owner or kernel, key) to (digest, number of what was made)."""


@dataclass(slots=True)
class Shelf:
    """Rows by number."""

    kernels: dict[int, Kernel] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    queues: dict[int, list[int]] = field(default_factory=dict)
    runs: dict[int, dict[int, int]] = field(default_factory=dict)
    """Tasks that come from the journals only, by kernel and by their numbers there."""
    """Numbers of a kernel's tasks; the one with ``seq`` n stands at place n - 1."""
    records: dict[int, list[Record]] = field(default_factory=dict)
    changes: list[tuple[int | None, StateChange]] = field(default_factory=list)
    """(kernel's number, change); None for changes of images"""
    seen: Seen = field(default_factory=Seen)
    """The images as they were last seen."""
    kernel_keys: Keys = field(default_factory=dict)
    task_keys: Keys = field(default_factory=dict)
    pools: dict[int, Pool] = field(default_factory=dict)
    quotas: dict[str, UserQuota] = field(default_factory=dict)
    pools_made: int = 0
    kernels_made: int = 0
    tasks_made: int = 0
    changes_made: int = 0

    def note(self, kernel: Kernel, runs: Iterable[tuple[Task | None, list[Mark]]]) -> None:
        """Write down marks of a kernel (None) and of its tasks, numbered in order of time.

        One that waits in a pool is nobody's, and nobody is told of it.
        """
        if kernel.waits:
            return
        for task, mark in in_order(runs):
            self.changes_made += 1
            change = StateChange(
                number=self.changes_made,
                at=mark.at,
                kernel_id=kernel.id,
                task_id=task.id if task else None,
                state=mark.state,
                reason=mark.reason,
                cause=mark.cause,
            )
            self.changes.append((kernel.no, change))

    def sight(self, sighting: Sighting) -> int:
        """Keep what was seen of images, and write down what has changed; return how much that is."""
        outcome = seen_then(self.seen, sighting)
        if outcome is None:
            return 0
        self.seen, changes = outcome
        for one in changes:
            self.changes_made += 1
            change = StateChange(
                number=self.changes_made,
                at=sighting.at,
                kernel_id=None,
                task_id=None,
                state=one.state,
                reason=one.reason,
                image=one.image,
            )
            self.changes.append((None, change))
        return len(changes)

    def task_at(self, kernel_no: int, seq: int) -> Task | None:
        """The task with number ``seq`` in its kernel's queue."""
        if seq >= FIRST_CLIENT_SEQ:
            no = self.runs.get(kernel_no, {}).get(seq)
            return None if no is None else self.tasks[no]
        queue = self.queues.get(kernel_no, [])
        return self.tasks[queue[seq - 1]] if 1 <= seq <= len(queue) else None

    def take_in(self, run: Task) -> tuple[Task, list[Mark]]:
        """Keep a task that comes from the journal only; return it with its mark."""
        self.tasks_made += 1
        kept = replace(run, no=self.tasks_made)
        self.tasks[kept.no] = kept
        self.runs.setdefault(kept.kernel_no, {})[kept.seq] = kept.no
        return kept, [Mark(kept.created_at, TaskState.QUEUED, None)]

    def open_tasks(self, kernel_no: int) -> list[Task]:
        """Tasks queued or running, in order."""
        queued, runs = self.queues.get(kernel_no, []), self.runs.get(kernel_no, {})
        tasks = (self.tasks[no] for no in sorted([*queued, *runs.values()]))
        return [task for task in tasks if task.state in OPEN_STATES]

    def settle_open(self, kernel: Kernel, at: Micros) -> list[tuple[Task | None, list[Mark]]]:
        """End the open tasks of a kernel whose journal is closed; return them with their marks."""
        ends = ((task, orphaned(task, kernel, at)) for task in self.open_tasks(kernel.no))
        return [self.change_task(task, end) for task, end in ends]

    def change_task(self, task: Task, change: TaskChange) -> tuple[Task, list[Mark]]:
        """Apply a change to a task; return it with the marks that are to be written down."""
        changed, marks = changed_task(task, change)
        self.tasks[task.no] = changed
        return changed, marks

    def shown(self, kernel: Kernel) -> Kernel:
        """The kernel with what its tasks tell filled in."""
        current = self.task_at(kernel.no, kernel.current_seq) if kernel.current_seq else None
        return replace(
            kernel,
            current_task_id=current.id if current else None,
            open_tasks=len(self.open_tasks(kernel.no)),
        )

    def not_admitted(self) -> list[Kernel]:
        """Kernels that wait for room, also those that are to be stopped."""
        kernels = self.kernels.values()
        return [one for one in kernels if not one.admitted and not one.phase.is_final]

    def held(self) -> dict[str, dict[Resource, int]]:
        """What kernels hold, by owner."""
        used: dict[str, dict[Resource, int]] = {}
        for kernel in self.kernels.values():
            given_up = kernel.waits and kernel.wanted is not Wanted.RUN
            if kernel.admitted and not kernel.phase.is_final and not given_up:
                mine = used.setdefault(kernel.owner, {})
                for resource, amount in demand_of(kernel.template.spec, owned=kernel.owned).items():
                    mine[resource] = mine.get(resource, 0) + amount
        return used

    def room(self, rules: Rules) -> Room:
        """What is used now."""
        said = {user: quota.limits for user, quota in self.quotas.items()}
        return Room(rules, said, self.held())

    def asking(self, new: Kernel | None = None) -> list[Asking]:
        """Who is not let in and wants to be, and a new kernel, in their order."""
        waiting = [(one, one.no) for one in self.not_admitted()]
        if new is not None:
            waiting.append((new, self.kernels_made + 1))
        waiting.sort(key=lambda one: (-one[0].priority, one[1]))
        return [
            Asking(one.no, one.owner, demand_of(one.template.spec, owned=one.owned))
            for one, _ in waiting
            if one.wanted is Wanted.RUN
        ]

    def spares(self, kernels: Iterable[Kernel]) -> list[Spare]:
        """Kernels that may give way, as what they hold."""
        return [Spare(one.no, demand_of(one.template.spec)) for one in kernels]

    def hidden(self, task: Task) -> bool:
        """Whether the task's kernel is wanted GONE."""
        return self.kernels[task.kernel_no].wanted is Wanted.GONE


def known(keys: Keys, scope: object, idempotency: Idempotency | None) -> int | None:
    """The number of what was made with this key before. Raises IdempotencyKeyReused."""
    if idempotency is None:
        return None
    digest, no = keys.get((scope, idempotency.key), (idempotency.digest, None))
    if digest != idempotency.digest:
        raise IdempotencyKeyReused
    return no


def has_labels(labels: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether all of ``asked`` are among ``labels``."""
    return asked.items() <= labels.items()
