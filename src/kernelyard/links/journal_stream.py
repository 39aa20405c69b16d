"""Reading a followed journal: what comes while the store is writing is handed on as one batch."""

from __future__ import annotations

import asyncio

from kernelyard.links.frames import Connection
from kernelyard.model.errors import AgentUnavailable
from kernelyard.model.records import Record
from kernelyard.wire.journal import CorruptRecord, split

SILENCE_SECONDS = 60.0
"""The agent sends a sign of life every 15 s; after four missed ones the link counts as cut."""
_MOST_BYTES = 8 * 1024 * 1024
_MOST_RECORDS = 5000


class JournalStream:
    """Reads frames ahead of its consumer, up to a bound, and then lets the agent wait."""

    def __init__(self, connection: Connection) -> None:
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
            self._changed.clear()
            await self._changed.wait()
        records, self._records, self._bytes = self._records, [], 0
        self._room.set()
        return records

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
        self._records += records
        self._bytes += size
        if self._bytes >= _MOST_BYTES or len(self._records) >= _MOST_RECORDS:
            self._room.clear()
        self._changed.set()

    def _fail(self, error: AgentUnavailable) -> None:
        self._error = error
        self._changed.set()
