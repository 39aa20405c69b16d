"""What the server tells of quotas, as typed frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of something is used, and how much may be; no limit is None."""

    used: float = 0
    limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What somebody uses and may use.

    ::

        quota = yard.quotas.get()
        print(quota.kernels.used, "of", quota.kernels.limit)
    """

    user: str = ""
    """Empty for the whole server."""
    kernels: Amount
    """Those that have not ended and do not wait."""
    cpu: Amount
    memory: Amount
    """Bytes."""
    gpu: Amount
    queued_tasks: Amount
    stored_bytes: Amount
    waiting: int = 0
    """Kernels that wait in ``starting`` until there is room."""
    said: tuple[str, ...] = ()
    """Limits that are set for this user alone, not by the settings."""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaList:
    """What all use together, and each user who has anything."""

    server: Quota
    items: tuple[Quota, ...] = ()
