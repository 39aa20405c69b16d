"""Who asks, and what a token allows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernelyard.model.quantities import Micros


class Role(StrEnum):
    """What a principal may do: an administrator everything, a user what concerns his own things."""

    ADMIN = "admin"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request. ``name`` owns the kernels that the request makes."""

    name: str
    role: Role

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def sees(self) -> str | None:
        """The owner whose things this principal sees; None for everybody's."""
        return None if self.is_admin else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is stored: only its SHA-256."""

    id: str
    name: str
    role: Role
    sha256: str
    created_at: Micros
