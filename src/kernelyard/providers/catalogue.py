"""All providers together: each is asked in threads of its own, so that none can hurt another."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from kernelyard.model.errors import ImageNotFound, ImageNotReady, YardError
from kernelyard.model.json import JsonObject
from kernelyard.providers.lane import Lane
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.listing import Listing, Patience, problem_of
from kernelyard.providers.parameters import Schema, settled, with_blanks
from kernelyard.providers.provider import LaunchPlan, Provider
from kernelyard.providers.settings import ProviderSettings
from kernelyard.wire.link import BrokenProvider, ImageList

T = TypeVar("T")
GROUP = "kernelyard.providers"
INTEREST_SECONDS = 60.0
"""Who has asked for changes is expected to ask again within this time."""


class Catalogue:
    """What can run on this machine, according to every installed provider.

    Providers are loaded when first asked, in their own threads too: importing one may take long.
    """

    def __init__(
        self,
        entries: Iterable[EntryPoint] | None = None,
        *,
        time_limit: float = 10.0,
        keep_seconds: float = 5.0,
        known_seconds: float = 1.0,
        allow_insecure_parameters: bool = False,
        settings: ProviderSettings | None = None,
    ) -> None:
        """``entries`` are those of the entry-point group unless given."""
        installed = entry_points(group=GROUP) if entries is None else entries
        unique = {(entry.name, entry.value): entry for entry in installed}
        uses = Counter(name for name, _ in unique)
        self._time_limit = time_limit
        self._allow_insecure = allow_insecure_parameters
        self._doubled = sorted(name for name, count in uses.items() if count > 1)
        self._settings = settings or ProviderSettings()
        self._lanes = {
            entry.name: Lane(entry, self._settings)
            for entry in unique.values()
            if uses[entry.name] == 1
        }
        patience = Patience(time_limit=time_limit, known=known_seconds, keep=keep_seconds)
        self.listings = {
            name: Listing(
                name,
                lane,
                patience,
                allow_insecure=allow_insecure_parameters,
                changed=self._note_change,
                looked=lambda: self.looked.set(),
            )
            for name, lane in self._lanes.items()
        }
        self.looked = asyncio.Event()
        """Set whenever a provider has answered."""
        self.interest = asyncio.Event()
        """Set while somebody waits for changes."""
        self._interested_until = 0.0
        self._began = time.time_ns() // 1000
        self._version = 1
        self._changed = asyncio.Event()

    async def images(self, refresh: bool = False, *, begin: bool = True) -> ImageList:
        """Return what every provider finds, and which of them are broken or slow.

        A list some seconds old serves, unless ``refresh``; without ``begin`` any list does. Where a
        provider takes its time, its last list is shown. One that hangs and has none costs the first
        caller the time limit, and later ones nothing.
        """
        version = self._version
        answers = await asyncio.gather(
            *(one.answer(refresh=refresh, begin=begin) for one in self.listings.values())
        )
        broken = [
            BrokenProvider(
                name, "Several installed packages have a provider of this name. Remove all but one."
            )
            for name in self._doubled
        ]
        known = {*self._lanes, *self._doubled}
        broken += [BrokenProvider(*stranger) for stranger in self._settings.strangers(known)]
        return ImageList(
            images=[image for answer in answers for image in answer.images],
            broken=broken + [one for answer in answers for one in answer.broken],
            slow=[one for answer in answers for one in answer.slow],
            hidden=[one for answer in answers for one in answer.hidden],
            began=self._began,
            # As it was before: if anything changed meanwhile, whoever waits is answered again.
            version=version,
        )

    async def new_images(self, than: int, seconds: float) -> ImageList:
        """Return the list as soon as its version is not ``than``, or after so many seconds.

        While somebody asks so, lists are kept new in the background.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        self._interested_until = deadline + INTEREST_SECONDS
        self.interest.set()
        while self._version == than and (left := deadline - loop.time()) > 0:
            changed = self._changed
            try:
                async with asyncio.timeout(left):
                    await changed.wait()
            except TimeoutError:
                break
        return await self.images(begin=False)

    def lose_interest(self) -> bool:
        """Note whether nobody has asked for changes for long; return whether that is so."""
        if asyncio.get_running_loop().time() < self._interested_until:
            return False
        self.interest.clear()
        return True

    def has(self, provider: str) -> bool:
        """Whether there is a provider of this name."""
        return provider in self._lanes

    async def prepare(self, provider: str, name: str, request: LaunchRequest) -> LaunchPlan:
        """Return how to start a kernel of an image, with its parameters in their places.

        Raises ImageNotFound, ImageNotReady, and Invalid for parameters that the image does not take.
        """
        schema, allow = await self._declared(provider, name), self._allow_insecure

        def question(asked: Provider) -> LaunchPlan:
            values = settled(schema, request.parameters, allow_insecure=allow)
            plan: object = asked.prepare(name, replace(request, parameters=values))
            if not isinstance(plan, LaunchPlan) or not (plan.argv or plan.launcher):
                raise ImageNotReady(
                    f"The provider '{provider}' does not say how to start {name[:80]!r}. "
                    "Tell its author."
                )
            return with_blanks(plan, values)

        return await self._ask(provider, name, question)

    async def check(self, provider: str, name: str, values: Mapping[str, object]) -> None:
        """See whether an image may be started with these values. Raises Invalid, ImageNotReady."""
        schema, allow = await self._declared(provider, name), self._allow_insecure
        await self._ask(provider, name, lambda _: settled(schema, values, allow_insecure=allow))

    async def find_again(self, provider: str, name: str, record: JsonObject) -> Launcher | None:
        """Return the launcher of a kernel that an earlier agent launched; None if it has ended.

        Raises ImageNotFound, ImageNotReady: then nobody knows.
        """
        found: object = await self._ask(
            provider, name, lambda asked: asked.find_again(name, record)
        )
        if found is not None and not isinstance(found, Launcher):
            raise ImageNotReady(
                f"The provider '{provider}' does not find {name[:80]!r} again as a Launcher. "
                "Tell its author."
            )
        return found

    async def resource(self, provider: str, name: str, file: str) -> bytes:
        """Return a file of an image. Raises ImageNotFound, ResourceNotFound, ImageNotReady."""
        return await self._ask(provider, name, lambda asked: asked.resource(name, file))

    async def _ask(self, provider: str, name: str, question: Callable[[Provider], T]) -> T:
        lane = self._lanes.get(provider)
        if lane is None:
            raise ImageNotFound(
                f"There is no provider {provider[:80]!r} where kernels run, and so no image "
                f"{name[:80]!r} of it. 'kernelyard images' lists the images there are."
            )
        try:
            return await lane.call(question, self._time_limit)
        except YardError:
            raise
        except Exception as error:
            raise ImageNotReady(
                f"The image {name[:80]!r} is not to be had from its provider: "
                f"{problem_of(provider, error)}"
            ) from error

    async def _declared(self, provider: str, name: str) -> Schema:
        """The schema of an image's parameters as its provider last told it. Raises ImageNotReady."""
        listing = self.listings.get(provider)
        if listing is None:
            return {}
        if listing.known is None:
            await listing.answer(begin=False)
        if listing.known is None:
            return {}
        if (wrong := listing.known.misdeclared.get(name)) is not None:
            raise ImageNotReady(wrong)
        return listing.known.declared.get(name, {})

    def _note_change(self) -> None:
        self._version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
