"""A kernel template as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from kernelyard.client import Template
from kernelyard.compat.h2o_notebook.clients.kernel_template.limits import Limits, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTemplate(Limits):
    """What kernels may use, and for how long. Zero means: no limit."""

    kernel_template_id: str
    environmental_variables: dict[str, str] = field(default_factory=dict)
    disabled: bool = False
    create_time: datetime | None = None
    update_time: datetime | None = None


def kernel_template_of(template: Template) -> KernelTemplate:
    """Return a template as the guide shows it."""
    return KernelTemplate(
        kernel_template_id=template.name,
        environmental_variables=dict(template.environment),
        disabled=template.disabled,
        create_time=template.created_at,
        update_time=template.updated_at,
        **limits_of(template),
    )
