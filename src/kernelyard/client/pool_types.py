"""What the server tells of pools, as typed frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Kernels that are ready before anybody asks for them.

    ::

        for pool in yard.pools.list():
            print(pool.image, pool.ready, pool.reason or "")
    """

    image: str
    reference: str = ""
    """``provider/name`` of what the image stands for."""
    template: str = "default"
    owner: str | None = None
    """Whom it serves; None for everybody."""
    size: int = 0
    min: int = 0
    max: int = 0
    target: int = 0
    """How many are to be ready now."""
    ready: int = 0
    """How many can be taken now."""
    starting: int = 0
    claimed: int = 0
    """Creates that were given a ready kernel."""
    missed: int = 0
    """Creates that found none."""
    reason: str | None = None
    """Why there are fewer than there should be."""
    declared: bool = False
    """Whether the server's settings ask for it."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
