"""Watching what agents see of images, and telling each change as an event."""

from __future__ import annotations

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.model.sightings import Sighting, sighting_of
from kernelyard.ports.agent_link import AgentLink
from kernelyard.ports.bell import events_topic
from kernelyard.wire.link import ImageList
from kernelyard.yard.images import Images
from kernelyard.yard.log import event, failure
from kernelyard.yard.world import World

WAIT_SECONDS = 20.0
"""For one answer of the agent that there is something new."""
PAUSE_SECONDS = 1.0
LONG_PAUSE_SECONDS = 30.0
"""After an error that will hardly be gone in a second."""
ABSENT_PAUSES = 30
"""Without an agent for so many pauses, one is started: somebody may be waiting for a new image."""


class ImageWatch:
    """Asks the agent for changes, one question after the other, as long as the server runs.

    Of several servers each does so; the store sees to it that a change is told once.
    """

    def __init__(self, world: World, images: Images) -> None:
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._events = world.store.events
        self._images = images
        self._last = (0, 0)
        """When the agent began that answered last, and the version of its list."""

    async def run(self) -> None:
        """Watch until cancelled, or until the server is about to stop."""
        pauses = ABSENT_PAUSES
        while not self._bell.muffled:
            try:
                place = pauses >= ABSENT_PAUSES
                link = await self._agents.link() if place else self._agents.present()
                if link is not None:
                    pauses = 0
                    await self._look(link)
                    continue
            except AgentUnavailable as error:
                if not self._bell.muffled:
                    event("agent.unavailable", error=error.message)
                self._agents.mistrust()
            except YardError as error:
                event("images.not_watched", code=error.code, error=error.message)
                await self._clock.sleep(LONG_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the next look may go well
                failure("images.watch_failed", error)
                await self._clock.sleep(LONG_PAUSE_SECONDS)
            await self._clock.sleep(PAUSE_SECONDS)
            pauses = pauses + 1 if pauses < ABSENT_PAUSES else 0

    async def _look(self, link: AgentLink) -> None:
        found = await link.new_images(self._last[1], WAIT_SECONDS)
        self._images.take(found)
        if (found.began, found.version) == self._last:
            return
        if await self._events.sight(_sighting(found, self._clock.now())):
            self._bell.ring(events_topic())
        self._last = (found.began, found.version)


def _sighting(found: ImageList, at: int) -> Sighting:
    """What there is to remember of a list. A provider without any list is unknown."""
    return sighting_of(
        found.images,
        (one.provider for one in found.broken if one.listed_at is None),
        began=found.began,
        version=found.version,
        at=at,
    )
