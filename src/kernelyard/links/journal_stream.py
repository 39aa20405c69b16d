"""Reading a followed journal: what comes while the store is writing is handed on as one batch."""

from __future__ import annotations

import asyncio

from kernelyard.links.frames import Connection
from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.records import OUTPUT_KINDS, Record, RecordKind
from kernelyard.ports.agent_link import Heard
from kernelyard.wire.journal import CorruptRecord, split

SILENCE_SECONDS = 60.0
"""The agent sends a sign of life every 15 s; after four missed ones the link counts as cut."""
OUTPUT_SECONDS = 0.002
START_SECONDS = 0.010
_URGENT = frozenset(set(RecordKind) - OUTPUT_KINDS - {RecordKind.STARTED, RecordKind.CUT})
_MOST_BYTES = 8 * 1024 * 1024
_MOST_RECORDS = 5000


class JournalStream:
    """Reads frames ahead of its consumer, up to a bound, and then lets the agent wait.

    It works where the bytes arrive: no task stands between the connection and ``heard``, and its
    consumer is woken once for a batch.
    """

    def __init__(
        self,
        connection: Connection,
        heard: Heard | None = None,
        *,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        """Take all that ``connection`` brings; ``silence`` seconds of nothing are its end."""
        self._heard = heard
        self._connection = connection
        self._records: list[Record] = []
        self._bytes = 0
        self._urgent = False
        """Whether there is a record that must not be held back."""
        self._paused = False
        self._error: AgentUnavailable | None = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._silence = silence
        self._heard_at = self._loop.time()
        self._watch = self._loop.call_at(self._heard_at + silence, self._look)
        connection.stream_to(self)

    async def next(self) -> list[Record]:
        """Return everything that has come since, at least one record.

        Raises AgentUnavailable when the connection ends and everything has been returned.
        """
        if not self._hurried:
            await self._rest()
        if not self._records:
            assert self._error is not None  # noqa: S101 - nothing else ends the wait
            raise self._error
        records, self._records, self._bytes, self._urgent = self._records, [], 0, False
        if self._paused:
            self._paused = False
            self._heard_at = self._loop.time()
            self._connection.resume()
        return records

    def close(self) -> None:
        """Stop reading."""
        self._watch.cancel()
        self._fail(AgentUnavailable(detail="the stream is closed"))

    def take(self, payloads: list[bytes]) -> None:
        """Take frames in; see ``frames.Taker``."""
        self._heard_at = self._loop.time()
        records: list[Record] = []
        size = 0
        try:
            for data in payloads:
                whole, used = split(data)
                if used != len(data):
                    raise CorruptRecord("a frame ends in the middle of a record")
                records += whole
                size += used
        except CorruptRecord as error:
            self._keep(records, size)
            self._fail(AgentUnavailable(detail=str(error)))
            return
        self._keep(records, size)

    def fail(self, error: AgentUnavailable) -> None:
        """See ``frames.Taker``."""
        self._fail(error)

    async def _rest(self) -> None:
        """Wait for the first record, and then a moment for what follows it."""
        self._waiter = self._loop.create_future()
        try:
            self._linger()
            await self._waiter
        finally:
            self._waiter = None
            if self._lingering is not None:
                self._lingering.cancel()
                self._lingering = None

    def _linger(self) -> None:
        """See that the consumer gets what there is in a moment, if there is anything.

        Storing three records costs hardly more than one. Nobody waits for a start by itself, so
        that may take longest; an end is never held back.
        """
        if self._records and self._lingering is None:
            is_start = all(record.kind is RecordKind.STARTED for record in self._records)
            seconds = START_SECONDS if is_start else OUTPUT_SECONDS
            self._lingering = self._loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _keep(self, records: list[Record], size: int) -> None:
        if not records or self._error is not None:
            return
        if self._heard is not None:
            self._heard.take(records)
        self._records += records
        self._bytes += size
        self._urgent = self._urgent or any(record.kind in _URGENT for record in records)
        if self._full and not self._paused:
            self._paused = True
            self._connection.pause()
        if self._waiter is not None:
            if self._hurried:
                self._wake()
            else:
                self._linger()

    @property
    def _hurried(self) -> bool:
        return self._error is not None or self._urgent or self._full

    @property
    def _full(self) -> bool:
        return self._bytes >= _MOST_BYTES or len(self._records) >= _MOST_RECORDS

    def _look(self) -> None:
        """Look whether there was a sign of life; one that is made to wait cannot give any."""
        now = self._loop.time()
        since = now if self._paused else self._heard_at
        if now - since >= self._silence:
            self._fail(AgentUnavailable(detail=f"silent for {self._silence:.0f} s"))
        else:
            self._watch = self._loop.call_at(since + self._silence, self._look)

    def _fail(self, error: AgentUnavailable) -> None:
        if self._error is None:
            self._error = error
            self._watch.cancel()
            self._wake()
