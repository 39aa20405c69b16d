"""All providers together: each is asked in threads of its own, so that none can hurt another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from kernelyard.model.errors import ImageNotFound, ImageNotReady, Invalid, YardError
from kernelyard.model.ids import checked_name
from kernelyard.model.images import FoundImage
from kernelyard.providers.lane import Lane, NotLoaded, TooSlow, told
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider
from kernelyard.wire.link import BrokenProvider, ImageList

T = TypeVar("T")
GROUP = "kernelyard.providers"


@dataclass(frozen=True, slots=True)
class _Look:
    """One question to one provider: which images are there?"""

    begun: float
    found: asyncio.Future[list[FoundImage]]


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
    ) -> None:
        """``entries`` are those of the entry-point group unless given."""
        installed = entry_points(group=GROUP) if entries is None else entries
        unique = {(entry.name, entry.value): entry for entry in installed}
        uses = Counter(name for name, _ in unique)
        self._time_limit = time_limit
        self._keep_seconds = keep_seconds
        self._doubled = sorted(name for name, count in uses.items() if count > 1)
        self._lanes = {
            entry.name: Lane(entry) for entry in unique.values() if uses[entry.name] == 1
        }
        self._looks: dict[str, _Look] = {}

    async def images(self, refresh: bool = False) -> ImageList:
        """Return what every provider finds, and which of them are broken.

        A list some seconds old serves, unless ``refresh``. A provider that hangs costs the first
        caller the time limit, and later ones nothing.
        """
        answers = await asyncio.gather(*(self._found(name, refresh) for name in self._lanes))
        broken = [
            BrokenProvider(
                name, "Several installed packages have a provider of this name. Remove all but one."
            )
            for name in self._doubled
        ]
        images: list[FoundImage] = []
        for found, problems in answers:
            images.extend(found)
            broken.extend(problems)
        return ImageList(images=images, broken=broken)

    async def prepare(self, provider: str, name: str, request: LaunchRequest) -> LaunchPlan:
        """Return how to start a kernel of an image. Raises ImageNotFound, ImageNotReady."""
        plan: object = await self._ask(provider, name, lambda asked: asked.prepare(name, request))
        if not isinstance(plan, LaunchPlan) or not (plan.argv or plan.launcher):
            raise ImageNotReady(
                f"The provider '{provider}' does not say how to start {name[:80]!r}. "
                "Tell its author."
            )
        return plan

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
                f"{_problem(provider, error)}"
            ) from error

    async def _found(self, name: str, refresh: bool) -> _Answer:
        look = await self._look(name, refresh)
        left = look.begun + self._time_limit - asyncio.get_running_loop().time()
        await asyncio.wait({look.found}, timeout=max(0.0, left))
        if not look.found.done():
            error: BaseException | None = TooSlow(f"did not answer within {self._time_limit:g} s")
        else:
            error = look.found.exception()
        if error is not None:
            return [], [BrokenProvider(name, _problem(name, error))]
        return _judged(name, look.found.result())

    async def _look(self, name: str, refresh: bool) -> _Look:
        """Return a look that is under way or new enough; begin one if there is none."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        look = self._looks.get(name)
        if look is not None and refresh and not look.found.done():
            # It began before the caller asked, so it may have missed what the caller is after.
            await asyncio.wait(
                {look.found}, timeout=max(0.0, look.begun + self._time_limit - asked)
            )
            look = self._looks[name]
        oldest = asked if refresh else asked - self._keep_seconds
        if look is None or (look.found.done() and look.begun < oldest):
            found = self._lanes[name].begin(lambda provider: provider.find())
            look = self._looks[name] = _Look(loop.time(), found)
        return look


_Answer = tuple[list[FoundImage], list[BrokenProvider]]


def _judged(provider: str, found: object) -> _Answer:
    """Separate what can be used of a provider's answer from what cannot."""
    if not isinstance(found, list):
        return [], [BrokenProvider(provider, "Its find() returns no list. Tell its author.")]
    good: dict[str, FoundImage] = {}
    problems: list[str] = []
    for image in found:
        if not isinstance(image, FoundImage):
            problems.append(f"Its find() lists {str(image)[:80]!r}, which is no FoundImage.")
        elif image.name in good:
            problems.append(f"Its find() lists {image.name!r} twice; the second is left out.")
        elif not _is_name(image.name):
            problems.append(f"Its image {image.name[:80]!r} cannot be named so and is left out.")
        else:
            good[image.name] = replace(image, provider=provider)
    return list(good.values()), [BrokenProvider(provider, problem) for problem in problems[:10]]


def _is_name(name: str) -> bool:
    try:
        checked_name(name, field="name")
    except Invalid:
        return False
    return True


def _problem(provider: str, error: BaseException) -> str:
    match error:
        case TooSlow():
            return f"The provider {error}. Try again; if that does not help, restart the agent."
        case NotLoaded():
            return f"The provider '{provider}' is broken: {error}. Mend or remove its package."
        case YardError():
            return error.message
        case _:
            return f"The provider '{provider}' failed: {told(error)}. Mend or remove its package."
