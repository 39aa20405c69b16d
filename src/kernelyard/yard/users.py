"""Users: people and programs that may have tokens and own things. For administrators."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import AlreadyExists, Conflict, Invalid, UserNotFound
from kernelyard.model.ids import checked_name
from kernelyard.model.paging import checked_limit, decode_name_cursor, encode_name_cursor
from kernelyard.model.principals import ADMIN_NAME, Principal, Role, User, UserKind
from kernelyard.ports.bell import quotas_topic
from kernelyard.ports.stores import KernelQuery, Store
from kernelyard.yard.access import Access, only_admin
from kernelyard.yard.audit import described
from kernelyard.yard.pools import Pools
from kernelyard.yard.world import World

LONGEST_DISPLAY_NAME = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What is to become different about a user; None leaves it as it is."""

    role: Role | None = None
    display_name: str | None = None
    disabled: bool | None = None


class Users:
    """Adds, lists, changes and removes users."""

    def __init__(self, world: World, access: Access, pools: Pools) -> None:
        self._store: Store = world.store
        self._bell = world.bell
        self._clock = world.clock
        self._audit = world.audit
        self._largest_page = world.limits.largest_page
        self._access = access
        self._pools = pools

    async def add(
        self,
        who: Principal,
        name: str,
        *,
        kind: UserKind = UserKind.USER,
        role: Role = Role.USER,
        display_name: str = "",
    ) -> User:
        """Add a user. Raises Forbidden, AlreadyExists, Invalid."""
        only_admin(who)
        user = User(
            name=checked_name(name, field="name"),
            kind=kind,
            role=role,
            display_name=_checked_display_name(display_name),
            created_at=self._clock.now(),
        )
        try:
            await self._store.users.insert(user)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"There is a user named '{name}' already. Choose another name.", field="name"
            ) from error
        await self._audit.write(who, Action.USER_CREATE, name, kind=kind.value, role=role.value)
        return user

    async def get(self, who: Principal, name: str) -> User:
        """Return a user; everybody may ask for himself. Raises Forbidden, UserNotFound."""
        if name != who.name:
            only_admin(who)
        return await self._found(name)

    async def list(
        self, who: Principal, cursor: str | None, limit: int | None
    ) -> tuple[list[User], str | None]:
        """Return a page of users by name, and the cursor of the next page. Raises Forbidden."""
        only_admin(who)
        size = checked_limit(limit, largest=self._largest_page)
        found = await self._store.users.find(decode_name_cursor(cursor), size + 1)
        more = len(found) > size
        return found[:size], encode_name_cursor(found[size - 1].name) if more else None

    async def update(self, who: Principal, name: str, change: UserChange) -> User:
        """Change a user; what follows for his tokens is so at once, in every server.

        Raises Forbidden, UserNotFound, Invalid, Conflict for the server's own administrator.
        """
        only_admin(who)
        before = await self._found(name)
        if name == ADMIN_NAME and (change.disabled or change.role is Role.USER):
            raise Conflict(
                "The server's own administrator can be neither disabled nor made a user: his token is "
                "the server's. Make other administrators, and keep that token safe."
            )
        display_name = change.display_name
        user = replace(
            before,
            role=before.role if change.role is None else change.role,
            display_name=before.display_name
            if display_name is None
            else _checked_display_name(display_name),
            disabled=before.disabled if change.disabled is None else change.disabled,
        )
        await self._store.users.replace(user)
        self._access.forget()
        self._pools.taken()
        details = described(role=change.role, disabled=change.disabled)
        await self._audit.write(who, Action.USER_UPDATE, name, **details)
        return user

    async def remove(self, who: Principal, name: str) -> None:
        """Remove a user with his tokens, templates, pools and quota. What he did stays in the audit trail.

        Raises Forbidden, UserNotFound, Conflict while he has kernels: whoever is given his name
        later would have them.
        """
        only_admin(who)
        await self._found(name)
        if name == ADMIN_NAME:
            raise Conflict("The server's own administrator cannot be removed.")
        if (await self._store.kernels.find(KernelQuery(owner=name, limit=1))).items:
            raise Conflict(
                f"{name} has kernels. Delete them first, or disable the user: "
                f"'kernelyard user disable {name}'."
            )
        await self._store.users.remove(name)
        self._access.forget()
        for pool in await self._store.pools.all():
            if pool.owner == name:
                await self._pools.drop(pool)
        if await self._store.quotas.remove(name):
            self._bell.ring(quotas_topic())
        await self._audit.write(who, Action.USER_DELETE, name)

    async def _found(self, name: str) -> User:
        try:
            return await self._store.users.get(name)
        except UserNotFound as error:
            raise UserNotFound(
                f"There is no user named '{name[:128]}'. 'kernelyard user list' lists them."
            ) from error


def _checked_display_name(text: str) -> str:
    if len(text) > LONGEST_DISPLAY_NAME or "\0" in text:
        raise Invalid(
            f"'display_name' has more than {LONGEST_DISPLAY_NAME} characters, or a NUL character.",
            field="display_name",
        )
    return text
