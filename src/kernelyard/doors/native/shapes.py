"""What answers look like: every field of every answer of this door, with its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from kernelyard.doors.native.pod_shapes import Pod
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.records import EndCause, RecordKind, StoppedBy
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import QueuePolicy, RestartPolicy, StartWay

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with microseconds."""
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Cursor = Annotated[str | None, Field(description="Pass it as `cursor`; null at the end.")]
Labels = Annotated[dict[str, str], Field(description="The caller's own marks.")]


class TemplateFields(TypedDict):
    """Resources and limits. 0 and null mean: no limit."""

    milli_cpu_limit: int
    cpu_seconds_limit: Annotated[int, Field(description="Processor time of one process in all.")]
    memory_bytes_limit: int
    processes_limit: Annotated[int, Field(description="Processes and threads at once.")]
    file_bytes_limit: Annotated[int, Field(description="Size of any one file.")]
    gpu: int
    storage_bytes: int
    environment: dict[str, str]
    max_idle_duration: Annotated[float | None, Field(description="Seconds.")]
    max_life_duration: Annotated[float | None, Field(description="Seconds since its first launch.")]
    attached_keeps_alive: bool
    restart_policy: RestartPolicy
    queue_on_death: QueuePolicy
    preload: Annotated[
        list[str],
        Field(description="Modules that the process has imported from which kernels are forked."),
    ]
    start: Annotated[
        StartWay, Field(description="`exec`: each kernel is started as a new program.")
    ]
    engine_options: dict[str, object]
    pod: Annotated[Pod, Field(description="For engines that run kernels in pods.")]


class Template(TemplateFields):
    """Resources and limits that kernels are made with."""

    name: str
    display_name: str
    owner: str
    disabled: bool
    created_at: Time
    updated_at: Time


class TemplateList(TypedDict):
    """A page of templates, by name."""

    items: list[Template]
    next_cursor: Cursor


class KernelImage(TypedDict):
    """What a kernel remembers of its image."""

    name: str
    reference: str
    display_name: str
    language: str


class KernelTemplate(TemplateFields):
    """What a kernel remembers of its template."""

    name: str


class Kernel(TypedDict):
    """One interpreter with its work directory, from request to deletion."""

    id: Id
    name: Annotated[str | None, Field(description="Unique among its owner's live kernels.")]
    display_name: str
    owner: str
    owned: Annotated[
        bool,
        Field(
            description="False for a kernel that was attached: it is never restarted here, and "
            "terminating it lets it run on."
        ),
    ]
    image: KernelImage
    template: KernelTemplate
    environment: dict[str, str]
    parameters: Annotated[
        dict[str, object],
        Field(description="What it was made with; of all else the image's defaults are used."),
    ]
    path: Annotated[str | None, Field(description="The notebook that it is for.")]
    labels: Labels
    priority: Annotated[int, Field(description="Of those that wait for room the largest is first.")]
    state: KernelState
    reason: Annotated[str | None, Field(description="Why it is in this state.")]
    cause: Annotated[EndCause | None, Field(description="Why it ended, in one word.")]
    exit_code: Annotated[
        int | None, Field(description="Of its last process that ended, unless by a signal.")
    ]
    signal: Annotated[str | None, Field(description="The signal that ended its last process.")]
    will_stop_at: Annotated[
        Time | None, Field(description="When it will be ended unless something happens.")
    ]
    will_stop_because: str | None
    current_task: Annotated[str | None, Field(description="Id of the running task.")]
    current_task_number: int | None
    queued_tasks: Annotated[int, Field(description="Tasks that wait for their turn.")]
    restarts: int
    started: Annotated[
        str | None,
        Field(description="`fork` or `exec`: how its process was started, once it is ready."),
    ]
    last_number: Annotated[int, Field(description="Number of its newest stored output.")]
    language_info: Annotated[
        dict[str, object] | None, Field(description="What the kernel says of its language.")
    ]
    created_at: Time
    launched_at: Time | None
    ready_at: Time | None
    ended_at: Time | None
    last_activity_at: Time | None
    outputs_removed_at: Annotated[
        Time | None,
        Field(
            description="When its outputs and files were removed because they were kept long enough."
        ),
    ]


class CreatedKernel(Kernel):
    """A kernel, and whether this request made it."""

    created: bool


class StateChange(TypedDict):
    """One step of a kernel's life."""

    state: str
    reason: str | None
    cause: str | None
    at: Time


class KernelWithHistory(Kernel):
    """A kernel and the steps of its life, oldest first."""

    history: list[StateChange]


class KernelList(TypedDict):
    """A page of kernels, newest first."""

    items: list[Kernel]
    next_cursor: Cursor


class KernelLog(TypedDict):
    """Some of what a kernel's process printed beside the protocol. Offsets count bytes."""

    text: Annotated[str, Field(description="Bytes that are no UTF-8 are replaced.")]
    begin: Annotated[int, Field(description="Where the text begins; 0 is the first byte ever.")]
    end: Annotated[int, Field(description="Where it ends; pass it as `after` for what comes next.")]
    size: Annotated[int, Field(description="How much was printed so far.")]
    kept_from: Annotated[int, Field(description="What came before this is no longer kept.")]


