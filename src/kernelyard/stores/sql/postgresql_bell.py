"""A bell that other servers on the same database hear: LISTEN and NOTIFY on a connection of its own.

What cannot be sent is dropped and counted. Everybody who waits for the bell also looks now and then,
so a notification that is lost costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any

import asyncpg

from kernelyard.ports.bell import Bell

CHANNEL = "kernelyard"
MOST_BYTES = 7900
"""PostgreSQL takes payloads of less than 8000 bytes."""
MOST_QUEUED = 10_000
_GATHER_SECONDS = 0.004
"""How long topics are gathered for one notification."""
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_SILENCE_SECONDS = 20.0
"""So long without sending anything, and the connection is asked whether it is still there."""
_GOODBYE_SECONDS = 1.0
_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
_log = logging.getLogger("kernelyard.stores")

Connect = Callable[[], Awaitable[Any]]


class PostgresqlBell:
    """Rings ``local`` at once, and the bells of all other servers a few milliseconds later."""

    def __init__(self, local: Bell, connect: Connect) -> None:
        self._local = local
        self._connect = connect
        self._name = secrets.token_hex(8)
        self._queue: dict[str, None] = {}
        self._work = asyncio.Event()
        self._listens = asyncio.Event()
        self._closing = False
        self.dropped = 0
        """Topics that other servers were not told of."""
        self._running = asyncio.create_task(self._run(), name="postgresql bell")

    def mark(self, topic: str) -> int:
        """Return how often ``topic`` has rung."""
        return self._local.mark(topic)

    def ring(self, topic: str) -> None:
        """Wake everybody who waits for ``topic``, here and in other servers."""
        self._local.ring(topic)
        if not self._listens.is_set() or len(self._queue) >= MOST_QUEUED:
            self.dropped += 1
            return
        self._queue[topic] = None
        self._work.set()

    def ring_here(self, topic: str) -> None:
        """Wake everybody in this server who waits for ``topic``."""
        self._local.ring(topic)

    def ring_all(self) -> None:
        """Wake everybody who waits here."""
        self._local.ring_all()

    async def wait(self, topic: str, since: int, timeout: float) -> bool:
        """Wait until ``topic`` has rung since the mark ``since``; False after ``timeout`` seconds."""
        return await self._local.wait(topic, since, timeout)

    @property
    def muffled(self) -> bool:
        """Whether this server is about to stop."""
        return self._local.muffled

    def muffle(self) -> None:
        """This server is about to stop: wake everybody who waits here."""
        self._local.muffle()

    async def listening(self) -> None:
        """Wait until other servers are heard, and hear this one."""
        await self._listens.wait()

    async def aclose(self) -> None:
        """Send what is queued, if it can be sent at once, and hang up."""
        self._closing = True
        self._work.set()
        await asyncio.wait((self._running,), timeout=_GOODBYE_SECONDS)
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._closing:
            try:
                async with self._connected() as connection:
                    pause = _FIRST_PAUSE
                    await self._send_for_ever(connection)
            except _LOST as error:
                _tell("bell.cut", error=type(error).__name__, dropped=self.dropped)
            except Exception as error:  # noqa: BLE001
                # Whatever it is: without this connection the servers are only slower.
                _log.error("bell.failed", exc_info=error)
            if not self._closing:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: self._work.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._listens.set()
            _tell("bell.listens")
            # Whoever waits may have missed a ring while nobody listened.
            self._local.ring_all()
            yield connection
        finally:
            self._listens.clear()
            self.dropped += len(self._queue)
            self._queue.clear()
            connection.terminate()

    async def _send_for_ever(self, connection: Any) -> None:
        while not connection.is_closed():
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    await self._work.wait()
            except TimeoutError:
                await connection.fetchval("SELECT 1")
                continue
            if not self._closing:
                await asyncio.sleep(_GATHER_SECONDS)
            self._work.clear()
            await self._send(connection)
            if self._closing:
                return
        raise ConnectionError("the server hung up")

    async def _send(self, connection: Any) -> None:
        topics, self._queue = self._queue, {}
        try:
            for payload in payloads(self._name, topics):
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        except BaseException:
            self.dropped += len(topics)
            raise

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        name, *topics = payload.split(" ")
        if name != self._name:
            for topic in topics:
                self._local.ring(topic)


def payloads(name: str, topics: Iterable[str]) -> Iterator[str]:
    """Write topics into as few notifications as hold them, each with its sender's name first."""
    words = [name]
    size = len(name)
    for topic in topics:
        more = len(topic.encode()) + 1
        if len(words) > 1 and size + more > MOST_BYTES:
            yield " ".join(words)
            words, size = [name], len(name)
        words.append(topic)
        size += more
    if len(words) > 1:
        yield " ".join(words)


def _tell(name: str, **fields: str | int) -> None:
    _log.info(name, extra={"fields": fields})
