"""Pools of ready kernels, as the yard keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim, Pool
from kernelyard.model.quantities import Micros
from kernelyard.model.quotas import Rules

if TYPE_CHECKING:
    from kernelyard.ports.stores import Idempotency


class PoolStore(Protocol):
    """Pools, and the kernels that wait in them. Those are nobody's: no other query shows them, and no
    event tells of them, until they are claimed."""

    async def put(self, pool: Pool) -> Pool:
        """Keep a pool, or give the one of the same owner, image and template its sizes and reference.

        The store gives ``no``; what was counted stays.
        """
        ...

    async def refer(self, no: int, reference: str) -> None:
        """Note what the name of a pool's image stands for now; a pool that is not there is not made."""
        ...

    async def all(self) -> list[Pool]:
        """Every pool, in the order in which they were made."""
        ...

    async def remove(self, no: int, at: Micros) -> list[int]:
        """Forget a pool and give up what waits in it; return the numbers of those kernels."""
        ...

    async def explain(self, no: int, reason: str | None) -> None:
        """Note why a pool has fewer kernels than it should, or that there is nothing to say."""
        ...

    async def calm(self, no: int, now: Micros) -> Pool | None:
        """Let a pool become smaller if nobody has asked for long; return it as it is then."""
        ...

    async def waiting(self) -> list[Kernel]:
        """Every kernel that waits and is not given up, whatever its phase and its pool. Oldest first."""
        ...

    async def admit(self, kernel: Kernel, rules: Rules | None = None) -> Kernel | None:
        """Keep a new kernel that waits in its pool; None if as many are live there as are wanted.

        Of several who admit at once, no more are let in. None, too, if by ``rules`` there is no room
        for it, or somebody waits for room.
        """
        ...

    async def give_up(self, no: int, at: Micros) -> bool:
        """Want a kernel gone if it waits still; return whether it is so."""
        ...

    async def make_room(self, at: Micros) -> int | None:
        """Give up one live kernel that waits, one that is not ready if there is any; return which."""
        ...

    async def claim(
        self,
        kernel: Kernel,
        claim: Claim,
        idempotency: Idempotency | None,
        rules: Rules | None = None,
    ) -> tuple[Kernel, bool] | None:
        """Give a ready kernel to the owner of ``kernel``, with all that it says but its id.

        Returns it, and whether it was given now: as ``insert`` of kernels does, which this stands for,
        and raises the same. None if no kernel suits; then nothing but the pool's counts has changed, and
        not even these if one was ready and only cannot take up what is asked: more of them would not help.
        Of several who claim at once, each is given another one. None, and nothing has changed, if by
        ``rules`` the owner may not have one more now.
        """
        ...
