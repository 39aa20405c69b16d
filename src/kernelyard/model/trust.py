"""Whose code may have run in the process that a kernel is forked from."""

from __future__ import annotations

from kernelyard.model.kernels import Kernel
from kernelyard.model.taken_up import is_taken_up
from kernelyard.model.templates import StartWay

SHARED = ""
"""Nobody's code has run in it but that of the environment, and what administrators preload."""


def start_of(kernel: Kernel) -> tuple[StartWay, str]:
    """Return how a kernel is to be started, and the trust boundary of what it is forked from.

    Code that a user has chosen runs beside his own kernels only, be it by names of modules or by
    variables that say where modules are: the boundary is the kernel's owner, whoever made its template.
    What waits in a pool has no owner yet, so it is started afresh then.
    """
    spec = kernel.template.spec
    told = kernel.environment if spec.vouched else {**spec.environment, **kernel.environment}
    if not any(map(is_taken_up, told)) and (spec.vouched or not spec.preload):
        return spec.start, SHARED
    if kernel.waits:
        return StartWay.EXEC, SHARED
    return spec.start, kernel.owner
