"""Turns: many who wait for the one writer are served by one trip to its thread and one commit.

Work that fails is rolled back to where it began and tells only its own caller. Nobody is answered
before the commit, and if that fails, nobody has been served.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")
AT_ONCE = 32
"""Pieces of work in one transaction."""
Work = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class _Waiting:
    """A piece of work, who waits for it, and what came of it."""

    work: Work
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Turns:
    """The line before the writer. To be used from one event loop only."""

    def __init__(
        self,
        writer: Executor,
        driver: Callable[[], AbstractContextManager[sqlite3.Connection]],
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """``writer`` has one thread; ``translated`` turns errors of the driver into ours."""
        self._writer = writer
        self._driver = driver
        self._translated = translated
        self._line: deque[_Waiting] = deque()
        self._under_way = False

    async def take(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in its turn; return when it is committed. Cancelled, it is done nevertheless."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop.create_future())
        self._line.append(waiting)
        if not self._under_way:
            self._begin(loop)
        return cast("T", await waiting.future)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        some = [self._line.popleft() for _ in range(min(AT_ONCE, len(self._line)))]
        self._under_way = True
        try:
            self._writer.submit(self._serve, loop, some)
        except RuntimeError as error:
            # The store is closed.
            self._under_way = False
            some += self._line
            self._line.clear()
            for one in some:
                one.error = error
            _tell(some)

    def _serve(self, loop: asyncio.AbstractEventLoop, some: list[_Waiting]) -> None:
        """In the writer's thread: one transaction."""
        try:
            with self._translated(), self._driver() as driver:
                self._transaction(driver, some)
        except BaseException as error:  # noqa: BLE001 - it is told to those who wait
            for one in some:
                one.error = one.error or error
        loop.call_soon_threadsafe(self._served, loop, some)

    def _transaction(self, driver: sqlite3.Connection, some: list[_Waiting]) -> None:
        driver.execute("BEGIN IMMEDIATE")
        try:
            if len(some) == 1:
                some[0].result = some[0].work(driver)
            else:
                for one in some:
                    self._within(driver, one)
            driver.execute("COMMIT")
        except BaseException:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
            raise

    def _within(self, driver: sqlite3.Connection, one: _Waiting) -> None:
        driver.execute("SAVEPOINT turn")
        try:
            with self._translated():
                one.result = one.work(driver)
        except Exception as error:
            if not driver.in_transaction:
                raise  # SQLite has given up the whole of it
            driver.execute("ROLLBACK TO turn")
            one.error = error
        driver.execute("RELEASE turn")

    def _served(self, loop: asyncio.AbstractEventLoop, some: list[_Waiting]) -> None:
        self._under_way = False
        if self._line:
            self._begin(loop)
        _tell(some)


def _tell(some: list[_Waiting]) -> None:
    for one in some:
        if one.future.done():
            continue
        if one.error is not None:
            one.future.set_exception(one.error)
        else:
            one.future.set_result(one.result)
