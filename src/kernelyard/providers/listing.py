"""What one provider finds: the last list that it made, and the look that makes the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kernelyard.model.errors import YardError
from kernelyard.providers.known import Known, known_of
from kernelyard.providers.lane import Lane, NotLoaded, TooSlow, told
from kernelyard.providers.settings import WrongSettings
from kernelyard.wire.link import BrokenProvider, ImageList, SlowProvider

KEEP_FACTOR = 10
"""A list is not made anew before this many times what it took has passed."""
REST_FACTOR = 3
"""However often files change, a provider works no more than a third of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long providers are waited for, and how long their lists serve."""

    time_limit: float = 10.0
    """Then a provider is said to be broken."""
    known: float = 1.0
    """So long it is waited for where there is an older list to show."""
    keep: float = 5.0
    """A list of the last seconds serves."""


@dataclass(frozen=True, slots=True)
class _Look:
    begun: float
    found: asyncio.Future[Known]


class Listing:
    """The images of one provider. Nobody waits longer for it than ``patience`` says."""

    def __init__(
        self,
        name: str,
        lane: Lane,
        patience: Patience,
        *,
        allow_insecure: bool = False,
        changed: Callable[[], None] = lambda: None,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        """``changed`` is called when there is something new to tell, ``looked`` after every look."""
        self.name = name
        self.known: Known | None = None
        self._lane = lane
        self._patience = patience
        self._allow_insecure = allow_insecure
        self._changed = changed
        self._looked = looked
        self._look: _Look | None = None
        self._took = 0.0
        self._problem: str | None = None

    async def answer(self, *, refresh: bool = False, begin: bool = True) -> ImageList:
        """Return what there is to tell. Looks again if the list is old, or at any rate to ``refresh``.

        Without ``begin`` only if there is no list yet.
        """
        look = await self._fitting(refresh, begin)
        patience = self._patience
        waits = patience.known if self.known and not refresh else patience.time_limit
        left = look.begun + waits - _now()
        if not look.found.done() and left > 0:
            await asyncio.wait({look.found}, timeout=left)
        return self._told(look)

    def due(self, interval: float) -> float | None:
        """The time of the loop at which to look again; None while a look is under way."""
        look = self._look
        if look is None:
            return 0.0
        if not look.found.done():
            return None
        return look.begun + max(interval, KEEP_FACTOR * self._took)

    def rested(self) -> float | None:
        """The earliest time to look again because something changed; None while it is looked."""
        look = self._look
        if look is None:
            return 0.0
        return look.begun + REST_FACTOR * self._took if look.found.done() else None

    def look(self) -> None:
        """Begin to look, unless a look is under way."""
        self._begun()

    async def _fitting(self, refresh: bool, begin: bool) -> _Look:
        """Return a look that is under way or new enough; begin one if there is none."""
        asked = _now()
        look = self._look
        if look is not None and refresh and not look.found.done():
            # It began before the caller asked, so it may have missed what the caller is after.
            left = look.begun + self._patience.time_limit - asked
            await asyncio.wait({look.found}, timeout=max(0.0, left))
            look = self._look
        if look is None:
            return self._begun()
        keep = max(self._patience.keep, KEEP_FACTOR * self._took)
        oldest = asked if refresh else asked - keep
        if (begin or refresh) and look.found.done() and look.begun < oldest:
            return self._begun()
        return look

    def _begun(self) -> _Look:
        look = self._look
        if look is None or look.found.done():
            name, allow = self.name, self._allow_insecure
            found = self._lane.begin(
                lambda provider: known_of(provider, name, allow_insecure=allow)
            )
            look = self._look = _Look(_now(), found)
            found.add_done_callback(lambda _: self._settle(look))
        return look

    def _settle(self, look: _Look) -> None:
        if look.found.cancelled():
            return
        self._took = _now() - look.begun
        before = (self.known, self._problem)
        error = look.found.exception()
        if error is None:
            self.known, self._problem = look.found.result(), None
        else:
            self._problem = problem_of(self.name, error)
        new = self.known is not None and not self.known.shows_the_same(before[0])
        if new or self._problem != before[1]:
            self._changed()
        self._looked()

    def _told(self, look: _Look) -> ImageList:
        known, name = self.known, self.name
        at = known.at if known else None
        problem, slow = self._problem, []
        if not look.found.done():
            if known is None or _now() - look.begun >= self._patience.time_limit:
                limit = self._patience.time_limit
                problem = problem_of(name, TooSlow(f"did not answer within {limit:g} s"))
            else:
                slow = [SlowProvider(name, known.at)]
        broken = [BrokenProvider(name, problem, at)] if problem else []
        if known is None:
            return ImageList(images=[], broken=broken)
        broken += [BrokenProvider(name, one, at) for one in known.problems]
        return ImageList(
            images=list(known.images), broken=broken, slow=slow, hidden=list(known.hidden)
        )


def problem_of(provider: str, error: BaseException) -> str:
    """What is wrong with a provider, in a sentence that says what to do."""
    match error:
        case TooSlow():
            return f"The provider {error}. Try again; if that does not help, restart the agent."
        case WrongSettings():
            return str(error)
        case NotLoaded():
            return f"The provider '{provider}' is broken: {error}. Mend or remove its package."
        case YardError():
            return error.message
        case _:
            return f"The provider '{provider}' failed: {told(error)}. Mend or remove its package."


def _now() -> float:
    return asyncio.get_running_loop().time()
