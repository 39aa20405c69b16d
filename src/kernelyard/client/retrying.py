"""When to try again, and when to give up."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import httpx

from kernelyard.client.errors import ConnectionFailedError

PASSING = frozenset({502, 503, 504})
"""Statuses that say: not now."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long the client tries again when the server cannot be reached. All in seconds.

    ::

        Client(retries=RetryPolicy(total=5))  # give up sooner
        Client(retries=RetryPolicy(total=0))  # never try again
    """

    total: float = 30.0
    """For one request."""
    first_contact: float = 5.0
    """For one request to a server that has never answered this client yet."""
    following: float = 300.0
    """For a follow or a wait: as long without any sign of a server."""
    silence: float = 60.0
    """A stream without a byte for so long counts as cut; the server speaks every 15."""
    first_delay: float = 0.1
    longest_delay: float = 5.0

    def delay(self, failures: int) -> float:
        """The pause after so many failures in a row: doubling, with jitter."""
        most = min(self.longest_delay, self.first_delay * 2.0 ** min(failures - 1, 30))
        return most * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


class Repeat(Enum):
    """What makes it safe to send a request again."""

    ALWAYS = "always"
    """It changes nothing, or doing it twice is the same as once."""
    UNSENT = "unsent"
    """Doing it twice is not the same: only if it surely never arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as the client means it."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] | None = None
    body: bytes | None = None
    repeat: Repeat = Repeat.ALWAYS
    patience: float | None = None
    """Seconds of retries; None for the policy's."""
    patience_once_sent: float = 0.0
    """Seconds of retries, if they are more, from when it may have been carried out."""
    read_timeout: float | None = None
    """Seconds without a byte; None for the client's."""


class Attempts:
    """The attempts at one call: says how long to pause before the next, or raises."""

    def __init__(self, policy: RetryPolicy, call: Call, *, url: str, met: bool) -> None:
        self._policy = policy
        self._call = call
        self._url = url
        allowed = policy.total if met else min(policy.total, policy.first_contact)
        self._until = time.monotonic() + (allowed if call.patience is None else call.patience)
        self._failures = 0
        self.perhaps_done = False
        """Whether an earlier attempt may have been carried out unseen."""

    def failed(self, error: httpx.TransportError) -> float:
        """Return the pause before the next attempt; raise if there is none."""
        sent = not isinstance(error, _UNSENT)
        if sent and not self.perhaps_done:
            self.perhaps_done = True
            self._until = max(self._until, time.monotonic() + self._call.patience_once_sent)
        allowed = self._call.repeat is Repeat.ALWAYS or not sent
        delay = self._next_delay() if allowed else None
        if delay is None:
            failure = unreachable(self._url, error, tries=self._failures)
            if sent and self._call.repeat is Repeat.UNSENT:
                failure.add_note("It may have been carried out; look before you repeat it.")
            raise failure from error
        return delay

    def refused(self, response: httpx.Response) -> float | None:
        """Return the pause before the next attempt after an answer; None if it stands."""
        if response.status_code not in PASSING:
            return None
        if self._call.repeat is Repeat.UNSENT and response.status_code != 503:
            return None
        delay = self._next_delay()
        return None if delay is None else max(delay, _retry_after(response))

    def _next_delay(self) -> float | None:
        self._failures += 1
        delay = self._policy.delay(self._failures)
        return delay if time.monotonic() + delay <= self._until else None


def unreachable(url: str, error: httpx.TransportError, *, tries: int = 1) -> ConnectionFailedError:
    """Return the error for a server that did not answer."""
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    often = "once" if tries <= 1 else f"{tries} times"
    return ConnectionFailedError(
        f"{url} cannot be reached (tried {often}; {what}). Check that the server runs "
        "('kernelyard serve') and that this is its address."
    )


def _retry_after(response: httpx.Response) -> float:
    try:
        return min(10.0, max(0.0, float(response.headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0


class Deadline:
    """The end of a wait."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._until = None if timeout is None else time.monotonic() + timeout

    @property
    def passed(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def at_most(self, seconds: float) -> float:
        """The smaller of ``seconds`` and what is left, never below zero."""
        if self._until is None:
            return seconds
        return max(0.0, min(seconds, self._until - time.monotonic()))

    def __str__(self) -> str:
        return f"{self._timeout:g} s"
