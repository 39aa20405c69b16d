"""Kernels: one interpreter with its work directory, from request to deletion."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.model.errors import Invalid
from kernelyard.model.images import ImageSnapshot
from kernelyard.model.json import JsonObject
from kernelyard.model.kernel_phases import KernelState, Phase, Wanted, public_state
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause
from kernelyard.model.templates import QueuePolicy, RestartPolicy, StartWay, TemplateSnapshot

RESTARTED_BY = "restarted by "
"""How the reason of a restart begins that somebody has asked for; the name follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelOrder:
    """What somebody asked for."""

    image: str
    template: str = "default"
    name: str | None = None
    """Unique among the owner's live kernels; the key of get-or-create."""
    display_name: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    """Wins over the template's."""
    labels: dict[str, str] = field(default_factory=dict)
    parameters: JsonObject = field(default_factory=dict)
    """Values for what the image's JSON Schema declares (JEP 87)."""
    path: str | None = None
    """The notebook that the kernel is for, where somebody has said it."""
    external_id: str | None = None
    """Its id in the dialect of the door that it was ordered at; see ``ids.external_id``."""
    priority: int = 0
    """Of those that wait for room the one with the largest is first."""


LONGEST_PATH = 4096
LARGEST_PARAMETERS = 64 * 1024
"""Bytes of JSON."""


def checked_path(path: str, *, field: str) -> str:
    """Return a path if it could be one; raise Invalid if not."""
    if not path or len(path) > LONGEST_PATH or "\0" in path:
        raise Invalid(
            f"'{field}' must be a path of 1 to {LONGEST_PATH} characters, without NUL.", field=field
        )
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """What an agent needs to start a kernel. Repeatable: (kernel_id, attempt) names it."""

    kernel_id: str
    attempt: int
    provider: str
    image: str
    environment: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)
    path: str | None = None
    owned: bool = True
    """False for a kernel that somebody else has started: the agent has its connection already."""
    milli_cpu_limit: int = 0
    cpu_seconds_limit: int = 0
    memory_bytes_limit: int = 0
    processes_limit: int = 0
    file_bytes_limit: int = 0
    log_bytes_limit: int = 0
    max_idle_seconds: float | None = None
    max_life_seconds: float | None = None
    attached_keeps_alive: bool = True
    restart_policy: RestartPolicy = RestartPolicy.NEVER
    queue_on_death: QueuePolicy = QueuePolicy.KEEP
    start_timeout_seconds: float = 60.0
    preload: tuple[str, ...] = ()
    """Modules that the process it is forked from has imported."""
    start: StartWay = StartWay.AUTO
    trust: str = ""
    """Whose code has run in the process that it may be forked from: a user's name, or nobody's but
    that of administrators."""
    pooled: bool = False
    """Whether it waits in a pool: it runs nothing, and its limits of time do not count yet."""
    claimed_at: Micros = 0
    """When it was taken out of its pool, by the agent's clock: its life is counted from here."""


TAKES_NO_TASKS = frozenset({Phase.STOPPING, Phase.STOPPED, Phase.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel as it is stored."""

    no: int
    """The store's own number; never shown. Integer keys keep the outputs' table small and fast."""
    id: str
    owner: str
    name: str | None = None
    display_name: str = ""
    image: ImageSnapshot
    template: TemplateSnapshot
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    parameters: JsonObject = field(default_factory=dict)
    path: str | None = None
    """The notebook that it is for, where somebody has said it."""
    external_id: str | None = None
    """The id that its owner gave it at a door with ids of its own; unique among his until it is deleted."""
    owned: bool = True
    """False for a kernel that somebody else has started: never restarted, left running when detached."""
    identity: str | None = None
    """Tells kernels that somebody else has started from each other; unique among the owner's live ones."""
    shut_down: bool = False
    """Whether a kernel that is not ours is to be shut down, and not only detached, when it is stopped."""
    pool_no: int | None = None
    """The pool in which it waits, and then it is nobody's; None for all others."""
    pool_digest: str | None = None
    """What it was made ready with, if it was: it stays when the kernel is claimed."""
    priority: int = 0
    """Of those that wait for room the one with the largest is first."""
    admitted: bool = True
    """Whether there is room for it; False while it waits, and then it holds nothing."""
    wanted: Wanted = Wanted.RUN
    phase: Phase = Phase.REQUESTED
    reason: str | None = None
    """Why it is in this state, where there is something to say."""
    cause: EndCause | None = None
    """Why it ended."""
    exit_code: int | None = None
    """Of its last process that ended by itself; None if a signal ended it or nobody knows."""
    signal: str | None = None
    """Which ended its last process."""
    attempt: int = 1
    """Starts asked for."""
    ran_attempt: int = 0
    """The last start that became ready."""
    current_seq: int | None = None
    """The running task, by its number in the queue."""
    current_task_id: str | None = None
    open_tasks: int = 0
    """Tasks queued or running."""
    stored_number: int = 0
    """The last journal record that is in the store: the cursor of following."""
    journal_closed: bool = False
    """Whether that record is the journal's last."""
    info: JsonObject | None = None
    """Content of the kernel_info_reply, once ready."""
    started: str | None = None
    """``fork`` or ``exec``: how its last process that became ready was started, if that is known."""
    stored_bytes: int = 0
    """Bytes of records in the store."""
    outputs_removed_at: Micros | None = None
    """When its outputs were removed because they were kept long enough; its tasks stay."""
    created_at: Micros
    launched_at: Micros | None = None
    """When it was first launched: its life is counted from here."""
    ready_at: Micros | None = None
    ended_at: Micros | None = None
    last_activity_at: Micros | None = None

    @property
    def state(self) -> KernelState:
        return public_state(
            self.wanted,
            self.phase,
            attempt=self.attempt,
            ran_attempt=self.ran_attempt,
            busy=self.current_seq is not None,
        )

    @property
    def waits(self) -> bool:
        """Whether it waits in a pool and is to be seen by nobody."""
        return self.pool_no is not None

    @property
    def claimed(self) -> bool:
        """Whether it was made ready before somebody asked for it."""
        return self.pool_digest is not None and self.pool_no is None

    @property
    def takes_tasks(self) -> bool:
        return self.wanted is Wanted.RUN and self.phase not in TAKES_NO_TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One step of a kernel's, task's or image's life, for histories and events."""

    number: int
    at: Micros
    kernel_id: str | None
    """None for what happens to an image."""
    task_id: str | None
    state: str
    reason: str | None
    cause: str | None = None
    """Why in one word, where something came to its end or is about to."""
    image: str | None = None
    """The name of the image that it is about, if it is about one."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some state changes of kernels, tasks and images, in the order in which they happened."""

    events: list[StateChange]
    last: int
    """Ask for what comes after this number next."""
    newest: int
    """The newest number of all; after it comes only what is still to happen."""
