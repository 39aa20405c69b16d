"""What every store does with users, their tokens, and what they did."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.audit import Action, AuditEntry, AuditQuery
from kernelyard.model.errors import AlreadyExists, TemplateNotFound, UserNotFound
from kernelyard.model.principals import AccessToken, Role, Scope, TokenRecord, User, UserKind
from kernelyard.model.quotas import UserQuota
from kernelyard.model.templates import Template
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import NOON
from kernelyard.testing.stores.opening import Opening

BOB = User(name="bob", role=Role.USER, display_name="Böb", created_at=NOON)
ROBOT = User(name="robot", kind=UserKind.SERVICE, role=Role.ADMIN, created_at=NOON)


def a_token(user: str, name: str = "first") -> TokenRecord:
    """A token with something in every field."""
    return TokenRecord(
        id=f"id-{user}-{name}",
        user=user,
        name=name,
        scopes=frozenset({Scope.READ, Scope.RUN}),
        sha256=f"sha-{user}-{name}",
        created_at=NOON,
        expires_at=NOON + 5,
        last_used_at=NOON + 1,
    )


def an_access_token(parent_id: str | None, name: str = "a", until: int = NOON) -> AccessToken:
    """What was traded for a token."""
    return AccessToken(sha256=name, parent_id=parent_id, proof="p", expires_at=until)


def an_entry(user: str, action: Action, subject: str, at: int = NOON) -> AuditEntry:
    """Something that was done."""
    return AuditEntry(
        at=at,
        user=user,
        token_id="t",  # noqa: S106 - an id
        address="10.0.0.7",
        action=action,
        subject=subject,
        details={"ä": "b"},
    )


class PeopleConformance(Opening):
    """Users have tokens; what they do is written down."""

    async def test_an_administrator_is_there_from_the_beginning(self, store: Store) -> None:
        admin = await store.users.get("admin")
        assert (admin.role, admin.disabled) == (Role.ADMIN, False)

    async def test_users_are_kept_listed_and_changed(self, store: Store) -> None:
        for user in (ROBOT, BOB):
            await store.users.insert(user)
        assert await store.users.get("bob") == BOB
        with pytest.raises(AlreadyExists):
            await store.users.insert(replace(BOB, role=Role.ADMIN))
        assert await store.users.find("admin", 10) == [BOB, ROBOT]
        assert [user.name for user in await store.users.find(None, 2)] == ["admin", "bob"]
        changed = replace(BOB, role=Role.ADMIN, disabled=True, display_name="B")
        await store.users.replace(changed)
        assert await store.users.get("bob") == changed
        for missing in (store.users.get("none"), store.users.replace(replace(BOB, name="none"))):
            with pytest.raises(UserNotFound):
                await missing

    async def test_a_user_goes_with_all_that_is_kept_under_the_name(self, store: Store) -> None:
        await store.users.insert(BOB)
        await store.tokens.insert(a_token("bob"))
        await store.tokens.insert_access(an_access_token("id-bob-first"), NOON - 1)
        await store.templates.insert(Template(name="his", owner="bob"))
        await store.templates.insert(Template(name="hers", owner="ada"))
        await store.choices.put("bob", "a.ipynb", "python3", NOON)
        await store.quotas.put(UserQuota("bob", {}))
        await store.users.remove("bob")
        assert await store.choices.get("bob", "a.ipynb") is None
        assert await store.quotas.all() == []
        with pytest.raises(UserNotFound):
            await store.users.remove("bob")
        assert await store.tokens.by_hash("sha-bob-first") is None
        assert await store.tokens.access_by_hash("a") is None
        with pytest.raises(TemplateNotFound):
            await store.templates.get("his")
        assert (await store.templates.get("hers")).owner == "ada"

    async def test_tokens_are_found_by_hash_and_id_with_what_their_user_is(
        self, store: Store
    ) -> None:
        await store.users.insert(BOB)
        await store.tokens.insert(a_token("bob"))
        assert await store.tokens.by_hash("sha-bob-first") == a_token("bob")
        assert await store.tokens.by_id("id-bob-first") == a_token("bob")
        assert await store.tokens.by_hash("bob") is None
        assert await store.tokens.by_id("bob") is None
        await store.users.replace(replace(BOB, role=Role.ADMIN, disabled=True))
        told = replace(a_token("bob"), role=Role.ADMIN, disabled=True)
        assert await store.tokens.by_hash("sha-bob-first") == told
        assert await store.tokens.remove("id-bob-first")
        assert not await store.tokens.remove("id-bob-first")
        assert await store.tokens.by_hash("sha-bob-first") is None

    async def test_a_user_has_several_tokens_each_with_its_name(self, store: Store) -> None:
        for user in (ROBOT, BOB):
            await store.users.insert(user)
        with pytest.raises(UserNotFound):
            await store.tokens.insert(a_token("nobody"))
        for owner, name in (("robot", "a"), ("bob", "z"), ("bob", "B")):
            await store.tokens.insert(a_token(owner, name))
        with pytest.raises(AlreadyExists):
            await store.tokens.insert(replace(a_token("bob", "z"), id="other", sha256="other"))
        names = [(token.user, token.name) for token in await store.tokens.find()]
        assert names == [("bob", "B"), ("bob", "z"), ("robot", "a")]
        assert [token.name for token in await store.tokens.find("bob")] == ["B", "z"]
        assert await store.tokens.find("nobody") == []

    async def test_the_last_use_of_a_token_never_becomes_earlier(self, store: Store) -> None:
        await store.users.insert(BOB)
        await store.tokens.insert(replace(a_token("bob"), last_used_at=None))
        for at, kept in ((NOON + 9, NOON + 9), (NOON + 3, NOON + 9), (NOON + 10, NOON + 10)):
            await store.tokens.used({"id-bob-first": at, "gone": at})
            token = await store.tokens.by_id("id-bob-first")
            assert token is not None
            assert token.last_used_at == kept
        await store.tokens.used({})

    async def test_what_was_traded_for_a_token_goes_with_it(self, store: Store) -> None:
        await store.users.insert(BOB)
        await store.tokens.insert(a_token("bob"))
        his, own = an_access_token("id-bob-first", "his"), an_access_token(None, "own")
        for one in (his, own):
            await store.tokens.insert_access(one, NOON - 1)
            assert await store.tokens.access_by_hash(one.sha256) == one
        await store.tokens.remove("id-bob-first")
        assert await store.tokens.access_by_hash("his") is None
        assert await store.tokens.access_by_hash("own") == own

    async def test_access_tokens_that_have_expired_are_dropped_by_the_next(
        self, store: Store
    ) -> None:
        for name, until in (("a", 10), ("b", 11)):
            await store.tokens.insert_access(an_access_token(None, name, until), 0)
        await store.tokens.insert_access(an_access_token(None, "c", 99), 10)
        assert await store.tokens.access_by_hash("a") is None
        assert await store.tokens.access_by_hash("b") is not None

    async def test_templates_are_seen_by_their_owner_and_shared_by_administrators(
        self, store: Store
    ) -> None:
        for user in (ROBOT, BOB):
            await store.users.insert(user)
        for name, owner in (("a", ""), ("b", "bob"), ("c", "ann"), ("d", "robot"), ("e", "admin")):
            await store.templates.insert(Template(name=name, owner=owner))

        async def seen(by: str | None) -> str:
            return "".join(one.name for one in await store.templates.find(None, 9, by))

        assert await seen(None) == "abcde"
        assert await seen("bob") == "abde"
        assert await seen("ann") == "acde"
        assert [one.name for one in await store.templates.find("a", 2, "ann")] == ["c", "d"]
        shared = [name for name in "abcde" if await store.templates.is_shared(name)]
        assert shared == ["a", "d", "e"]
        with pytest.raises(TemplateNotFound):
            await store.templates.is_shared("none")

    async def test_what_was_done_is_read_newest_first(self, store: Store) -> None:
        done = [
            an_entry("ann", Action.KERNEL_CREATE, "k1", NOON),
            an_entry("ann", Action.TASK_RUN, "t1", NOON + 1),
            an_entry("bob", Action.TASK_RUN, "t2", NOON + 2),
        ]
        await store.audit.write(done[:1])
        await store.audit.write(done[1:])
        await store.audit.write([])
        found = (await store.audit.find(AuditQuery())).items
        assert [replace(entry, no=0) for entry in found] == done[::-1]
        assert [entry.no for entry in found] == sorted((entry.no for entry in found), reverse=True)

        async def subjects(query: AuditQuery) -> list[str]:
            return [entry.subject for entry in (await store.audit.find(query)).items]

        assert await subjects(AuditQuery(user="ann")) == ["t1", "k1"]
        assert await subjects(AuditQuery(action="task.run")) == ["t2", "t1"]
        assert await subjects(AuditQuery(subject="k1")) == ["k1"]
        assert await subjects(AuditQuery(since=NOON + 1, user="ann")) == ["t1"]
        page = await store.audit.find(AuditQuery(limit=2))
        assert page.next == found[1].no
        assert await subjects(AuditQuery(before=page.next, limit=2)) == ["k1"]

    async def test_what_was_done_long_ago_is_forgotten_in_portions(self, store: Store) -> None:
        await store.audit.write(
            [an_entry("ann", Action.TASK_RUN, str(at), at) for at in range(1, 6)]
        )
        assert await store.audit.forget(4, 2) == 2
        assert await store.audit.forget(4, 2) == 1
        assert await store.audit.forget(4, 2) == 0
        left = (await store.audit.find(AuditQuery())).items
        assert [entry.subject for entry in left] == ["5", "4"]
