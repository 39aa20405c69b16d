"""Images: what agents found, united with what administrators said."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyExists,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    ResourceNotFound,
)
from kernelyard.model.ids import checked_name
from kernelyard.model.images import Image, ImageRecord, merge_images, split_reference
from kernelyard.model.principals import Principal
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock
from kernelyard.ports.stores import ImageStore
from kernelyard.wire.link import BrokenProvider, ImageList
from kernelyard.yard.access import only_admin
from kernelyard.yard.agents import Agents

_FRESH: Micros = 30_000_000


class Images:
    """Lists, registers and resolves images."""

    def __init__(self, store: ImageStore, agents: Agents, clock: Clock) -> None:
        self._store = store
        self._agents = agents
        self._clock = clock
        self._found: ImageList | None = None
        self._found_at: Micros = 0

    async def list(
        self, who: Principal, *, refresh: bool = False
    ) -> tuple[list[Image], list[BrokenProvider]]:
        """Return all images by name, and the providers that could not list theirs."""
        del who
        found = await self._look(refresh=refresh)
        return merge_images(found.images, await self._store.all()), found.broken

    async def get(self, who: Principal, name: str) -> Image:
        """Raises ImageNotFound."""
        images, _ = await self.list(who)
        return _named(images, name)

    async def usable(self, name: str) -> Image:
        """Return the image to start a kernel from.

        Trusts a list of the last half minute; looks again before it says no. Raises ImageNotFound,
        ImageDisabled, ImageNotReady.
        """
        records = await self._store.all()
        found = await self._look(refresh=False, trust=True)
        image = _find(merge_images(found.images, records), name)
        if image is None or image.problem:
            found = await self._look(refresh=True)
            image = _named(merge_images(found.images, records), name)
        if image.disabled:
            raise ImageDisabled(
                f"The image '{name}' is disabled by an administrator. Choose another image.",
                field="image",
            )
        if image.problem:
            raise ImageNotReady(
                f"The image '{name}' cannot start a kernel: {image.problem}", field="image"
            )
        return image

    async def register(
        self, who: Principal, name: str, source: str, display_name: str | None = None
    ) -> Image:
        """Give an image a further name. Raises Forbidden, AlreadyExists, ImageNotFound."""
        only_admin(who)
        checked_name(name, field="name")
        images, _ = await self.list(who)
        if _find(images, name) is not None:
            raise AlreadyExists(
                f"An image named '{name}' exists. Choose another name, or remove that one first.",
                field="name",
            )
        origin = _named(images, source, field="from")
        now = self._clock.now()
        await self._store.put(
            ImageRecord(
                name=name,
                reference=origin.reference,
                display_name=display_name,
                created_at=now,
                updated_at=now,
            )
        )
        return await self.get(who, name)

    async def update(
        self,
        who: Principal,
        name: str,
        *,
        disabled: bool | None = None,
        display_name: str | None = None,
    ) -> Image:
        """Disable, enable or rename for display. Raises Forbidden, ImageNotFound."""
        only_admin(who)
        image = await self.get(who, name)
        now = self._clock.now()
        records = {record.name: record for record in await self._store.all()}
        record = records.get(
            name, ImageRecord(name=name, reference=image.reference, created_at=now)
        )
        await self._store.put(
            replace(
                record,
                disabled=record.disabled if disabled is None else disabled,
                display_name=record.display_name if display_name is None else display_name,
                updated_at=now,
            )
        )
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


def _find(images: list[Image], name: str) -> Image | None:
    wanted = {name, name.removeprefix("kernelspec/")}
    return next((image for image in images if image.name in wanted), None)


def _named(images: list[Image], name: str, *, field: str = "image") -> Image:
    image = _find(images, name)
    if image is not None:
        return image
    names = [one.name for one in images if not one.disabled]
    known = f"Images here: {', '.join(names[:12])}." if names else "No image is installed here."
    raise ImageNotFound(f"There is no image named '{name[:128]}'. {known}", field=field)
