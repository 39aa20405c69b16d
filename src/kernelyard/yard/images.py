"""Images: what agents found, united with what administrators said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kernelyard.model.audit import Action
from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyExists,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    ResourceNotFound,
)
from kernelyard.model.ids import checked_name
from kernelyard.model.images import (
    Image,
    ImageChange,
    ImageRecord,
    merge_images,
    split_reference,
)
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.quantities import Micros
from kernelyard.model.resolving import find_image, image_called
from kernelyard.ports.clock import Clock
from kernelyard.ports.named_stores import ImageStore
from kernelyard.wire.link import BrokenProvider, HiddenImage, ImageList, SlowProvider
from kernelyard.yard.access import only_admin
from kernelyard.yard.agents import Agents
from kernelyard.yard.audit import AuditTrail, described

_FRESH: Micros = 30_000_000
_NOTHING = ImageChange()


@dataclass(frozen=True, slots=True)
class Listed:
    """All images by name, and what there is to say of their providers."""

    images: list[Image]
    broken: list[BrokenProvider]
    """Those that could not list theirs."""
    slow: list[SlowProvider]
    """Those whose last list is shown while they look again."""
    hidden: list[HiddenImage]
    """Images that are not safe to offer."""


class Images:
    """Lists, registers and resolves images."""

    def __init__(self, store: ImageStore, agents: Agents, clock: Clock, audit: AuditTrail) -> None:
        self._store = store
        self._agents = agents
        self._clock = clock
        self._audit = audit
        self._found: ImageList | None = None
        self._found_at: Micros = 0
        """When the agent was asked last to look."""

    async def list(self, who: Principal, *, refresh: bool = False) -> Listed:
        """Return all images by name, and the providers that could not list theirs."""
        who.must(Scope.READ)
        found = await self._look(refresh=refresh)
        images = merge_images(found.images, await self._store.all())
        return Listed(images, found.broken, found.slow, found.hidden)

    async def get(self, who: Principal, name: str) -> Image:
        """Raises ImageNotFound."""
        return _named((await self.list(who)).images, name)

    async def usable(self, name: str) -> Image:
        """Return the image to start a kernel from.

        Trusts a list of the last half minute; looks again before it says no. Whether a container image
        can be started is not known before the start. Raises ImageNotFound, ImageDisabled,
        ImageNotReady.
        """
        records = await self._store.all()
        found = await self._look(refresh=False, trust=True)
        image = image_called(merge_images(found.images, records), name)
        if image is None or (image.problem and image.container is None):
            found = await self._look(refresh=True)
            _refuse_hidden(found.hidden, name)
            image = _named(merge_images(found.images, records), name)
        if image.disabled:
            raise ImageDisabled(
                f"The image '{name}' is disabled by an administrator. Choose another image.",
                field="image",
            )
        if image.problem and image.container is None:
            raise ImageNotReady(
                f"The image '{name}' cannot start a kernel: {image.problem}", field="image"
            )
        return image

    async def check_parameters(self, image: Image, values: Mapping[str, object]) -> None:
        """See whether a kernel of an image may be made with these values.

        Raises Invalid, which names the wrong one, ImageNotReady, AgentUnavailable.
        """
        if not image.parameters:
            if values:
                raise Invalid(
                    f"The image '{image.name}' takes no parameters. Leave them out.",
                    field="parameters",
                )
            return
        provider, bare = split_reference(image.reference)
        try:
            await (await self._agents.link()).check_parameters(provider, bare, values)
        except AgentUnavailable:
            self._agents.mistrust()
            raise

    def take(self, found: ImageList) -> None:
        """An agent has told its list by itself; parts of it may be old, so it is not taken for fresh."""
        self._found = found

    async def register(
        self, who: Principal, name: str, source: str, change: ImageChange = _NOTHING
    ) -> Image:
        """Give an image a further name; ``change`` has what else is said about it.

        A container image is given by ``change.reference`` instead. Raises Forbidden, AlreadyExists,
        ImageNotFound.
        """
        only_admin(who)
        checked_name(name, field="name")
        images = (await self.list(who)).images
        taken = AlreadyExists(
            f"An image named '{name}' exists. Choose another name, or remove that one first.",
            field="name",
        )
        if find_image(images, name) is not None:
            raise taken
        reference = change.reference or _named(images, source, field="from").reference
        now = self._clock.now()
        record = change.made_to(ImageRecord(name=name, reference=reference, created_at=now), now)
        try:
            await self._store.insert(record)
        except AlreadyExists as error:
            raise taken from error
        await self._audit.write(who, Action.IMAGE_REGISTER, name, reference=reference)
        return await self.get(who, name)

    async def update(self, who: Principal, name: str, change: ImageChange) -> Image:
        """Disable, enable, rename for display and so on. Raises Forbidden, ImageNotFound."""
        only_admin(who)
        image = await self.get(who, name)
        name = image.name
        now = self._clock.now()
        records = {record.name: record for record in await self._store.all()}
        record = records.get(
            name, ImageRecord(name=name, reference=image.reference, created_at=now)
        )
        await self._store.put(change.made_to(record, now))
        details = described(disabled=change.disabled)
        await self._audit.write(who, Action.IMAGE_UPDATE, name, **details)
        return await self.get(who, name)

    async def remove(self, who: Principal, name: str) -> None:
        """Forget what an administrator said about an image; a found one shows as found again.

        Raises Forbidden, ImageNotFound.
        """
        only_admin(who)
        if not await self._store.remove(name):
            raise ImageNotFound(
                f"No administrator registered an image named '{name}'. An image that a provider "
                "found cannot be removed here; disable it instead."
            )
        await self._audit.write(who, Action.IMAGE_DELETE, name)

    async def resource(self, who: Principal, name: str, file: str) -> bytes:
        """Return a file of an image, such as its logo. Raises ImageNotFound, ResourceNotFound."""
        image = await self.get(who, name)
        if file not in image.resources:
            raise ResourceNotFound
        provider, bare = split_reference(image.reference)
        try:
            return await (await self._agents.link()).resource(provider, bare, file)
        except AgentUnavailable:
            self._agents.mistrust()
            raise

    async def _look(self, *, refresh: bool, trust: bool = False) -> ImageList:
        now = self._clock.now()
        if trust and self._found is not None and now - self._found_at < _FRESH:
            return self._found
        try:
            found = await (await self._agents.link()).images(refresh=refresh)
        except AgentUnavailable:
            self._agents.mistrust()
            found = await (await self._agents.link()).images(refresh=refresh)
        self._found, self._found_at = found, now
        return found


def _refuse_hidden(hidden: list[HiddenImage], name: str) -> None:
    wanted = "/".join(split_reference(name))
    for one in hidden:
        if one.reference == wanted:
            raise ImageNotReady(f"The image '{name[:128]}' is hidden. {one.reason}", field="image")


def _named(images: list[Image], name: str, *, field: str = "image") -> Image:
    image = image_called(images, name)
    if image is not None:
        return image
    names = [one.name for one in images if not one.disabled]
    known = f"Images here: {', '.join(names[:12])}." if names else "No image is installed here."
    raise ImageNotFound(f"There is no image named '{name[:128]}'. {known}", field=field)
