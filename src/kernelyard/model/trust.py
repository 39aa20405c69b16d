"""Whose code may have run in the process that a kernel is forked from."""

from __future__ import annotations

from kernelyard.model.kernels import Kernel
from kernelyard.model.taken_up import is_taken_up
from kernelyard.model.templates import StartWay

SHARED = ""
"""Nobody's code has run in it but that of the environment, and what administrators preload."""


def start_of(kernel: Kernel) -> tuple[StartWay, str]:
    """Return how a kernel is to be started, and the trust boundary of what it is forked from.

    Modules that a user has chosen run beside his own kernels only: the boundary is the kernel's owner,
    whoever made its template. What waits in a pool has no owner yet, so with such modules it is started
    afresh.
    """
    spec = kernel.template.spec
    own = any(map(is_taken_up, kernel.environment))
    if not spec.preload or (spec.vouched and not own):
        return spec.start, SHARED
    if kernel.waits:
        return StartWay.EXEC, SHARED
    return spec.start, kernel.owner
