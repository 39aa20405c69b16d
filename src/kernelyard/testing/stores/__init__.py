"""What every store must do, as a test class to inherit from::

    class TestMyStore(StoreConformance):
        async def open(self, tmp_path):
            return await open_my_store(tmp_path)

It needs pytest with pytest-asyncio in its ``auto`` mode.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "kernelyard.testing.stores.ends",
    "kernelyard.testing.stores.events",
    "kernelyard.testing.stores.external_ids",
    "kernelyard.testing.stores.idempotency",
    "kernelyard.testing.stores.kernels",
    "kernelyard.testing.stores.leases",
    "kernelyard.testing.stores.names",
    "kernelyard.testing.stores.notebooks",
    "kernelyard.testing.stores.outputs",
    "kernelyard.testing.stores.people",
    "kernelyard.testing.stores.pools",
    "kernelyard.testing.stores.quotas",
    "kernelyard.testing.stores.retention",
    "kernelyard.testing.stores.settling",
    "kernelyard.testing.stores.sightings",
    "kernelyard.testing.stores.tasks",
    "kernelyard.testing.stores.twins",
)

from kernelyard.testing.stores.ends import EndConformance  # noqa: E402
from kernelyard.testing.stores.events import EventConformance  # noqa: E402
from kernelyard.testing.stores.external_ids import ExternalIdConformance  # noqa: E402
from kernelyard.testing.stores.idempotency import IdempotencyConformance  # noqa: E402
from kernelyard.testing.stores.kernels import KernelConformance  # noqa: E402
from kernelyard.testing.stores.leases import LeaseConformance  # noqa: E402
from kernelyard.testing.stores.names import NameConformance  # noqa: E402
from kernelyard.testing.stores.notebooks import NotebookSpecConformance  # noqa: E402
from kernelyard.testing.stores.outputs import OutputConformance  # noqa: E402
from kernelyard.testing.stores.people import PeopleConformance  # noqa: E402
from kernelyard.testing.stores.pools import PoolConformance  # noqa: E402
from kernelyard.testing.stores.quotas import QuotaConformance  # noqa: E402
from kernelyard.testing.stores.retention import RetentionConformance  # noqa: E402
from kernelyard.testing.stores.settling import SettlingConformance  # noqa: E402
from kernelyard.testing.stores.sightings import SightingConformance  # noqa: E402
from kernelyard.testing.stores.tasks import TaskConformance  # noqa: E402
from kernelyard.testing.stores.twins import TwinConformance  # noqa: E402

__all__ = ["StoreConformance"]


class StoreConformance(
    KernelConformance,
    TaskConformance,
    IdempotencyConformance,
    ExternalIdConformance,
    OutputConformance,
    SettlingConformance,
    RetentionConformance,
    PoolConformance,
    QuotaConformance,
    EndConformance,
    EventConformance,
    NameConformance,
    NotebookSpecConformance,
    PeopleConformance,
    SightingConformance,
    TwinConformance,
    LeaseConformance,
):
    """All of it. Override ``open``."""
