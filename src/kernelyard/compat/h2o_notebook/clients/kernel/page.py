"""One page of kernels."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel.kernel import Kernel


@dataclass(frozen=True, slots=True)
class KernelsPage:
    """Some kernels, and the token of the next page; empty on the last one."""

    kernels: list[Kernel]
    next_page_token: str
