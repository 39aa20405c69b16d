"""``python -m tests.torture``: torture a service of its own, and tell what came of it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator

from tests.support.postgres import TEMPLATE, running_server
from tests.torture.books import Books
from tests.torture.house import House
from tests.torture.plan import TARGETS
from tests.torture.rounds import Run


def main() -> int:
    """Return the exit status: 1 after a violation."""
    given = _arguments()
    signal.signal(signal.SIGTERM, _leave)
    books = Books(given.seed)
    until = time.monotonic() + given.minutes * 60 if given.minutes else None
    print(f"torture: seed {given.seed}, store {given.store}", flush=True)
    with _store(given.store) as url:
        store = {"KERNELYARD_STORE": "postgresql", "KERNELYARD_STORE_URL": url} if url else {}
        house = House(store, mount=not given.unmounted)
        run = Run(house, books, given.faults)
        keep = True
        try:
            while books.round < given.rounds if until is None else time.monotonic() < until:
                run.round()
            run.finish(url)
            keep = given.keep
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its history
            _tell(books, house, error)
            return 1
        finally:
            run.people.go()
            house.remove(keep=keep)
    print(books.table())
    return 0


def _leave(*_: object) -> None:
    """Clean up and leave; a second signal is not to disturb that."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def _tell(books: Books, house: House, error: Exception) -> None:
    print("".join(traceback.format_exception(error)))
    print("History:\n" + "\n".join(books.history))
    place = house.base / "kept" if house.mounted else house.data
    print(f"VIOLATION in round {books.round} with seed {books.seed}: {error}")
    print(f"Everything is kept in {house.base}; the data directory is {place}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 20))
    parser.add_argument("--minutes", type=float, help="begin no round after so long")
    parser.add_argument("--rounds", type=int, default=len(TARGETS))
    parser.add_argument(
        "--faults",
        type=lambda text: text.split(","),
        default=list(TARGETS),
        help=f"some of {','.join(TARGETS)}",
    )
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--keep", action="store_true", help="keep the data directory")
    parser.add_argument(
        "--unmounted",
        action="store_true",
        help="limit the size of files where root would mount a small disk to fill",
    )
    given = parser.parse_args()
    if unknown := set(given.faults) - set(TARGETS):
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    return given


@contextlib.contextmanager
def _store(kind: str) -> Iterator[str | None]:
    """Yield the address of a database of our own; None for the database in the data directory."""
    if kind == "sqlite":
        yield None
        return
    with running_server() as server:
        asyncio.run(server.execute(f"CREATE DATABASE torture TEMPLATE {TEMPLATE}"))
        yield server.url("torture")


if __name__ == "__main__":
    sys.exit(main())