class ConnectionFile(TypedDict):
    """The content of a Jupyter connection file, with the kernel's id beside it."""

    transport: Literal["tcp", "ipc"]
    ip: str
    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    key: Annotated[str, Field(description="A secret: it lets in whoever knows it.")]
    signature_scheme: str
    kernel_name: Annotated[str, Field(description="The image that the kernel was started from.")]
    kernel_id: str


class TaskError(TypedDict):
    """What the code raised."""

    name: str
    value: str
    traceback: list[str]


class Task(TypedDict):
    """Code queued on a kernel, with a stored end state."""

    id: Id
    kernel_id: Id
    number: Annotated[int, Field(description="Its place in the kernel's queue: 1, 2, 3 …")]
    code: str
    labels: Labels
    needs: Annotated[
        Id | None, Field(description="The task that must have succeeded before this one may start.")
    ]
    state: TaskState
    time_limit: Annotated[float | None, Field(description="Seconds that it may run.")]
    silence_limit: Annotated[float | None, Field(description="Seconds that it may say nothing.")]
    restart_if_stuck: bool
    reason: Annotated[str | None, Field(description="Why it ended so, where that needs saying.")]
    cause: Annotated[
        EndCause | None, Field(description="Why it ended, in one word; null if it succeeded.")
    ]
    stopped_by: Annotated[
        StoppedBy | None, Field(description="What it took to stop it, where it was stopped.")
    ]
    state_preserved: Annotated[
        bool | None,
        Field(
            description="Whether the kernel's variables outlived a task that was stopped or lost."
        ),
    ]
    error: TaskError | None
    execution_count: int | None
    ahead: Annotated[int, Field(description="Open tasks before it; 0 unless queued.")]
    cancel_requested: bool
    created_at: Time
    started_at: Time | None
    ended_at: Time | None


class TaskList(TypedDict):
    """A page of tasks, newest first."""

    items: list[Task]
    next_cursor: Cursor


class Output(TypedDict):
    """One numbered thing that happened on a kernel."""

    number: Annotated[int, Field(description="1, 2, 3 … in the kernel's journal.")]
    at: Time
    task: Annotated[int, Field(description="Number of its task; 0 for the kernel itself.")]
    kind: RecordKind
    content: Annotated[
        dict[str, object],
        Field(description="For outputs the content of the Jupyter message of that name."),
    ]


class OutputPage(TypedDict):
    """Some outputs, in order."""

    items: list[Output]
    last: Annotated[int, Field(description="Pass it as `after` for what comes next.")]
    complete: Annotated[bool, Field(description="Whether nothing will ever come after `last`.")]


class Interrupt(TypedDict):
    """What an interrupt achieved."""

    outcome: Annotated[
        Literal[
            "not_delivered",
            "would_kill",
            "delivered",
            "acknowledged",
            "effective",
            "killed",
        ],
        Field(
            description="`effective`: what ran has stopped; `killed`: the kernel has ended; "
            "`acknowledged`: the kernel says that it was interrupted; `delivered`: it was sent, and "
            "nothing is known beyond that; `would_kill`: it was not sent, for it would end this "
            "kernel; `not_delivered`: there is no way to interrupt this kernel."
        ),
    ]
    restarting: Annotated[
        bool, Field(description="Whether the kernel is restarted because an interrupt is no use.")
    ]


class Signal(TypedDict):
    """What became of a signal."""

    delivered: Annotated[bool, Field(description="Whether there was a process that it reached.")]


class Event(TypedDict):
    """One step of a kernel's, task's or image's life."""

    number: Annotated[int, Field(description="Grows over all events of the server.")]
    at: Time
    kernel_id: Annotated[Id | None, Field(description="Null where it is about an image.")]
    task_id: Annotated[Id | None, Field(description="The task that changed; null for the kernel.")]
    image: Annotated[str | None, Field(description="The image that changed.")]
    state: Annotated[
        str,
        Field(
            description="The state it is in since then, or `ending_soon`: a warning that a kernel "
            "will be ended unless something happens, `interrupted` or `signalled`: somebody did that "
            "to a kernel. Of an image: `found`, `ready`, `not_ready`, "
            "`changed` or `gone`."
        ),
    ]
    reason: Annotated[str | None, Field(description="Why, where there is something to say.")]
    cause: Annotated[
        str | None, Field(description="Why in one word, where something ended or is about to.")
    ]


class EventPage(TypedDict):
    """Some events, in order."""

    items: list[Event]
    last: Annotated[int, Field(description="Pass it as `after` for what comes next.")]
    newest: Annotated[
        int, Field(description="The server's newest event; after it comes only what is to happen.")
    ]


class Display(TypedDict):
    """One thing shown, after its updates."""

    kind: RecordKind
    data: Annotated[dict[str, object], Field(description="A Jupyter MIME bundle.")]
    metadata: dict[str, object]
    execution_count: int | None


class Result(TypedDict):
    """Everything a task said, put together."""

    task: Task
    stdout: str
    stderr: str
    results: list[Display]
    cut_bytes: Annotated[int, Field(description="Output over the task's limit; it was dropped.")]
    gaps: Annotated[
        int,
        Field(
            description="How often nobody listened for a while; output of that time is missing. "
            "The `gap` outputs tell from when to when."
        ),
    ]
    outputs_removed: Annotated[
        bool,
        Field(description="Whether its outputs were removed because they were kept long enough."),
    ]
