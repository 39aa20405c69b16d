"""Tokens that were users become users with tokens, and back."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from kernelyard.model.principals import Role, Scope
from kernelyard.stores.sql.store import open_sqlite
from kernelyard.testing.stores.people import BOB, a_token

from tests.support.migrations import downgrade

OLD = "INSERT INTO tokens (id, name, role, sha256, created_at) VALUES (:id, :name, :role, :sha, 7)"


async def test_each_token_becomes_a_user_with_all_that_its_role_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    await (await open_sqlite(path)).aclose()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        downgrade(connection, "0006")
        for name, role in (("ada", "user"), ("chief", "admin")):
            row = {"id": f"id-{name}", "name": name, "role": role, "sha": f"sha-{name}"}
            connection.execute(text(OLD), row)
    engine.dispose()
    store = await open_sqlite(path)
    ada, chief = await store.users.get("ada"), await store.users.get("chief")
    assert (ada.role, ada.created_at, chief.role) == (Role.USER, 7, Role.ADMIN)
    token = await store.tokens.by_hash("sha-ada")
    assert token is not None
    assert (token.id, token.user, token.name) == ("id-ada", "ada", "ada")
    assert token.scopes == {Scope.READ, Scope.RUN, Scope.MANAGE}
    whole = await store.tokens.by_hash("sha-chief")
    assert whole is not None
    assert whole.scopes == set(Scope)
    assert (await store.users.get("admin")).role is Role.ADMIN
    await store.aclose()


async def test_older_programs_find_no_token_that_is_good_for_less(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    await store.users.insert(BOB)
    await store.tokens.insert(a_token("bob", "narrow and short"))
    await store.aclose()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        downgrade(connection, "0006")
        assert connection.execute(text("SELECT count(*) FROM tokens")).scalar_one() == 0
    engine.dispose()
