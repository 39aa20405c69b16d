"""What the yard asks of an identity provider: whose bearer token is this?"""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.principals import Principal


class Forged(Exception):
    """A token claims to be of a known issuer, who has never signed it. The text says so to its holder."""


class Identity(Protocol):
    """Verifies tokens that somebody else has issued."""

    @property
    def tells_roles(self) -> bool:
        """Whether the role of whom it vouches for is what the issuer says; else all are users to it."""
        ...

    async def verify(self, token: str) -> Principal | None:
        """Return who holds a token and until when; None if it is not of an issuer that is known here.

        Raises Forged if it claims to be of such an issuer and was never signed by it, Unauthenticated
        if it is not good for another reason, Unavailable if that cannot be told now.
        """
        ...

    async def aclose(self) -> None:
        """Give up what is under way."""
        ...


def may_be_issued(token: str) -> bool:
    """Whether a token has the form of a signed one (JWT), so that ``verify`` may know it."""
    return token.startswith("eyJ") and token.count(".") == 2
