"""Kernels that somebody else has started: attached here, and let go of again.

Where such a kernel listens, and the key that it wants, is known to its agent alone: the agent is given
it before the kernel's row is written, and the row has only what tells the kernel from others. Should
the server die in between, the agent forgets what nobody came for.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kernelyard.model.audit import Action
from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyAttached,
    Invalid,
    KernelNotFound,
    NameTaken,
    YardError,
)
from kernelyard.model.ids import checked_labels, checked_name
from kernelyard.model.images import ImageSnapshot
from kernelyard.model.json import JsonObject
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.templates import TemplateSnapshot
from kernelyard.ports.agent_link import AgentLink
from kernelyard.ports.bell import events_topic, kernel_topic, settled_topic
from kernelyard.ports.stores import Idempotency
from kernelyard.wire.foreign import (
    FOREIGN,
    Deposit,
    ExternalKernel,
    InterruptBy,
    foreign_connection,
    identity_of,
)
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.creating import checked_display_name
from kernelyard.yard.log import event, failure
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.templates import Templates
from kernelyard.yard.world import World

LARGEST_PID = 2**22
_LONGEST_KERNEL_NAME = 128
Depositing = Callable[[AgentLink, str], Awaitable[None]]
"""Leaves a kernel's connection with the agent under the kernel's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachOrder:
    """What somebody asked for."""

    connection: JsonObject = field(repr=False)
    """The content of the kernel's connection file."""
    template: str = "default"
    name: str | None = None
    display_name: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    pid: int | None = None
    """Its process on the machine of the agent, where somebody knows it."""
    interrupt_by: InterruptBy = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A kernel to be attached, without its secret."""

    identity: str
    kernel_name: str
    template: str
    name: str | None
    display_name: str
    labels: dict[str, str]

    def digest(self, *further: object) -> str:
        """Tells requests from each other."""
        parts = [
            self.identity,
            self.template,
            self.name,
            self.display_name,
            sorted(self.labels.items()),
            *further,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class ForeignKernels:
    """Attaches kernels, and lets go of them."""

    def __init__(
        self, world: World, quotas: Quotas, templates: Templates, caretakers: Caretakers
    ) -> None:
        self._store = world.store
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._audit = world.audit
        self._quotas = quotas
        self._templates = templates
        self._caretakers = caretakers

    async def attach(
        self, who: Principal, order: AttachOrder, *, idempotency_key: str | None = None
    ) -> tuple[Kernel, bool]:
        """Take a kernel in at once; return it, and whether that was done now. It is met after that.

        One that its owner has attached already is returned as it is. Raises Invalid, AlreadyAttached
        if it is attached under another name, TemplateNotFound, TemplateDisabled, NameTaken,
        IdempotencyKeyReused, LimitReached, AgentUnavailable, StorageFull.
        """
        who.must(Scope.MANAGE)
        _checked(order)
        try:
            connection = foreign_connection(json.dumps(order.connection))
        except ValueError as error:
            raise Invalid(
                f"This kernel cannot be attached: {error}. Send the content of its connection file.",
                field="connection",
            ) from None
        wish = _Wish(
            identity=identity_of(connection),
            kernel_name=connection.kernel_name,
            template=order.template,
            name=order.name,
            display_name=order.display_name,
            labels=order.labels,
        )

        async def leave(link: AgentLink, kernel_id: str) -> None:
            await link.deposit(
                Deposit(
                    kernel_id=kernel_id,
                    connection=connection,
                    pid=order.pid,
                    interrupt_by=order.interrupt_by,
                )
            )

        digest = wish.digest(order.pid, order.interrupt_by)
        idempotency = Idempotency(idempotency_key, digest) if idempotency_key else None
        return await self._take_in(who, wish, leave, idempotency)

    async def attach_file(
        self, who: Principal, directory: str, found: ExternalKernel, labels: dict[str, str]
    ) -> tuple[Kernel, bool]:
        """Attach a kernel whose connection file lies beside the agent. Raises what ``attach`` does."""
        wish = _Wish(
            identity=found.identity,
            kernel_name=found.kernel_name,
            template="default",
            name=None,
            display_name=found.file,
            labels=labels,
        )

        async def leave(link: AgentLink, kernel_id: str) -> None:
            await link.deposit_file(kernel_id, directory, found.file, found.identity)

        return await self._take_in(who, wish, leave, None)

    async def let_go(self, kernel: Kernel, reason: str) -> None:
        """Detach a kernel; it goes on without us."""
        await self._store.kernels.want(kernel.no, Wanted.STOP, reason, self._clock.now())
        self._caretakers.attend(kernel.no)
        for topic in (kernel_topic(kernel.no), settled_topic(kernel.no), events_topic()):
            self._bell.ring(topic)

    async def _take_in(
        self, who: Principal, wish: _Wish, leave: Depositing, idempotency: Idempotency | None
    ) -> tuple[Kernel, bool]:
        kernel = await self._prepared(who, wish)
        try:
            link = await self._agents.link()
            await leave(link, kernel.id)
        except AgentUnavailable:
            self._agents.mistrust()
            raise
        try:
            kept, created = await self._kept(who, wish, kernel, idempotency)
        except YardError:
            await self._take_back(link, kernel)
            raise
        except Exception:
            await self._take_back_unless_kept(link, kernel)
            raise
        if not created:
            await self._take_back(link, kernel)
            return kept, False
        event("kernel.attached", kernel_id=kept.id, image=kept.image.reference)
        self._audit.note(who, Action.KERNEL_ATTACH, kept.id)
        self._caretakers.attend(kept.no)
        self._bell.ring(events_topic())
        return kept, True

    async def _kept(
        self, who: Principal, wish: _Wish, kernel: Kernel, idempotency: Idempotency | None
    ) -> tuple[Kernel, bool]:
        """Write the row, or find the one that the kernel has already."""
        try:
            return await self._quotas.keep(kernel, idempotency, may_wait=False)
        except (AlreadyAttached, NameTaken):
            # Attached again under its own name it is hindered by both, and stores differ in which comes first.
            kept = await self._store.kernels.live_by_identity(who.name, wish.identity)
            if kept is None:
                raise
            if wish.name not in (None, kept.name):
                raise AlreadyAttached(_attached_as(kept), field="name") from None
            return kept, False

    async def _take_back_unless_kept(self, link: AgentLink, kernel: Kernel) -> None:
        """The same after an error of which nobody knows whether the row is there nevertheless.

        A kernel whose row is there is met; the agent forgets by itself what nobody comes for.
        """
        try:
            await self._store.kernels.get(kernel.id, None)
        except KernelNotFound:
            await self._take_back(link, kernel)
        except Exception as error:  # noqa: BLE001 - what happened before is what matters
            failure("foreign.not_looked_up", error)

    async def _take_back(self, link: AgentLink, kernel: Kernel) -> None:
        """Let the agent forget at once what it was given in vain; it does so later by itself."""
        try:
            await link.forget(kernel.id)
        except YardError as error:
            event("deposit.not_forgotten", kernel_id=kernel.id, error=error.message)

    async def _prepared(self, who: Principal, wish: _Wish) -> Kernel:
        template = await self._templates.usable(who, wish.template)
        name = _told(wish.kernel_name) or "kernel"
        reference = f"{FOREIGN}/{name}"
        return Kernel(
            no=0,
            id=str(uuid.uuid4()),
            owner=who.name,
            name=wish.name,
            display_name=wish.display_name,
            image=ImageSnapshot(
                name=reference, reference=reference, display_name=name, language=""
            ),
            template=TemplateSnapshot(name=template.name, spec=template.spec),
            labels=wish.labels,
            owned=False,
            identity=wish.identity,
            created_at=self._clock.now(),
        )


def _attached_as(kernel: Kernel) -> str:
    called = f"'{kernel.name}'" if kernel.name else kernel.id
    return (
        f"You have attached this kernel already as {called}. Use that one, or detach it first: "
        f"kernelyard detach {kernel.id}"
    )


def _told(kernel_name: str) -> str:
    """A kernel's name as its connection file says it, in what may be shown and stored."""
    shown = "".join(one for one in kernel_name if one.isprintable())
    return shown.strip()[:_LONGEST_KERNEL_NAME]


def _checked(order: AttachOrder) -> None:
    if order.name is not None:
        checked_name(order.name, field="name")
    checked_display_name(order.display_name)
    checked_labels(order.labels)
    if order.pid is not None and not 1 < order.pid <= LARGEST_PID:
        raise Invalid("'pid' must be the number of the kernel's process.", field="pid")
