"""What a kernel remembers of its template."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTemplateInfo:
    """The template as it was when the kernel was made."""

    milli_cpu_limit: int = 0
    gpu: int = 0
    memory_bytes_limit: str = "0"
    storage_bytes: str = "0"
    max_idle_duration: str = "0s"
    template_environmental_variables: dict[str, str] = field(default_factory=dict)
