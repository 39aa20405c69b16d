"""What the server tells, as typed frozen data.

Fields that a later server adds are passed over; states and kinds are plain text, so that a new one
does not break an old client.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")

FINAL_KERNEL_STATES = frozenset({"terminated", "failed"})
FINAL_TASK_STATES = frozenset({"succeeded", "failed", "cancelled", "lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One step of a kernel's life."""

    state: str
    reason: str | None = None
    cause: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of a kernel's, task's or image's life, with its number among all events of the server.

    ::

        for event in yard.events.follow():
            subject = event.image or event.task_id or event.kernel_id
            print(event.number, subject, event.state, event.reason or "")
    """

    number: int
    """Numbers only grow; give the last one as ``after`` to go on from there."""
    at: datetime
    kernel_id: str | None = None
    """None for what becomes of an image."""
    state: str
    """The state that the task, or else the kernel, is in since then; or ``ending_soon``: a warning
    that a kernel will be ended unless something happens, ``interrupted`` or ``signalled``: somebody
    did that to a kernel. Of an image: ``found``, ``ready``, ``not_ready``, ``changed``, ``gone``."""
    task_id: str | None = None
    """The task that changed; None if it was the kernel itself."""
    image: str | None = None
    """The image that changed."""
    reason: str | None = None
    cause: str | None = None
    """Why in one word, where something ended or is about to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalResult:
    """What became of a signal."""

    delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptResult:
    """What an interrupt is known to have achieved."""

    outcome: str
    """``effective``: what ran has stopped; ``killed``: the kernel has ended; ``acknowledged``: the
    kernel says that it was interrupted; ``delivered``: it was sent, and nothing is known beyond that;
    ``would_kill``: it was not sent, for it would end this kernel; ``not_delivered``: there is no way
    to interrupt this kernel."""
    restarting: bool = False
    """Whether the kernel is restarted because an interrupt is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Some events, in order."""

    items: tuple[Event, ...]
    last: int
    """Ask for what comes after this number next."""
    newest: int
    """The newest event of the server; after it comes only what is still to happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSnapshot:
    """What a kernel remembers of its image."""

    name: str
    reference: str = ""
    display_name: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSnapshot:
    """What a kernel remembers of its template."""

    name: str
    milli_cpu_limit: int = 0
    cpu_seconds_limit: int = 0
    memory_bytes_limit: int = 0
    processes_limit: int = 0
    file_bytes_limit: int = 0
    gpu: int = 0
    storage_bytes: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    max_idle_duration: float | None = None
    max_life_duration: float | None = None
    attached_keeps_alive: bool = True
    restart_policy: str = "never"
    queue_on_death: str = "keep"
    preload: tuple[str, ...] = ()
    start: str = "auto"
    engine_options: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    """What it says for engines that run kernels in pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelInfo:
    """A kernel as it was when the server was last asked.

    ::

        info = yard.kernels.get(kernel_id).info
        print(info.state, info.reason, info.queued_tasks)
    """

    id: str
    state: str
    """``starting``, ``idle``, ``busy``, ``restarting``, ``terminating``, ``terminated``, ``failed``."""
    image: ImageSnapshot
    template: TemplateSnapshot
    name: str | None = None
    display_name: str = ""
    owner: str = ""
    owned: bool = True
    """False for a kernel that was attached: it is never restarted, and goes on when it is let go of."""
    environment: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    """What it was made with; of all else the image's defaults are used."""
    path: str | None = None
    """The notebook that it is for."""
    labels: dict[str, str] = field(default_factory=dict)
    priority: int = 0
    """Of kernels that wait for room those with a larger one are first."""
    reason: str | None = None
    """Why it is in this state, where there is something to say."""
    cause: str | None = None
    """Why it ended, in one word: ``asked``, ``idle``, ``life_limit``, ``quota``, ``out_of_memory``,
    ``died``, ``start_failed``, ``agent_lost``."""
    exit_code: int | None = None
    """Of its last process that ended, unless a signal ended it or nobody knows."""
    signal: str | None = None
    """The signal that ended its last process."""
    will_stop_at: datetime | None = None
    """When it will be ended unless something happens; ``will_stop_because`` says why."""
    will_stop_because: str | None = None
    current_task: str | None = None
    """Id of the task that runs."""
    current_task_number: int | None = None
    queued_tasks: int = 0
    restarts: int = 0
    started: str | None = None
    """``fork`` or ``exec``: how its process was started, once it is ready."""
    last_number: int = 0
    """Number of the last thing that happened on it."""
    language_info: dict[str, Any] | None = None
    created_at: datetime | None = None
    launched_at: datetime | None = None
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    last_activity_at: datetime | None = None
    outputs_removed_at: datetime | None = None
    """When its outputs and files were removed because they were kept long enough."""
    history: tuple[StateChange, ...] = ()
    """Its states so far; only where one kernel was asked for, not in lists."""

    @property
    def is_ready(self) -> bool:
        return self.state in ("idle", "busy")

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_KERNEL_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLog:
    """Some of what a kernel's process printed beside its outputs. Offsets count bytes.

    ::

        log = kernel.logs()
        print(log.text, end="")
        if log.begin > log.kept_from:
            earlier = kernel.logs(after=log.kept_from)
    """

    text: str
    """What was printed; bytes that are no UTF-8 are replaced."""
    begin: int
    """Where the text begins; 0 is the first byte that was ever printed."""
    end: int
    """Where it ends; give it as ``after`` for what comes next."""
    size: int
    """How much was printed so far."""
    kept_from: int = 0
    """What came before this is no longer kept."""

    @property
    def more(self) -> bool:
        """Whether there is more to read now."""
        return self.end < self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """What the code raised.

    ::

        error = kernel.run("1/0").error
        print(error.name, error.value)  # ZeroDivisionError division by zero
    """

    name: str
    value: str = ""
    traceback: tuple[str, ...] = ()
    """Lines as the kernel sent them, with terminal colours."""

    def __str__(self) -> str:
        return f"{self.name}: {self.value}" if self.value else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A task as it was when the server was last asked.

    ::

        info = yard.tasks.get(task_id).info
        print(info.number, info.state, info.ahead)
    """

    id: str
    kernel_id: str
    state: str
    """``queued``, ``running``, ``succeeded``, ``failed``, ``cancelled``, ``lost``."""
    number: int = 0
    """Its number in the kernel's queue: 1, 2, 3 …"""
    code: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    needs: str | None = None
    """Id of the task that must have succeeded before this one may start."""
    time_limit: float | None = None
    """Seconds that it may run."""
    silence_limit: float | None = None
    """Seconds that it may say nothing."""
    restart_if_stuck: bool = True
    reason: str | None = None
    cause: str | None = None
    """Why it ended, in one word, unless it succeeded: ``raised``, ``asked``, ``time_limit``,
    ``silence_limit``, ``died``, ``out_of_memory``, ``restarted``, ``needs``, ``unheard`` or a cause
    for which its kernel ended."""
    stopped_by: str | None = None
    """What it took to stop it: ``queue``, ``interrupt``, ``second_interrupt``, ``restart``."""
    state_preserved: bool | None = None
    """Whether the kernel's variables outlived a task that was stopped or lost."""
    error: TaskError | None = None
    execution_count: int | None = None
    ahead: int = 0
    """Tasks before it in the queue, the running one included."""
    cancel_requested: bool = False
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_TASK_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Resources and limits that kernels are made with. Zero and None mean: no limit.

    ::

        yard.templates.create("small", memory_bytes_limit="1Gi", max_idle_duration="1h")
    """

    name: str
    display_name: str = ""
    milli_cpu_limit: int = 0
    cpu_seconds_limit: int = 0
    """Processor time of one process in all."""
    memory_bytes_limit: int = 0
    processes_limit: int = 0
    """Processes and threads at once."""
    file_bytes_limit: int = 0
    """Size of any one file."""
    gpu: int = 0
    storage_bytes: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    max_idle_duration: float | None = None
    """Seconds."""
    max_life_duration: float | None = None
    """Seconds since its first launch."""
    attached_keeps_alive: bool = True
    """Whether a client that follows the kernel keeps it from being idle."""
    restart_policy: str = "never"
    """``never``, or ``on-death``: a kernel whose process died is started again."""
    queue_on_death: str = "keep"
    """``keep`` or ``cancel``: what becomes of queued tasks then."""
    preload: tuple[str, ...] = ()
    """Modules that the process has imported from which kernels are forked."""
    start: str = "auto"
    """``auto``: kernels are forked where that is possible and safe; ``exec``: each is started as a new
    program."""
    engine_options: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    """What it says for engines that run kernels in pods."""
    disabled: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the server can work."""

    ready: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, as the server sends it."""

    items: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedMark:
    """Whether an answer tells of a kernel just made, or of one that was there."""

    created: bool = True
