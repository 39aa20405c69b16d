# Generated from src/kernelyard/client/_async/events.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Events: every state change of kernels, tasks and images, as ``yard.events``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from kernelyard.client._sync.follow import follow
from kernelyard.client._sync.http import Http
from kernelyard.client._sync.kernel import Kernel
from kernelyard.client.decoding import decode
from kernelyard.client.following import FollowBooks, Interruption
from kernelyard.client.types import Event, EventPage

_PATH = "/v1/events"


class Events:
    """State changes of all kernels and tasks that the token may see, and of images.

    One number is the cursor for everything: keep the last one you have dealt with, and go on from
    there, in another process if need be. The events of a deleted kernel vanish with it.

    ::

        for event in yard.events.follow(after=last):
            if event.task_id and event.state in ("failed", "lost"):
                print(event.task_id, event.reason)
            last = event.number
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def follow(
        self,
        after: int = 0,
        *,
        kernel: Kernel | str | None = None,
        about: str | None = None,
        patience: float | None = None,
        on_interruption: Callable[[Interruption], None] | None = None,
    ) -> Generator[Event, None]:
        """Yield every event after number ``after``, live, each exactly once. It has no end.

        With ``kernel``, a handle or an id, only those of that kernel and its tasks; NotFoundError
        is raised when it is deleted. With ``about="images"`` only what becomes of images. Begin with ``after=yard.events.newest()`` to leave out what has
        happened so far. In all else like ``follow`` of a task.
        """
        books = FollowBooks(
            self._http.retries,
            Event,
            after=after,
            filters=_filters(kernel, about),
            patience=patience,
            on_interruption=on_interruption,
        )
        return follow(self._http, _PATH, books)

    def list(
        self,
        after: int = 0,
        *,
        kernel: Kernel | str | None = None,
        about: str | None = None,
        page_size: int = 100,
    ) -> Iterator[Event]:
        """Yield the events so far after number ``after``, oldest first, page after page."""
        while True:
            page = self._page(after, page_size, _filters(kernel, about))
            for event in page.items:
                yield event
            if len(page.items) < page_size:
                return
            after = page.last

    def newest(self) -> int:
        """Return the number of the server's newest event; 0 if there is none yet."""
        return (self._page(0, 1, ())).newest

    def _page(self, after: int, limit: int, filters: tuple[tuple[str, str], ...]) -> EventPage:
        params = (*filters, ("after", str(after)), ("limit", str(limit)))
        return decode(self._http.get(_PATH, params), EventPage)


def _filters(kernel: Kernel | str | None, about: str | None) -> tuple[tuple[str, str], ...]:
    filters: list[tuple[str, str]] = []
    if kernel is not None:
        filters.append(("kernel", kernel if isinstance(kernel, str) else kernel.id))
    if about is not None:
        filters.append(("about", about))
    return tuple(filters)
