"""The bell: a hint that something changed. The store is the truth; a lost ring costs only time."""

from __future__ import annotations

from typing import Protocol


class Bell(Protocol):
    """Wakes those who wait for a topic. Take ``mark`` before reading, then ``wait`` with it."""

    def mark(self, topic: str) -> int:
        """Return how often ``topic`` has rung; a later ring makes ``wait`` return at once."""
        ...

    def ring(self, topic: str) -> None:
        """Wake everybody who waits for ``topic``. Never blocks, never fails."""
        ...

    def ring_here(self, topic: str) -> None:
        """Ring for those of this server only: what changed is not in the store yet."""
        ...

    def ring_all(self) -> None:
        """Rings may have been lost: wake everybody who waits, whatever for."""
        ...

    async def wait(self, topic: str, since: int, timeout: float) -> bool:
        """Wait until ``topic`` has rung since the mark ``since``; False after ``timeout`` seconds."""
        ...

    @property
    def muffled(self) -> bool:
        """Whether the server is about to stop: nobody should wait any more."""
        ...

    def muffle(self) -> None:
        """The server is about to stop: wake everybody who waits, now and from now on."""
        ...


def kernel_topic(kernel_no: int) -> str:
    """Rings when records of a kernel, or changes of it or of its tasks, are in the store."""
    return f"kernel:{kernel_no}"


def settled_topic(kernel_no: int) -> str:
    """Rings when tasks of a kernel have ended, or the kernel has moved to another phase."""
    return f"settled:{kernel_no}"


def events_topic() -> str:
    """Rings when the state of any kernel or task has changed."""
    return "events"


def care_topic(kernel_no: int) -> str:
    """Rings when a kernel needs its caretaker, who may be in another server."""
    return f"care:{kernel_no}"


def quotas_topic() -> str:
    """Rings when there may be room for kernels that wait, or somebody's quota is another."""
    return "quotas"


def pools_topic() -> str:
    """Rings when pools, or kernels that wait in one, may need somebody to look."""
    return "pools"


def access_topic() -> str:
    """Rings when tokens or users are not what they were: what is remembered of them is worth nothing."""
    return "access"
