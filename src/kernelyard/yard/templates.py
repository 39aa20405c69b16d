"""Templates: made once, used by many kernels."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    TemplateDisabled,
    TemplateNotFound,
)
from kernelyard.model.ids import checked_environment, checked_name
from kernelyard.model.paging import checked_limit, decode_name_cursor, encode_name_cursor
from kernelyard.model.principals import ADMIN_NAME, Principal, Scope
from kernelyard.model.templates import (
    DEFAULT_TEMPLATE,
    Template,
    TemplateSpec,
    checked_preload,
)
from kernelyard.ports.clock import Clock
from kernelyard.ports.named_stores import TemplateStore
from kernelyard.yard.audit import AuditTrail
from kernelyard.yard.manifests import check_manifest

SHORTEST_IDLE = 1.0
LEAST_MEMORY = 32 * 1024 * 1024


class Templates:
    """Creates, lists, updates and deletes templates. Kernels keep a copy, so none is ever in use."""

    def __init__(
        self, store: TemplateStore, clock: Clock, audit: AuditTrail, *, largest_page: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit
        self._largest_page = largest_page

    async def ensure_default(self) -> None:
        """Make the default template if it is missing."""
        now = self._clock.now()
        template = Template(
            name=DEFAULT_TEMPLATE, display_name="Default", created_at=now, updated_at=now
        )
        try:
            await self._store.insert(template)
        except AlreadyExists:
            pass

    async def create(
        self, who: Principal, template: Template, *, least_memory: int = LEAST_MEMORY
    ) -> Template:
        """Keep a new template of ``who``; an administrator's is for all to use.

        ``least_memory`` is the smallest limit in bytes that is taken for meant so.

        Names are given once: raises AlreadyExists also for that of a template which ``who`` does not
        see. Raises Invalid, Forbidden.
        """
        who.must(Scope.MANAGE)
        checked_name(template.name, field="name")
        spec = _checked(who, template.spec, TemplateSpec(), least_memory)
        await _check_manifest(spec)
        now = self._clock.now()
        kept = replace(template, owner=who.name, spec=spec, created_at=now, updated_at=now)
        await self._store.insert(kept)
        await self._audit.write(who, Action.TEMPLATE_CREATE, kept.name)
        return kept

    async def list(
        self, who: Principal, cursor: str | None, limit: int | None
    ) -> tuple[list[Template], str | None]:
        """Return a page of the templates that ``who`` may use, by name, and the cursor of the next."""
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._largest_page)
        found = await self._store.find(decode_name_cursor(cursor), size + 1, who.sees)
        more = len(found) > size
        return found[:size], encode_name_cursor(found[size - 1].name) if more else None

    async def get(self, who: Principal, name: str) -> Template:
        """Return a template that ``who`` may use. Raises TemplateNotFound."""
        who.must(Scope.READ)
        try:
            template = await self._store.get(name)
            if not await self._is_seen(who, template):
                raise TemplateNotFound
        except TemplateNotFound as error:
            raise TemplateNotFound(
                f"There is no template named '{name[:128]}'. 'kernelyard templates' lists them.",
                field="template",
            ) from error
        return template

    async def usable(self, who: Principal, name: str) -> Template:
        """Return a template to make a kernel with. Raises TemplateNotFound, TemplateDisabled."""
        template = await self.get(who, name)
        if template.disabled:
            raise TemplateDisabled(
                f"The template '{template.name}' is disabled. Choose another one.",
                field="template",
            )
        return template

    async def update(
        self,
        who: Principal,
        name: str,
        *,
        display_name: str | None = None,
        disabled: bool | None = None,
        spec: TemplateSpec | None = None,
        labels: dict[str, str] | None = None,
    ) -> Template:
        """Change a template; kernels that were made with it keep what they had.

        Raises TemplateNotFound, Forbidden, Invalid.
        """
        template = await self._own(who, name)
        if spec is not None:
            spec = _checked(who, spec, template.spec, LEAST_MEMORY)
            await _check_manifest(spec)
        changed = replace(
            template,
            display_name=template.display_name if display_name is None else display_name,
            disabled=template.disabled if disabled is None else disabled,
            spec=template.spec if spec is None else spec,
            labels=template.labels if labels is None else labels,
            updated_at=self._clock.now(),
        )
        await self._store.replace(changed)
        await self._audit.write(who, Action.TEMPLATE_UPDATE, name)
        return changed

    async def delete(self, who: Principal, name: str) -> None:
        """Remove a template. Raises TemplateNotFound, Forbidden, Conflict for the default one."""
        await self._own(who, name)
        if name == DEFAULT_TEMPLATE:
            raise Conflict("The default template cannot be deleted; update it instead.")
        await self._store.remove(name)
        await self._audit.write(who, Action.TEMPLATE_DELETE, name)

    async def _is_seen(self, who: Principal, template: Template) -> bool:
        if who.is_admin or template.owner in ("", ADMIN_NAME, who.name):
            return True
        return await self._store.is_shared(template.name)

    async def _own(self, who: Principal, name: str) -> Template:
        who.must(Scope.MANAGE)
        template = await self.get(who, name)
        if not who.is_admin and template.owner != who.name:
            raise Forbidden("This template belongs to somebody else. Create one of your own.")
        return template


async def _check_manifest(spec: TemplateSpec) -> None:
    if spec.pod.manifest:
        await asyncio.to_thread(check_manifest, spec.pod.manifest)


def _checked(
    who: Principal, spec: TemplateSpec, before: TemplateSpec, least_memory: int
) -> TemplateSpec:
    """Return what a template may say, with whether an administrator vouches for its modules."""
    checked_environment(spec.environment, field="environment")
    preload = checked_preload(spec.preload)
    if spec.engine_options != before.engine_options and not who.is_admin:
        raise Forbidden("Only an administrator may set 'engine_options'. Leave it out.")
    numbers = {
        "milli_cpu_limit": spec.milli_cpu_limit,
        "memory_bytes_limit": spec.memory_bytes_limit,
        "gpu": spec.gpu,
        "storage_bytes": spec.storage_bytes,
        "cpu_seconds_limit": spec.cpu_seconds_limit,
        "processes_limit": spec.processes_limit,
        "file_bytes_limit": spec.file_bytes_limit,
        "milli_cpu_request": spec.pod.milli_cpu_request,
        "memory_bytes_request": spec.pod.memory_bytes_request,
    }
    for field, seconds in (
        ("max_idle_duration", spec.max_idle_seconds),
        ("max_life_duration", spec.max_life_seconds),
    ):
        if seconds is not None and 0 < seconds < SHORTEST_IDLE:
            raise Invalid(
                f"'{field}' must be 0 (no limit) or at least {SHORTEST_IDLE:g} s.", field=field
            )
    memory = spec.memory_bytes_limit
    if 0 < memory < least_memory and memory != before.memory_bytes_limit:
        least = (
            "32 MiB: no kernel starts with less"
            if least_memory == LEAST_MEMORY
            else f"{least_memory}"
        )
        raise Invalid(
            f"'memory_bytes_limit' must be 0 (no limit) or at least {least}.",
            field="memory_bytes_limit",
        )
    for field, number in numbers.items():
        if not 0 <= number < 2**63:
            raise Invalid(f"'{field}' must be 0 (no limit) or more.", field=field)
    for what, request, limit in (
        ("milli_cpu", spec.pod.milli_cpu_request, spec.milli_cpu_limit),
        ("memory_bytes", spec.pod.memory_bytes_request, spec.memory_bytes_limit),
    ):
        if 0 < limit < request:
            raise Invalid(
                f"'{what}_request' must be at most '{what}_limit', which is {limit}.",
                field=f"{what}_request",
            )
    told = (preload, spec.environment) != (before.preload, before.environment)
    return replace(spec, preload=preload, vouched=who.is_admin if told else before.vouched)
