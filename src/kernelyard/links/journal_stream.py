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
    """Reads frames ahead of its consumer, up to a bound, and then lets the agent wait."""

    def __init__(self, connection: Connection, heard: Heard | None = None) -> None:
        self._heard = heard
        self._connection = connection
        self._records: list[Record] = []
        self._bytes = 0
        self._error: AgentUnavailable | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._reading = asyncio.create_task(self._read(), name="journal-stream")

    async def next(self) -> list[Record]:
        """Return everything that has come since, at least one record.

        Raises AgentUnavailable when the connection ends and everything has been returned.
        """
        while not self._records:
            if self._error is not None:
                raise self._error
            await self._change()
        await self._linger()
        records, self._records, self._bytes = self._records, [], 0
        self._room.set()
        return records

    async def _linger(self) -> None:
        """Wait a moment for what follows: storing three records costs hardly more than one.

        Nobody waits for a start by itself, so it may take longest; an end is never held back.
        """
        kinds = {record.kind for record in self._records}
        if self._hurried(kinds):
            return
        seconds = START_SECONDS if kinds <= {RecordKind.STARTED} else OUTPUT_SECONDS
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                while not self._hurried(kinds):
                    before = len(self._records)
                    await self._change()
                    kinds |= {record.kind for record in self._records[before:]}
        except TimeoutError:
            pass

    def _hurried(self, kinds: set[RecordKind]) -> bool:
        return self._error is not None or self._full or not kinds.isdisjoint(_URGENT)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def aclose(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        try:
            while True:
                await self._room.wait()
                async with asyncio.timeout(SILENCE_SECONDS):
                    data = await self._connection.read_frame()
                records, used = split(data)
                if used != len(data):
                    raise CorruptRecord("a frame ends in the middle of a record")
                self._take(records, len(data))
        except AgentUnavailable as error:
            self._fail(error)
        except TimeoutError:
            self._fail(AgentUnavailable(detail=f"silent for {SILENCE_SECONDS:.0f} s"))
        except CorruptRecord as error:
            self._fail(AgentUnavailable(detail=str(error)))

    def _take(self, records: list[Record], size: int) -> None:
        if not records:
            return
        if self._heard is not None:
            self._heard.take(records)
        self._records += records
        self._bytes += size
        if self._full:
            self._room.clear()
        self._changed.set()

    @property
    def _full(self) -> bool:
        return self._bytes >= _MOST_BYTES or len(self._records) >= _MOST_RECORDS

    def _fail(self, error: AgentUnavailable) -> None:
        self._error = error
        self._changed.set()
