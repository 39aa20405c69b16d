"""Templates: resources and limits that kernels are made with."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.model.json import JsonObject
from kernelyard.model.quantities import Micros

DEFAULT_TEMPLATE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSpec:
    """What a template says. Zero and None mean: no limit."""

    milli_cpu_limit: int = 0
    memory_bytes_limit: int = 0
    gpu: int = 0
    storage_bytes: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    max_idle_seconds: float | None = None
    engine_options: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named template."""

    name: str
    display_name: str = ""
    owner: str = ""
    """Who made it; he and administrators may change it."""
    spec: TemplateSpec = field(default_factory=TemplateSpec)
    disabled: bool = False
    created_at: Micros = 0
    updated_at: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSnapshot:
    """What a kernel remembers of its template."""

    name: str
    spec: TemplateSpec
