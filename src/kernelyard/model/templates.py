"""Templates: resources and limits that kernels are made with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from keyword import iskeyword

from kernelyard.model.errors import Invalid
from kernelyard.model.json import JsonObject
from kernelyard.model.quantities import Micros

DEFAULT_TEMPLATE = "default"
MOST_PRELOADED = 50
LONGEST_MODULE_NAME = 200


class RestartPolicy(StrEnum):
    """What is done when a kernel's process ends though nobody asked."""

    NEVER = "never"
    ON_DEATH = "on-death"
    """It is started again under the same id."""


class QueuePolicy(StrEnum):
    """What becomes of queued tasks when a kernel is started again after a death."""

    KEEP = "keep"
    CANCEL = "cancel"


class StartWay(StrEnum):
    """How the processes of kernels are started."""

    AUTO = "auto"
    """Forked from a process that has everything imported, where that is possible and safe."""
    EXEC = "exec"
    """Always as a fresh process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """What a template says for where kernels run in pods; elsewhere it is kept and told."""

    milli_cpu_request: int = 0
    memory_bytes_request: int = 0
    gpu_resource: str = ""
    storage_class: str = ""
    manifest: str = ""
    """A part of a pod's manifest in YAML, which is laid over the usual one."""


NO_POD = PodSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSpec:
    """What a template says. Zero and None mean: no limit."""

    milli_cpu_limit: int = 0
    cpu_seconds_limit: int = 0
    """Processor time that one process of the kernel may use in all."""
    memory_bytes_limit: int = 0
    processes_limit: int = 0
    """Processes and threads at once."""
    file_bytes_limit: int = 0
    """Size of any one file that the kernel writes."""
    gpu: int = 0
    storage_bytes: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    max_idle_seconds: float | None = None
    max_life_seconds: float | None = None
    attached_keeps_alive: bool = True
    """Whether a client that follows the kernel keeps it from being idle."""
    restart_policy: RestartPolicy = RestartPolicy.NEVER
    queue_on_death: QueuePolicy = QueuePolicy.KEEP
    preload: tuple[str, ...] = ()
    """Modules that are imported before a kernel is asked for, where kernels are forked."""
    vouched: bool = False
    """Whether an administrator said what is preloaded, and with which environment."""
    start: StartWay = StartWay.AUTO
    engine_options: JsonObject = field(default_factory=dict)
    pod: PodSpec = NO_POD


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named template."""

    name: str
    display_name: str = ""
    owner: str = ""
    """Who made it; he and administrators may change it."""
    spec: TemplateSpec = field(default_factory=TemplateSpec)
    disabled: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    """What doors note for themselves."""
    created_at: Micros = 0
    updated_at: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSnapshot:
    """What a kernel remembers of its template."""

    name: str
    spec: TemplateSpec


def checked_preload(names: Sequence[str], *, field: str = "preload") -> tuple[str, ...]:
    """Return ``names`` if each can be a module's and stands there once; raise Invalid if not."""
    if len(names) > MOST_PRELOADED:
        raise Invalid(f"'{field}' may have at most {MOST_PRELOADED} modules.", field=field)
    for name in names:
        parts = name.split(".") if len(name) <= LONGEST_MODULE_NAME else [""]
        if not all(part.isidentifier() and not iskeyword(part) for part in parts):
            raise Invalid(
                f"'{field}' has {name[:80]!r}, which is no module's name. Write names such as numpy or "
                f"matplotlib.pyplot, of at most {LONGEST_MODULE_NAME} characters.",
                field=field,
            )
        if names.count(name) > 1:
            raise Invalid(f"'{field}' names {name!r} twice. Name each module once.", field=field)
    return tuple(names)
