"""A kernel template as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kernelyard.client import Template
from kernelyard.compat.h2o_notebook.clients.convert.duration_convertor import seconds_to_duration
from kernelyard.compat.h2o_notebook.clients.convert.quantity_convertor import number_to_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTemplate:
    """What kernels may use, and for how long. Zero means: no limit."""

    kernel_template_id: str
    milli_cpu_limit: int = 0
    """Thousandths of a processor."""
    gpu: int = 0
    memory_bytes_limit: str = "0"
    """A size such as ``1Gi``."""
    storage_bytes: str = "0"
    max_idle_duration: str = "0s"
    """A duration such as ``1h``."""
    environmental_variables: dict[str, str] = field(default_factory=dict)
    disabled: bool = False
    create_time: datetime | None = None
    update_time: datetime | None = None


def kernel_template_of(template: Template) -> KernelTemplate:
    """Return a template as the guide shows it."""
    return KernelTemplate(
        kernel_template_id=template.name,
        milli_cpu_limit=template.milli_cpu_limit,
        gpu=template.gpu,
        memory_bytes_limit=number_to_quantity(template.memory_bytes_limit),
        storage_bytes=number_to_quantity(template.storage_bytes),
        max_idle_duration=seconds_to_duration(template.max_idle_duration or 0),
        environmental_variables=dict(template.environment),
        disabled=template.disabled,
        create_time=template.created_at,
        update_time=template.updated_at,
    )
