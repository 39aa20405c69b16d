"""Keeping lists of images new in the background: at intervals, and when files change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.file_watch import FileWatch

SETTLING_SECONDS = (2.0, 10.0)
"""After a change it is looked again, and again: an environment is not made in one moment."""


class Refreshing:
    """Looks again at what providers find, while somebody waits for changes; else it only sleeps."""

    def __init__(
        self,
        catalogue: Catalogue,
        interval: float,
        *,
        warn: Callable[[str], None] = lambda _: None,
        settling: tuple[float, ...] = SETTLING_SECONDS,
    ) -> None:
        """``interval`` in seconds; a provider that is slow is asked less often."""
        self._catalogue = catalogue
        self._interval = interval
        self._warn = warn
        self._settling = settling
        self._touched: set[Path] = set()
        self._begun: set[Path] = set()
        """Directories that are watched since a moment ago."""
        self._later: dict[str, list[float]] = {}
        """Times at which to look at a provider again because something changed."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._catalogue.interest.wait()
            files = FileWatch(self._on_change, self._on_begin, self._warn)
            try:
                while not self._catalogue.lose_interest():
                    self._watch(files)
                    self._look()
                    await self._pause()
            finally:
                files.close()

    def _on_change(self, paths: set[Path]) -> None:
        self._touched |= paths
        self._catalogue.looked.set()

    def _on_begin(self, roots: frozenset[Path]) -> None:
        self._begun |= roots
        self._catalogue.looked.set()

    def _watch(self, files: FileWatch) -> None:
        """Watch what the providers want to have watched now, and heed what has changed."""
        wanted = {
            name: one.known.watched for name, one in self._catalogue.listings.items() if one.known
        }
        roots = frozenset(watched.root for each in wanted.values() for watched in each)
        files.watch(roots)
        touched, self._touched = self._touched, set()
        begun, self._begun = self._begun, set()
        now = asyncio.get_running_loop().time()
        for name, each in wanted.items():
            if any(any(map(watched.touched_by, touched)) for watched in each):
                self._later[name] = [now, *(now + after for after in self._settling)]
            elif any(watched.root in begun for watched in each):
                # For what happened there before it was watched, or while the watch was changed.
                self._later.setdefault(name, []).append(now)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for name, listing in self._catalogue.listings.items():
            at = self._next(name)
            if at is not None and at <= now:
                self._later[name] = [one for one in self._later.get(name, []) if one > now]
                listing.look()

    def _next(self, name: str) -> float | None:
        """When to look at a provider next; None while a look is under way."""
        listing = self._catalogue.listings[name]
        due = listing.due(self._interval)
        rested = listing.rested()
        if due is None or rested is None:
            return None
        later = self._later.get(name)
        return min(due, max(min(later), rested)) if later else due

    async def _pause(self) -> None:
        """Sleep until there is something to do."""
        nexts = (self._next(name) for name in self._catalogue.listings)
        now = asyncio.get_running_loop().time()
        at = min((one for one in nexts if one is not None), default=now + self._interval)
        wait = min(max(0.0, at - now), self._interval)
        looked = self._catalogue.looked
        try:
            # wait_for, of Python 3.11, may overlook that it is cancelled.
            async with asyncio.timeout(wait):
                await looked.wait()
        except TimeoutError:
            pass
        looked.clear()
