"""Turns: many who wait for the one writer are served by one trip to its thread and one commit.

Work that fails is rolled back to where it began and tells only its own caller. Nobody is answered
before the commit, and if that fails, nobody has been served.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")
AT_ONCE = 32
"""Pieces of work in one transaction."""
IN_A_ROW = 8
"""Transactions before others who wait for the same thread have their turn."""
Work = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class _Waiting:
    """A piece of work, who waits for it, and what came of it."""

    work: Work
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Turns:
    """The line before the writer. To be used from one event loop only.

    The writer's thread serves whoever has joined the line meanwhile before it gives itself back,
    and those who have been served are told by one call, however many commits that were.
    """

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
        self._lock = threading.Lock()
        """Guards all below: both threads change it."""
        self._line: deque[_Waiting] = deque()
        self._under_way = False
        self._served: list[_Waiting] = []

    async def take(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in its turn; return when it is committed. Cancelled, it is done nevertheless."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop.create_future())
        with self._lock:
            self._line.append(waiting)
            begins, self._under_way = not self._under_way, True
        if begins:
            self._begin(loop)
        return cast("T", await waiting.future)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._writer.submit(self._serve, loop)
        except RuntimeError as error:
            # The store is closed.
            with self._lock:
                self._under_way = False
                some = list(self._line)
                self._line.clear()
            _fail(some, error)
            self._report(loop, some)

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the writer's thread: one transaction after the other while there is work."""
        for _ in range(IN_A_ROW):
            with self._lock:
                some = [self._line.popleft() for _ in range(min(AT_ONCE, len(self._line)))]
                if not some:
                    self._under_way = False
                    return
            try:
                with self._translated(), self._driver() as driver:
                    self._transaction(driver, some)
            except BaseException as error:  # noqa: BLE001 - it is told to those who wait
                _fail(some, error)
            self._report(loop, some)
        # Others wait for this thread too.
        self._begin(loop)

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

    def _report(self, loop: asyncio.AbstractEventLoop, some: list[_Waiting]) -> None:
        with self._lock:
            is_called = bool(self._served)
            self._served += some
        if not is_called and some:
            loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """In the loop's thread: tell all who have been served since the last time."""
        with self._lock:
            some, self._served = self._served, []
        for one in some:
            if one.future.done():
                continue
            if one.error is not None:
                one.future.set_exception(one.error)
            else:
                one.future.set_result(one.result)


def _fail(some: list[_Waiting], error: BaseException) -> None:
    """Give each who has no error of its own an error that is its own: a traceback grows in it."""
    shared = error
    for one in some:
        if one.error is None:
            one.error = error
            error = _like(shared)


def _like(error: BaseException) -> BaseException:
    try:
        another = copy.copy(error)
    except Exception:  # noqa: BLE001 - of an error that cannot be copied there is only the one
        return error
    another.__cause__, another.__suppress_context__ = error.__cause__, error.__suppress_context__
    return another.with_traceback(error.__traceback__)
