"""Quotas, as the yard keeps them: what is said of users, and who is let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from kernelyard.model.kernels import Kernel
from kernelyard.model.quotas import Amounts, Rules, UserQuota
from kernelyard.model.tasks import Task
from kernelyard.model.templates import TemplateSpec

if TYPE_CHECKING:
    from kernelyard.ports.stores import Idempotency


@dataclass(frozen=True, slots=True)
class Round:
    """What came of looking at all who wait."""

    admitted: list[int] = field(default_factory=list)
    """Kernels that are let in now, by number."""
    given_up: list[int] = field(default_factory=list)
    """Kernels that waited in pools and gave way."""
    waiting: int = 0
    """Kernels that go on waiting."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user has."""

    used: Amounts
    waiting: int = 0
    """Kernels that wait until there is room."""


class QuotaStore(Protocol):
    """Of several who let in at once, also in several servers, no more are let in than there is room for."""

    async def all(self) -> list[UserQuota]:
        """What is said of users one by one, by name."""
        ...

    async def put(self, quota: UserQuota) -> None:
        """Insert or replace."""
        ...

    async def remove(self, user: str) -> bool:
        """Forget what was said of a user; False if nothing was."""
        ...

    async def usage(self, user: str | None = None) -> Mapping[str, Usage]:
        """What users have, or one of them, by name. What waits in pools stands under the empty name.

        Kernels hold what they were made with until they have ended; those that wait hold nothing.
        """
        ...

    async def stored_bytes(self, user: str | None) -> int:
        """Bytes of a user's outputs, or of everybody's."""
        ...

    async def anybody_waits(self) -> bool:
        """Whether any kernel is not let in."""
        ...

    async def room_for_spare(self, spec: TemplateSpec, rules: Rules) -> bool:
        """Whether one more kernel might wait in a pool now: nobody else is to have its room first."""
        ...

    async def place(
        self,
        kernel: Kernel,
        idempotency: Idempotency | None,
        rules: Rules,
        *,
        may_wait: bool = True,
    ) -> tuple[Kernel, bool, Round]:
        """Keep a new kernel as ``insert`` of kernels does: let in, or waiting with a reason.

        What waits in pools gives way. Raises what ``insert`` raises, NeverFits, and LimitReached for one
        that may not wait, or where as many wait already as the rules allow.
        """
        ...

    async def admit(self, rules: Rules) -> Round:
        """Let in whom there is room for, those of a higher priority and then the older ones first.

        The others are given the reason why they wait, unless nothing but the amount in use has changed.
        """
        ...

    async def submit(
        self, task: Task, idempotency: Idempotency | None, rules: Rules, refusal: str | None = None
    ) -> tuple[Task, bool]:
        """Keep a new task as ``insert`` of tasks does, unless too many are queued already.

        Raises what that raises, and LimitReached; with ``refusal`` for every task that is not there yet.
        """
        ...
