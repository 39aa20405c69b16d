"""Creating kernels: checked, taken out of a pool where one is ready, and otherwise asked for."""

from __future__ import annotations

import hashlib
import json
import uuid

from kernelyard.model.audit import Action
from kernelyard.model.errors import Invalid, NameTaken
from kernelyard.model.ids import checked_environment, checked_labels, checked_name
from kernelyard.model.images import Image, ImageSnapshot
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import LARGEST_PARAMETERS, Kernel, KernelOrder, checked_path
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.quotas import checked_priority
from kernelyard.model.templates import TemplateSnapshot
from kernelyard.ports.bell import events_topic
from kernelyard.ports.stores import Idempotency
from kernelyard.yard.audit import described
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.images import Images
from kernelyard.yard.pools import Pools
from kernelyard.yard.quotas import Quotas, check_priority_of
from kernelyard.yard.remembered import KernelKey
from kernelyard.yard.templates import Templates
from kernelyard.yard.world import World

LONGEST_DISPLAY_NAME = 256


class Creating:
    """Makes kernels of orders."""

    def __init__(
        self,
        world: World,
        images: Images,
        templates: Templates,
        caretakers: Caretakers,
        pools: Pools,
        quotas: Quotas,
    ) -> None:
        self._store = world.store
        self._agents = world.agents
        self._kernel_keys = world.kernel_keys
        self._bell = world.bell
        self._clock = world.clock
        self._audit = world.audit
        self._images = images
        self._templates = templates
        self._caretakers = caretakers
        self._pools = pools
        self._quotas = quotas

    async def create(
        self,
        who: Principal,
        order: KernelOrder,
        *,
        reuse: bool = False,
        idempotency_key: str | None = None,
    ) -> tuple[Kernel, bool]:
        """Ask for a kernel; return it at once, and whether it was made now.

        With ``reuse`` a live kernel of the order's name is returned instead of NameTaken. Raises
        Invalid, ImageNotFound, ImageDisabled, ImageNotReady, TemplateNotFound, TemplateDisabled,
        NameTaken, AlreadyExists, IdempotencyKeyReused, Forbidden for a raised priority, NeverFits,
        LimitReached, AgentUnavailable. Where there is no room for it now it waits, and its reason says
        for what; where too many wait already it is refused.
        """
        who.must(Scope.MANAGE)
        _checked(order, reuse=reuse)
        check_priority_of(who, order.priority)
        if reuse and (existing := await self._live(who, order)) is not None:
            return existing, False
        idempotency = (
            Idempotency(idempotency_key, _digest(order, reuse)) if idempotency_key else None
        )
        try:
            with self._pools.creating():
                kept, created = await self._kept(who, order, idempotency)
        except NameTaken:
            existing = await self._live(who, order) if reuse else None
            if existing is None:
                raise
            return existing, False
        if created:
            # Its first task comes soon.
            self._kernel_keys.put(kept.id, KernelKey(kept.no, kept.owner))
            self._caretakers.begin(kept)
            self._audit.note(
                who, Action.KERNEL_CREATE, kept.id, **described(image=order.image, name=order.name)
            )
            self._bell.ring(events_topic())
        return kept, created

    async def _live(self, who: Principal, order: KernelOrder) -> Kernel | None:
        if order.name is None:
            return None
        return await self._store.kernels.live_by_name(who.name, order.name)

    async def _kept(
        self, who: Principal, order: KernelOrder, idempotency: Idempotency | None
    ) -> tuple[Kernel, bool]:
        """A kernel that waits already, if one suits; otherwise a new one."""
        kernel, image = await self._prepared(who, order)
        claim = self._pools.claim_for(kernel, image)
        if claim is not None:
            rules = self._quotas.of_kernels
            taken = await self._store.pools.claim(kernel, claim, idempotency, rules)
            self._pools.taken()
            if taken is not None:
                return taken
        return await self._quotas.keep(kernel, idempotency)

    async def _prepared(self, who: Principal, order: KernelOrder) -> tuple[Kernel, Image]:
        template = await self._templates.usable(who, order.template)
        self._quotas.check_template(who, template)
        image = await self._images.usable(order.image)
        await self._images.check_parameters(image, order.parameters)
        kernel = Kernel(
            no=0,
            id=str(uuid.uuid4()),
            owner=who.name,
            name=order.name,
            display_name=order.display_name,
            image=ImageSnapshot(
                name=image.name,
                reference=image.reference,
                display_name=image.display_name,
                language=image.language,
            ),
            template=TemplateSnapshot(name=template.name, spec=template.spec),
            environment=order.environment,
            labels=order.labels,
            parameters=order.parameters,
            path=order.path,
            external_id=order.external_id,
            priority=order.priority,
            phase=self._first_phase(),
            created_at=self._clock.now(),
        )
        return kernel, image

    def _first_phase(self) -> Phase:
        """Where a kernel begins: with the note that it is launched, if there is whom to ask for that.

        What is noted with the row itself is not noted once more before the agent is asked. Without an
        agent it waits as one that can be ended without any.
        """
        return Phase.REQUESTED if self._agents.present() is None else Phase.LAUNCHING


def checked_display_name(text: str) -> str:
    """Return ``text`` if it can be shown as a kernel's name; raise Invalid if not."""
    if len(text) > LONGEST_DISPLAY_NAME or "\0" in text:
        raise Invalid(
            f"'display_name' may have at most {LONGEST_DISPLAY_NAME} characters.",
            field="display_name",
        )
    return text


def _checked(order: KernelOrder, *, reuse: bool) -> None:
    if order.name is not None:
        checked_name(order.name, field="name")
    elif reuse:
        raise Invalid("Get-or-create needs a 'name' to look for.", field="name")
    checked_display_name(order.display_name)
    checked_environment(order.environment, field="environment")
    checked_labels(order.labels)
    checked_priority(order.priority)
    if order.path is not None:
        checked_path(order.path, field="path")
    if len(json.dumps(order.parameters)) > LARGEST_PARAMETERS:
        raise Invalid(
            f"'parameters' may take at most {LARGEST_PARAMETERS // 1024} KiB.", field="parameters"
        )


def _digest(order: KernelOrder, reuse: bool) -> str:
    parts = [
        order.image,
        order.template,
        order.name,
        order.display_name,
        sorted(order.environment.items()),
        sorted(order.labels.items()),
        order.parameters,
        order.path,
        reuse,
    ]
    if order.external_id is not None:
        parts.append(order.external_id)
    if order.priority:
        parts.append(f"priority {order.priority}")
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
