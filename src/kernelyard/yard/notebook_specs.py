"""Notebook specs: kept by administrators, for all to read."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import Invalid
from kernelyard.model.ids import checked_name
from kernelyard.model.notebook_specs import NotebookSpec
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.clock import Clock
from kernelyard.ports.notebook_store import NotebookSpecStore
from kernelyard.yard.access import only_admin
from kernelyard.yard.audit import AuditTrail

LONGEST_TEXT = 1000


class NotebookSpecs:
    """Creates, lists, updates and deletes them."""

    def __init__(self, store: NotebookSpecStore, clock: Clock, audit: AuditTrail) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def create(self, who: Principal, spec: NotebookSpec) -> NotebookSpec:
        """Keep a new one. Raises Forbidden, Invalid, AlreadyExists."""
        only_admin(who)
        checked_name(spec.name, field="name")
        kept = replace(_checked(spec), created_at=self._clock.now(), updated_at=None)
        await self._store.insert(kept)
        await self._audit.write(who, Action.NOTEBOOK_SPEC_CREATE, kept.name)
        return kept

    async def list(self, who: Principal) -> list[NotebookSpec]:
        """Return all of them, by name."""
        who.must(Scope.READ)
        return await self._store.all()

    async def get(self, who: Principal, name: str) -> NotebookSpec:
        """Raises NotebookSpecNotFound."""
        who.must(Scope.READ)
        return await self._store.get(name)

    async def replace(self, who: Principal, spec: NotebookSpec) -> NotebookSpec:
        """Keep ``spec`` instead of the one of its name. Raises Forbidden, Invalid, NotebookSpecNotFound."""
        only_admin(who)
        before = await self._store.get(spec.name)
        kept = replace(_checked(spec), created_at=before.created_at, updated_at=self._clock.now())
        await self._store.replace(kept)
        await self._audit.write(who, Action.NOTEBOOK_SPEC_UPDATE, kept.name)
        return kept

    async def delete(self, who: Principal, name: str) -> None:
        """Remove one. Raises Forbidden, NotebookSpecNotFound."""
        only_admin(who)
        await self._store.remove(name)
        await self._audit.write(who, Action.NOTEBOOK_SPEC_DELETE, name)


def _checked(spec: NotebookSpec) -> NotebookSpec:
    for field, text in (
        ("display_name", spec.display_name),
        ("image", spec.image),
        ("template", spec.template),
    ):
        if len(text) > LONGEST_TEXT or "\0" in text:
            raise Invalid(
                f"'{field}' may have at most {LONGEST_TEXT} characters, and no NUL.", field=field
            )
    return spec
