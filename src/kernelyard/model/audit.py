"""The audit trail: who did what, when, from where, and with which token."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kernelyard.model.quantities import Micros


class Action(StrEnum):
    """What was done. The first part says to what kind of thing."""

    KERNEL_CREATE = "kernel.create"
    KERNEL_ATTACH = "kernel.attach"
    KERNEL_RESTART = "kernel.restart"
    KERNEL_INTERRUPT = "kernel.interrupt"
    KERNEL_SIGNAL = "kernel.signal"
    KERNEL_TERMINATE = "kernel.terminate"
    KERNEL_DELETE = "kernel.delete"
    KERNEL_JOIN = "kernel.join"
    """A WebSocket or a connection file let a client speak with the kernel itself."""
    TASK_RUN = "task.run"
    TASK_CANCEL = "task.cancel"
    TEMPLATE_CREATE = "template.create"
    TEMPLATE_UPDATE = "template.update"
    TEMPLATE_DELETE = "template.delete"
    IMAGE_REGISTER = "image.register"
    IMAGE_UPDATE = "image.update"
    IMAGE_DELETE = "image.delete"
    NOTEBOOK_SPEC_CREATE = "notebook_spec.create"
    NOTEBOOK_SPEC_UPDATE = "notebook_spec.update"
    NOTEBOOK_SPEC_DELETE = "notebook_spec.delete"
    POOL_SET = "pool.set"
    POOL_DELETE = "pool.delete"
    QUOTA_SET = "quota.set"
    QUOTA_RESET = "quota.reset"
    USER_CREATE = "user.create"
    USER_UPDATE = "user.update"
    USER_DELETE = "user.delete"
    TOKEN_CREATE = "token.create"  # noqa: S105 - the name of a deed
    TOKEN_EXCHANGE = "token.exchange"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed."""

    no: int = 0
    """Grows; given by the store."""
    at: Micros
    user: str
    token_id: str | None = None
    """None for the server's own token and for those of somebody else's making."""
    address: str | None = None
    action: str
    subject: str
    """Id or name of what it was done to."""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which entries, newest first."""

    user: str | None = None
    action: str | None = None
    subject: str | None = None
    since: Micros | None = None
    before: int | None = None
    """Continue with entries whose ``no`` is smaller."""
    limit: int = 100
