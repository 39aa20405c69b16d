"""How kernels and tasks move when something is asked or copied: pure, the same for every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import TypeVar

from kernelyard.model.kernel_phases import KernelState, Phase, Wanted, public_state, wants_more
from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import PhaseChange, Projection, TaskChange, body_of
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, Record, RecordKind
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Cancellation, Task, TaskState, may_become

T = TypeVar("T")
_EARLY = frozenset({Phase.REQUESTED, Phase.LAUNCHING})
_ENDING = frozenset({Phase.STOPPING, Phase.STOPPED, Phase.FAILED})
OPEN_STATES = frozenset({TaskState.QUEUED, TaskState.RUNNING})
ENDING_SOON = "ending_soon"
"""What events say when a kernel will be ended unless something happens. It is no state."""
KERNEL_EXISTS = "You have a kernel with this id. Use it, delete it, or choose another id."
TASK_EXISTS = "This kernel has a task with this id. Choose another id for a new one."


@dataclass(frozen=True, slots=True)
class Mark:
    """A state change that is to be written down."""

    at: Micros
    state: str
    reason: str | None
    cause: EndCause | None = None


def in_order(runs: Iterable[tuple[T, Iterable[Mark]]]) -> list[tuple[T, Mark]]:
    """The marks of several kernels and tasks by time; each one's own stay in the order given."""
    each = ([(subject, mark) for mark in marks] for subject, marks in runs)
    return list(merge(*each, key=lambda entry: entry[1].at))


def is_live(kernel: Kernel) -> bool:
    """Whether a kernel counts as live: it is wanted and has not ended."""
    return kernel.wanted is Wanted.RUN and not kernel.phase.is_final


def is_unfinished(kernel: Kernel) -> bool:
    """Whether reconciling or following has work with a kernel."""
    following = not kernel.journal_closed and kernel.phase is not Phase.REQUESTED
    return not kernel.phase.is_final or following or kernel.wanted is Wanted.GONE


def held_back(kernel: Kernel, reason: str) -> Kernel:
    """A new kernel for which there is no room yet: nothing is done for it, whatever was intended."""
    return replace(kernel, admitted=False, reason=reason, phase=Phase.REQUESTED)


def first_mark(kernel: Kernel) -> Mark:
    """The mark that a new kernel begins with."""
    return Mark(kernel.created_at, _shown(kernel), kernel.reason)


def marks_between(
    before: Kernel, after: Kernel, at: Micros, cause: EndCause | None = None
) -> list[Mark]:
    """What is to be written down when a kernel moves. Busy and idle are told by its tasks."""
    spoke = after.reason is not None and after.reason != before.reason
    if _shown(before) is _shown(after) and not spoke:
        return []
    return [Mark(at, _shown(after), after.reason, after.cause or cause)]


def wanting(
    kernel: Kernel, wanted: Wanted, reason: str | None, *, shut_down: bool = False
) -> Kernel:
    """Lower what is wanted of a kernel; leave it as it is if that would raise it."""
    if not wants_more(kernel.wanted, wanted):
        return kernel
    wanting = replace(kernel, wanted=wanted, shut_down=kernel.shut_down or shut_down)
    if kernel.phase.is_final or reason is None:
        return wanting
    return replace(wanting, reason=reason)


def wanting_attempt(kernel: Kernel, reason: str | None) -> Kernel:
    """Ask a kernel that is to run for one more start, unless one is asked for already."""
    attempt = kernel.ran_attempt + 1
    if not is_live(kernel) or attempt == kernel.attempt:
        return kernel
    return replace(kernel, attempt=attempt, reason=reason or kernel.reason)


def entering(
    kernel: Kernel, phase: Phase, reason: str | None, at: Micros, cause: EndCause | None = None
) -> Kernel:
    """Move a kernel to a phase, if it may go there from where it is."""
    if not _may_enter(kernel.phase, phase):
        return kernel
    if reason is None and (phase in _ENDING or kernel.wanted is not Wanted.RUN):
        reason = kernel.reason
    return replace(
        kernel,
        phase=phase,
        reason=reason,
        cause=(cause or kernel.cause) if phase in _ENDING else None,
        ready_at=at if phase is Phase.READY and kernel.ready_at is None else kernel.ready_at,
        ended_at=at if phase.is_final else kernel.ended_at,
    )


def claiming(waiting: Kernel, order: Kernel, at: Micros) -> tuple[Kernel, list[Mark]]:
    """Give a kernel that waits to whoever has ordered one; its history begins now."""
    claimed = replace(
        waiting,
        owner=order.owner,
        name=order.name,
        display_name=order.display_name,
        image=order.image,
        template=order.template,
        environment=order.environment,
        labels=order.labels,
        path=order.path,
        external_id=order.external_id,
        priority=order.priority,
        created_at=order.created_at,
        launched_at=at,
        ready_at=at,
        last_activity_at=at,
        reason=None,
        pool_no=None,
    )
    return claimed, [first_mark(order), Mark(at, _shown(claimed), None)]


def is_ready(kernel: Kernel, digest: str) -> bool:
    """Whether a kernel that waits may be given away: it has only ever been started once."""
    up = is_live(kernel) and kernel.phase is Phase.READY
    return up and kernel.pool_digest == digest and (kernel.attempt, kernel.ran_attempt) == (1, 1)


def can_take_up(kernel: Kernel) -> bool:
    """Whether environment and directory of a kernel can be changed while it runs: IPython's answers."""
    return kernel.info is not None and kernel.info.get("implementation") == "ipython"


