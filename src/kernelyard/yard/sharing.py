"""Sharing: what followers of one thing would each read for himself, they read once for all.

Followers of the same thing who stand at the same number are given the same batch. What is made of a
batch, such as the bytes of an answer, is made once, too. A batch lives as long as somebody holds it,
and nothing is kept of a thing that nobody follows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast
from weakref import WeakValueDictionary

from kernelyard.ports.bell import Bell

_SECONDS_EACH = 0.0002
"""What a follower is allowed to cost: so much time for each of them lies between two reads."""
_LONGEST_PACE = 0.25
_SILENCE_SECONDS = 0.2
"""So long a read that brought nothing answers those who look without having heard the bell."""


class Numbered(Protocol):
    """Anything whose number is the cursor to go on from."""

    @property
    def number(self) -> int: ...


N = TypeVar("N", bound=Numbered)
E = TypeVar("E")
V = TypeVar("V")


class Batch(list[N], Generic[N, E]):
    """What one read brought. Many hold the same one, so nobody changes it."""

    __slots__ = ("__weakref__", "_made", "began", "end", "mark", "more")

    def __init__(
        self, items: Iterable[N] = (), *, end: E | None = None, more: bool = False
    ) -> None:
        """``end`` is what was followed, if nothing comes any more; ``more`` if more is there already."""
        super().__init__(items)
        self.end = end
        self.more = more
        self.mark = 0
        """The bell's mark before it was read; waiting with it misses nothing."""
        self.began = 0.0
        self._made: dict[object, object] = {}

    def once(self, make: Callable[[Batch[N, E]], V]) -> V:
        """Return what ``make`` makes of this batch; made once, for all who hold it."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("V", self._made[make])


Read = Callable[[int], Awaitable[Batch[N, E]]]
"""Reads what comes after a number."""


@dataclass(frozen=True, slots=True)
class Followed(Generic[N, E]):
    """One thing that can be followed."""

    what: Hashable
    """Two with the same are the same: whoever reads the one reads for followers of the other, too."""
    topic: str
    """Rings when there may be more to read."""
    read: Read[N, E]


class Crowd(Generic[N, E]):
    """Those who follow one thing."""

    def __init__(self, bell: Bell, followed: Followed[N, E]) -> None:
        self.followers = 0
        self._bell = bell
        self._followed = followed
        self._reads: dict[int, asyncio.Task[Batch[N, E]]] = {}
        self._held: WeakValueDictionary[int, Batch[N, E]] = WeakValueDictionary()
        self._silence: tuple[int, Batch[N, E]] | None = None

    async def read(self, after: int, earliest: float) -> Batch[N, E]:
        """Return what comes after a number, read no earlier than ``earliest`` if it must be read.

        A batch that somebody holds is true for ever: what was said is never changed. Of a read
        without anything, the mark tells from when it is. Raises what the reading raises, in everybody
        who waits for it; whoever is cancelled leaves it to the others.
        """
        known = self._held.get(after) or self._silent_at(after)
        if known is not None:
            return known
        reading = self._reads.get(after)
        if reading is None:
            reading = asyncio.create_task(self._read_once(after, earliest), name="shared read")
            reading.add_done_callback(_heard)
            self._reads[after] = reading
        await asyncio.wait((reading,))
        return reading.result()

    def disband(self) -> None:
        """Nobody follows any more."""
        for reading in self._reads.values():
            reading.cancel()

    async def _read_once(self, after: int, earliest: float) -> Batch[N, E]:
        now = asyncio.get_running_loop().time
        try:
            if earliest > now():
                await asyncio.sleep(earliest - now())
            mark, began = self._bell.mark(self._followed.topic), now()
            batch = await self._followed.read(after)
        finally:
            del self._reads[after]
        batch.mark, batch.began = mark, began
        if batch:
            self._held[after] = batch
        elif batch.end is None:
            self._silence = (after, batch)
        return batch

    def _silent_at(self, after: int) -> Batch[N, E] | None:
        if self._silence is None or self._silence[0] != after:
            return None
        batch = self._silence[1]
        age = asyncio.get_running_loop().time() - batch.began
        unrung = self._bell.mark(self._followed.topic) == batch.mark
        return batch if unrung and age < _SILENCE_SECONDS else None


class Crowds(Generic[N, E]):
    """The crowds of everything that is followed, by what it is."""

    def __init__(self, bell: Bell) -> None:
        self.bell = bell
        self._crowds: dict[Hashable, Crowd[N, E]] = {}
        self._listeners: Counter[str] = Counter()

    @contextmanager
    def joined(self, followed: Followed[N, E]) -> Iterator[Crowd[N, E]]:
        """Follow something, together with all others who follow the same."""
        what, topic = followed.what, followed.topic
        crowd = self._crowds.get(what)
        if crowd is None:
            crowd = self._crowds[what] = Crowd(self.bell, followed)
        crowd.followers += 1
        self._listeners[topic] += 1
        try:
            yield crowd
        finally:
            crowd.followers -= 1
            self._listeners[topic] -= 1
            if not self._listeners[topic]:
                del self._listeners[topic]
            if not crowd.followers:
                del self._crowds[what]
                crowd.disband()

    def pace(self, topic: str) -> float:
        """Seconds that should lie between two reads, that many who wake at each leave time for others."""
        return min(_LONGEST_PACE, _SECONDS_EACH * (self._listeners[topic] - 1))

    def __len__(self) -> int:
        return len(self._crowds)


def _heard(reading: asyncio.Task[Batch[N, E]]) -> None:
    """Those who waited may all have left: then its error is nobody's, and no reason to complain."""
    if not reading.cancelled():
        reading.exception()
