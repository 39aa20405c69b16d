"""Where a parameter of an operation stands in a request, and what it may be.

They are said in annotations: ``after: Annotated[int, Query(ge=0)]``. Whatever a framework takes to
describe and check a parameter may be said; it is read when the operation's route is made.
"""

from __future__ import annotations

from typing import Any, Literal


class Parameter:
    """One of the parts of a request that are not its body."""

    __slots__ = ("place", "told")

    def __init__(self, place: Literal["header", "path", "query"], told: dict[str, Any]) -> None:
        self.place = place
        self.told = told


class Query(Parameter):
    """A parameter after the question mark."""

    __slots__ = ()

    def __init__(self, **told: Any) -> None:
        super().__init__("query", told)


class Path(Parameter):
    """A part of the path."""

    __slots__ = ()

    def __init__(self, **told: Any) -> None:
        super().__init__("path", told)


class Header(Parameter):
    """A header."""

    __slots__ = ()

    def __init__(self, **told: Any) -> None:
        super().__init__("header", told)