def new_records(stored_number: int, records: Sequence[Record]) -> Sequence[Record]:
    """The records that come next behind ``stored_number``.

    Those stored already are left out, and so is everything behind a hole: the cursor that an append
    returns then tells the follower where to go on. A gap may stand for many records that are lost.
    """
    skipped = 0
    while skipped < len(records) and records[skipped].number <= stored_number:
        skipped += 1
    end, expected = skipped, stored_number + 1
    while end < len(records) and _begins(records[end]) <= expected <= records[end].number:
        end, expected = end + 1, records[end].number + 1
    return records if (skipped, end) == (0, len(records)) else records[skipped:end]


def _begins(record: Record) -> int:
    """The first number that a record stands for: its own, unless it tells of records that are lost."""
    lost = body_of(record).get("records") if record.kind is RecordKind.GAP else None
    return record.number - lost + 1 if isinstance(lost, int) and lost > 0 else record.number


def following(kernel: Kernel, projection: Projection) -> tuple[Kernel, list[Mark]]:
    """Apply what records say about the kernel itself; tasks are counted by the store."""
    moved, marks = kernel, list[Mark]()
    for change in projection.phases:
        if change.phase is None:
            marks.append(Mark(change.at, change.event, change.reason, change.cause))
            continue
        before = moved
        if change.phase is Phase.READY and projection.ran_attempt is not None:
            moved = replace(moved, ran_attempt=max(moved.ran_attempt, projection.ran_attempt))
        moved = _told(entering(moved, change.phase, change.reason, change.at, change.cause), change)
        marks += marks_between(before, moved, change.at, change.cause)
    ended = projection.closed or moved.phase.is_final
    times = [at for at in (moved.last_activity_at, projection.last_activity_at) if at is not None]
    return replace(
        moved,
        current_seq=None if ended else projection.current_after(moved.current_seq),
        stored_number=projection.last_number,
        journal_closed=moved.journal_closed or projection.closed,
        info=projection.info if projection.info is not None else moved.info,
        started=projection.started or moved.started,
        stored_bytes=moved.stored_bytes + projection.size,
        last_activity_at=max(times, default=None),
    ), marks


def _told(kernel: Kernel, change: PhaseChange) -> Kernel:
    """Take in what a step tells beside the phase: which start it was, and how a process ended."""
    ended = change.exit_code is not None or change.signal is not None
    return replace(
        kernel,
        # An agent may start a kernel again by itself, after a death.
        attempt=max(kernel.attempt, change.attempt),
        exit_code=change.exit_code if ended else kernel.exit_code,
        signal=change.signal if ended else kernel.signal,
        launched_at=change.at if change.attempt and not kernel.launched_at else kernel.launched_at,
    )


def asked_task(kernel_no: int, kernel_id: str, owner: str, change: TaskChange) -> Task | None:
    """The task of a run that a client asked for, as it was before it began; None for any other.

    It is numbered by its kernel's agent, and belongs to whoever the kernel belongs to.
    """
    asked = change.asked
    if asked is None or change.id is None or change.seq < FIRST_CLIENT_SEQ:
        return None
    return Task(
        no=0,
        id=change.id,
        kernel_no=kernel_no,
        kernel_id=kernel_id,
        owner=owner,
        seq=change.seq,
        # No database may refuse it, for then nothing more of that journal could be stored.
        code=asked.code.encode("utf-8", "replace")
        .decode()
        .replace("\0", "\N{REPLACEMENT CHARACTER}"),
        labels={"author": asked.author, "origin": "websocket"},
        created_at=asked.at,
    )


def changed_task(task: Task, change: TaskChange) -> tuple[Task, list[Mark]]:
    """Apply a change to a task, unless it has settled; return it with its marks."""
    if not may_become(task.state, change.state):
        return task, []
    marks = []
    if task.state is TaskState.QUEUED and change.started_at is not None:
        marks.append(Mark(change.started_at, TaskState.RUNNING, None))
    if change.state.is_final:
        at = change.ended_at or task.created_at
        marks.append(Mark(at, change.state, change.reason, change.cause))
    first, last = change.first_number, change.last_number
    return replace(
        task,
        state=change.state,
        reason=change.reason if change.reason is not None else task.reason,
        cause=change.cause,
        stopped_by=change.stopped_by,
        state_preserved=change.state_preserved,
        error=change.error,
        execution_count=change.execution_count,
        started_at=change.started_at if change.started_at is not None else task.started_at,
        ended_at=change.ended_at,
        first_number=first if first is not None else task.first_number,
        last_number=last,
        ahead=0,
    ), marks


def bolder(before: Cancellation | None, asked: Cancellation) -> Cancellation:
    """Of two cancellations of one task the one that may do more; of equals the later."""
    return before if before and before.allow_restart and not asked.allow_restart else asked


def orphaned(task: Task, kernel: Kernel, at: Micros) -> TaskChange:
    """The end of an open task about which a closed journal says nothing."""
    why = f": {kernel.reason}" if kernel.reason else "."
    if task.state is TaskState.RUNNING:
        state, reason = TaskState.LOST, f"The kernel ended while this ran{why}"
    else:
        state, reason = TaskState.CANCELLED, f"Never ran: the kernel ended first{why}"
    cause = kernel.cause or EndCause.AGENT_LOST
    return TaskChange(seq=task.seq, state=state, ended_at=at, reason=reason, cause=cause)


def _may_enter(present: Phase, phase: Phase) -> bool:
    if present.is_final:
        return False
    if present is Phase.STOPPING:
        return phase in _ENDING
    return present in _EARLY or phase not in _EARLY


def _shown(kernel: Kernel) -> KernelState:
    return public_state(
        kernel.wanted,
        kernel.phase,
        attempt=kernel.attempt,
        ran_attempt=kernel.ran_attempt,
        busy=False,
    )
