"""Limits and defaults that the yard's work is done with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.model.quotas import Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Set once at assembly. Zero means no limit."""

    task_output_bytes: int = 1024**3
    kernel_start_seconds: float = 60.0
    max_kernels: int = 0
    server: Amounts = field(default_factory=dict)
    """What else all together may have."""
    each: Amounts = field(default_factory=dict)
    """What each user may have."""
    max_waiting_kernels: int = 0
    """Kernels of all together that may wait for room at once."""
    user_max_waiting_kernels: int = 0
    """The same of each user."""
    user_pool_kernels: int = 4
    """How many kernels all pools of one user may have together; 0 for none."""
    largest_page: int = 1000
    kernel_log_bytes: int = 10 * 1024 * 1024
    keep_outputs_seconds: float = 0.0
    keep_outputs_bytes: int = 0
    keep_kernels_seconds: float = 0.0
    keep_audit_seconds: float = 0.0
    external_dir: Path | None = None
    """Where connection files of kernels are looked for that others start, on the agent's machine."""
    largest_code: int = 8 * 1024 * 1024
