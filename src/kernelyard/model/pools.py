"""Pools: kernels that are made before anybody asks for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from kernelyard.model.errors import Invalid
from kernelyard.model.images import Image
from kernelyard.model.quantities import Micros
from kernelyard.model.taken_up import is_taken_up
from kernelyard.model.templates import DEFAULT_TEMPLATE, TemplateSpec

EVERYBODY = ""
"""Owner of a pool that an administrator has set: it serves everybody."""
LARGEST_POOL = 1000
CALM: Micros = 5 * 60 * 1_000_000
"""A pool over which nobody has asked for so long becomes smaller by one."""
FIRST_PAUSE: Micros = 1_000_000
LONGEST_PAUSE: Micros = 5 * 60 * 1_000_000


def needs_fresh_process(variable: str) -> bool:
    """Whether a variable is read only when a process, or a library in it, starts."""
    return is_taken_up(variable)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOrder:
    """What somebody wants to be kept ready."""

    image: str
    template: str = DEFAULT_TEMPLATE
    size: int = 1
    """How many are ready at first, and for ever if there are no other bounds."""
    least: int | None = None
    most: int | None = None
    """Bounds between which demand moves it; ``size`` unless given."""

    def checked(self) -> tuple[int, int, int]:
        """Return size and bounds. Raises Invalid."""
        least = self.size if self.least is None else self.least
        most = self.size if self.most is None else self.most
        if not 0 <= self.size <= LARGEST_POOL or most > LARGEST_POOL:
            raise Invalid(f"A pool has 0 to {LARGEST_POOL} kernels.", field="size")
        if not 0 <= least <= self.size:
            raise Invalid("'min' must be between 0 and the pool's size.", field="min")
        if most < self.size:
            raise Invalid("'max' must not be below the pool's size.", field="max")
        return self.size, least, most


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool as it is stored. One for each owner, image and template."""

    no: int = 0
    """The store's own number; never shown."""
    owner: str = EVERYBODY
    """Whom it serves: a user, or everybody."""
    image: str
    """The name of the image, as users say it."""
    reference: str
    """``provider/name`` of what that stood for when it was set."""
    template: str
    size: int
    least: int
    most: int
    target: int
    """How many are to be ready now."""
    declared: bool = False
    """Whether the server's settings ask for it."""
    claimed: int = 0
    """Creates that were given a ready kernel."""
    missed: int = 0
    """Creates that found none."""
    demanded_at: Micros = 0
    """When somebody last asked, or its target was last lowered."""
    reason: str | None = None
    """Why it has fewer than it should; None if there is nothing to say."""
    created_at: Micros = 0
    updated_at: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCensus:
    """A pool with what waits in it."""

    pool: Pool
    ready: int = 0
    starting: int = 0


def demanded(pool: Pool, at: Micros, *, found: bool) -> Pool:
    """The pool after somebody asked for a kernel of it: it grows by one if there was none."""
    if found:
        return replace(pool, claimed=pool.claimed + 1, demanded_at=at)
    target = min(pool.most, pool.target + 1)
    return replace(pool, missed=pool.missed + 1, target=target, demanded_at=at)


def calmed(pool: Pool, now: Micros) -> Pool:
    """The pool as time passes: it becomes smaller by one when nobody has asked for long."""
    if pool.target <= pool.least or now - pool.demanded_at < CALM:
        return pool
    return replace(pool, target=pool.target - 1, demanded_at=now)


def resized(pool: Pool, size: int, least: int, most: int, at: Micros) -> Pool:
    """The pool with other bounds, and as many kernels as it is to begin with."""
    return replace(
        pool, size=size, least=least, most=most, target=size, demanded_at=at, updated_at=at
    )


def pause_after(failures: int) -> Micros:
    """How long nothing is started after so many failures in a row."""
    return min(FIRST_PAUSE << min(failures - 1, 30), LONGEST_PAUSE) if failures else 0


def pool_digest(image: Image, spec: TemplateSpec) -> str:
    """What kernels were made ready with: equal for those that may stand for each other."""
    parts = [image.reference, image.language, image.version]
    text = json.dumps([parts, asdict(spec)], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a ready kernel must be for a create to take it."""

    pools: tuple[int, ...]
    """Their numbers, those of the owner first."""
    digest: str
    applies: bool = False
    """Whether anything is to be applied that only some kernels can take up while they run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a create asks beyond what its template says."""

    environment: dict[str, str] = field(default_factory=dict)
    path: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether any ready kernel will do."""
        return not self.environment and self.path is None

    @property
    def needs_fresh_process(self) -> bool:
        """Whether no ready kernel will do."""
        return any(map(needs_fresh_process, self.environment))


def applied(
    template: Mapping[str, str], environment: Mapping[str, str], path: str | None
) -> Applied:
    """What is to be applied to a kernel that was started with the template's environment."""
    beyond = {name: value for name, value in environment.items() if template.get(name) != value}
    return Applied(environment=beyond, path=path)


_FIELDS = ("image", "template", "size", "min", "max")


def declared_pools(tables: Mapping[str, Mapping[str, object]]) -> list[PoolOrder]:
    """Return what the settings ask to be kept ready, a table for each. Raises Invalid."""
    orders: dict[tuple[str, str], tuple[str, PoolOrder]] = {}
    for name, table in tables.items():
        order = declared_pool(name, table)
        first, _ = orders.setdefault((order.image, order.template), (name, order))
        if first != name:
            raise Invalid(
                f"'pools.{first}' and 'pools.{name}' are of the same image and template; "
                "keep one of them.",
                field="pools",
            )
    return [order for _, order in orders.values()]


def declared_pool(name: str, table: Mapping[str, object]) -> PoolOrder:
    """Return what a table of the settings asks to be kept ready. Raises Invalid."""
    where = f"pools.{name}"
    for field_name, value in table.items():
        kind = str if field_name in ("image", "template") else int
        if field_name not in _FIELDS:
            known = ", ".join(_FIELDS)
            raise Invalid(
                f"'{where}.{field_name}' is not known; a pool has {known}.", field="pools"
            )
        if not isinstance(value, kind) or isinstance(value, bool):
            word = "text" if kind is str else "a number"
            raise Invalid(f"'{where}.{field_name}' must be {word}.", field="pools")
    if not table.get("image"):
        raise Invalid(
            f"'{where}' must say of which image the kernels are: image = 'python3'.", field="pools"
        )
    order = PoolOrder(
        image=str(table["image"]),
        template=str(table.get("template", DEFAULT_TEMPLATE)),
        size=_number(table, "size", 1) or 0,
        least=_number(table, "min"),
        most=_number(table, "max"),
    )
    order.checked()
    return order


def _number(table: Mapping[str, object], name: str, default: int | None = None) -> int | None:
    value = table.get(name, default)
    return value if isinstance(value, int) else None
