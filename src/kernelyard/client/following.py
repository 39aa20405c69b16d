"""The books of a follow: what was seen, whether the end came, when to come back, when to give up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from kernelyard.client.decoding import decode
from kernelyard.client.errors import FollowInterruptedError
from kernelyard.client.retrying import RetryPolicy
from kernelyard.client.sse import SseEvent, SseParser


class Numbered(Protocol):
    """Anything whose number is the cursor to come back with."""

    @property
    def number(self) -> int: ...


N = TypeVar("N", bound=Numbered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A follow was cut and will be taken up again by itself.

    ::

        task.follow(on_interruption=lambda cut: print(f"lost the server ({cut.cause}) …"))
    """

    cause: str
    last: int
    """The number of the last one that was yielded."""
    failures: int
    """Attempts in a row that brought nothing."""
    delay: float
    """Seconds until the next attempt."""


class FollowBooks(Generic[N]):
    """Follows one row of numbered things through any number of streams."""

    def __init__(
        self,
        policy: RetryPolicy,
        kind: type[N],
        *,
        end: str | None = None,
        after: int = 0,
        filters: tuple[tuple[str, str], ...] = (),
        patience: float | None = None,
        on_interruption: Callable[[Interruption], None] | None = None,
    ) -> None:
        """``end`` is the word of the event that ends it; None if it has no end."""
        self.last = after
        self.ending: bytes | None = None
        """The data of the end event, once it came."""
        self._policy = policy
        self._kind = kind
        self._end = end
        self._filters = filters
        self._patience = policy.following if patience is None else patience
        self._tell = on_interruption
        self._parser = SseParser()
        self._lost_since: float | None = None
        self._failures = 0

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the next stream."""
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        return headers | ({"Last-Event-ID": str(self.last)} if self.last else {})

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        """Query of the next stream."""
        return (*self._filters, ("after", str(self.last)))

    def begin(self) -> None:
        """A new stream begins: what an earlier one left unfinished is void."""
        self._parser = SseParser()

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take in bytes of the stream; return the events that they complete."""
        events = self._parser.feed(chunk)
        # The first comment only greets: a server that greets and fails is no better than none.
        if self._parser.comments > 1:
            self._found()
        return events

    def take(self, event: SseEvent) -> N | None:
        """Return what an event tells; None if it was seen before, or is the end."""
        if event.id is None:
            if event.kind == self._end:
                self.ending = event.data
            return None
        item = decode(event.data, self._kind)
        if item.number <= self.last:
            return None
        self.last = item.number
        self._found()
        return item

    def lost(self, cause: str) -> float:
        """The stream was cut: return the pause before the next, or raise."""
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
        self._failures += 1
        delay = self._policy.delay(self._failures)
        if now + delay - self._lost_since >= self._patience:
            raise FollowInterruptedError(
                f"The follow was cut after number {self.last} and could not be taken up again "
                f"for {self._patience:g} s ({cause}). Nothing is lost: follow again with "
                f"after={self.last} when the server is back.",
                last=self.last,
            )
        if self._tell is not None:
            self._tell(
                Interruption(cause=cause, last=self.last, failures=self._failures, delay=delay)
            )
        return delay

    def _found(self) -> None:
        self._lost_since, self._failures = None, 0
