"""Who may come in, alone: without the rest of the yard."""

from __future__ import annotations

from kernelyard.stores.memory.people import MemoryAudit, MemoryUsers
from kernelyard.testing import FakeClock
from kernelyard.yard.access import Access
from kernelyard.yard.audit import AuditTrail
from kernelyard.yard.limits import Limits
from kernelyard.yard.tokens import Tokens

OWN = "the-admin-token"


class Gate:
    """Access alone, on a store in memory and a clock that stands still."""

    def __init__(self, users: MemoryUsers | None = None, own: str = OWN) -> None:
        self.users = users or MemoryUsers()
        self.clock = FakeClock()
        self.access = Access(self.users, self.users.tokens, self.clock, own)
        audit = AuditTrail(MemoryAudit(), self.clock, Limits())
        self.tokens = Tokens(self.users, self.users.tokens, self.clock, self.access, audit)
