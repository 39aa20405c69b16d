"""From a method and a resource's name to the function that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.h2o.names import KINDS, WORKSPACES, is_id
from kernelyard.model.errors import Forbidden, Invalid, NotFound
from kernelyard.model.json import JsonObject
from kernelyard.model.principals import Principal
from kernelyard.yard.yard import Yard


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks what of which resource."""

    yard: Yard
    who: Principal
    request: Request
    name: str
    """What stands in the path: a resource, or the collection that is listed or added to."""
    ids: tuple[str, ...]
    """The ids in the name, the workspace's first. Each is well formed, whether it exists or not."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are not empty: an empty one means that it is not set."""
    body: JsonObject = field(default_factory=dict)

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return self.ids[0]


Endpoint = Callable[[Call], Awaitable[JsonObject]]
"""What answers a call: a JSON object, never nothing."""
Open = Callable[[Request], Awaitable[Response]]
"""What answers a path that is open to everybody."""


@dataclass(frozen=True, slots=True)
class Way:
    """One operation. In ``pattern`` a star stands for an id: ``workspaces/*/kernels/*:terminate``."""

    method: str
    pattern: str
    endpoint: Endpoint


class Routes:
    """The operations of one subject, declared by decorators."""

    def __init__(self) -> None:
        self.ways: list[Way] = []

    def get(self, pattern: str) -> Callable[[Endpoint], Endpoint]:
        """Declare what answers GET."""
        return self._declared("GET", pattern)

    def post(self, pattern: str) -> Callable[[Endpoint], Endpoint]:
        """Declare what answers POST."""
        return self._declared("POST", pattern)

    def patch(self, pattern: str) -> Callable[[Endpoint], Endpoint]:
        """Declare what answers PATCH."""
        return self._declared("PATCH", pattern)

    def delete(self, pattern: str) -> Callable[[Endpoint], Endpoint]:
        """Declare what answers DELETE."""
        return self._declared("DELETE", pattern)

    def _declared(self, method: str, pattern: str) -> Callable[[Endpoint], Endpoint]:
        def declared(endpoint: Endpoint) -> Endpoint:
            self.ways.append(Way(method, pattern, endpoint))
            return endpoint

        return declared


class MethodRefused(Exception):
    """There is something at this path that does not take this method."""

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__()
        self.allowed = sorted(allowed)


@dataclass(frozen=True, slots=True)
class Found:
    """What answers a request, and the ids that stand in its path."""

    endpoint: Endpoint
    ids: tuple[str, ...]


class Table:
    """All operations, by pattern and method."""

    def __init__(self, subjects: Iterable[Routes]) -> None:
        self._ways: dict[str, dict[str, Endpoint]] = {}
        for subject in subjects:
            for way in subject.ways:
                self._ways.setdefault(way.pattern, {})[way.method] = way.endpoint

    def find(self, method: str, name: str, who: Principal) -> Found:
        """Return what answers; ``name`` is the decoded path behind ``/v1/``.

        Raises NotFound, MethodRefused, and Invalid for an id that none can be.
        """
        bare, colon, verb = name.partition(":")
        parts = bare.split("/")
        pattern = "/".join("*" if at % 2 else part for at, part in enumerate(parts))
        ways = self._ways.get(pattern + colon + verb)
        if ways is None:
            raise NotFound(_NOTHING)
        if method not in ways:
            raise MethodRefused(ways)
        ids = tuple(parts[1::2])
        _check(parts, who)
        return Found(ways[method], ids)


_NOTHING = (
    "There is nothing at this path. Resources are named like workspaces/default/kernels/my-kernel."
)


def _check(parts: list[str], who: Principal) -> None:
    for collection, id_ in zip(parts[::2], parts[1::2], strict=False):
        if not is_id(id_):
            raise Invalid(
                f"validation error: invalid {KINDS[collection]} name: {id_[:80]!r} is not 1 to 63 "
                "lower-case letters, digits or '-' that begin with a letter."
            )
    if parts[1] not in WORKSPACES:
        message = "There are the workspaces 'global' and 'default' only."
        raise NotFound(message) if who.is_admin else Forbidden(message)
