"""What the store's parts ask of a database: to run work in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Database(Protocol):
    """Runs work where it does not block the event loop.

    Work is an ordinary function of a connection, so that a whole transaction is one step for the
    event loop, however many statements it has.
    """

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that changes nothing; everything it reads is of one moment."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit, or roll back if it raises. Raises StorageFull."""
        ...

    async def give_back_space(self) -> None:
        """Return space that removed rows have left to the file system, where that takes asking."""
        ...

    async def aclose(self) -> None:
        """Close every connection, after the work that is under way."""
        ...
