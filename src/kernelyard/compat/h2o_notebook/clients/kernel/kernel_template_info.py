"""What a kernel remembers of its template."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.client import TemplateSnapshot
from kernelyard.compat.h2o_notebook.clients.kernel_template.limits import Limits, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTemplateInfo(Limits):
    """The template as it was when the kernel was made."""

    template_environmental_variables: dict[str, str] = field(default_factory=dict)


def kernel_template_info_of(template: TemplateSnapshot) -> KernelTemplateInfo:
    """Return what a kernel remembers as the guide shows it."""
    return KernelTemplateInfo(
        template_environmental_variables=dict(template.environment), **limits_of(template)
    )
