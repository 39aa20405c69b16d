"""One page of kernel templates."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel_template.kernel_template import KernelTemplate


@dataclass(frozen=True, slots=True)
class KernelTemplatesPage:
    """Some templates, and the token of the next page; empty on the last one."""

    kernel_templates: list[KernelTemplate]
    next_page_token: str
