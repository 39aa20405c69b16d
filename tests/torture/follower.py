"""A process that follows kernels and notes every number that it saw; killed, it goes on from its last.

Each kernel has a ledger of its own, which must hold 1, 2, 3 … however often process, server, agent or
link went away in between.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import zlib
from pathlib import Path

from kernelyard.client import (
    Client,
    ConnectionFailedError,
    KernelyardError,
    NoServerError,
    NotFoundError,
    RetryPolicy,
)

from tests.torture.ledger import Ledger, entries


def ledger_of(folder: Path, kernel_id: str) -> Path:
    """Where a kernel's follower notes what it saw."""
    return folder / f"{kernel_id}.ledger"


def digest(content: object) -> int:
    """A short word for the content of a record."""
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def follow(data_dir: Path, kernel_id: str, path: Path) -> None:
    """Follow one kernel from the last number noted to its end."""
    noted = [entry for entry in entries(path) if "number" in entry]
    last = noted[-1]["number"] if noted else 0
    ledger = Ledger(path)
    soon = threading.Event()
    while True:
        try:
            with Client(data_dir=data_dir, retries=RetryPolicy(total=10.0)) as client:
                for output in client.kernels.get(kernel_id).follow(after=last):
                    last = output.number
                    ledger.note(number=last, kind=output.kind, digest=digest(output.content))
            ledger.note(end="complete")
            return
        except NotFoundError:
            ledger.note(end="deleted")
            return
        except (ConnectionFailedError, NoServerError):
            soon.wait(0.3)
        except KernelyardError as error:
            ledger.note(wrong=f"{type(error).__name__}: {error}")
            return


def main() -> None:
    """Follow every kernel that is in the list, until told to stop."""
    parser = argparse.ArgumentParser()
    for name in ("--data-dir", "--kernels", "--ledgers"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    known: set[str] = set()
    while not stop.wait(0.3):
        for kernel_id in json.loads(given.kernels.read_text()):
            if kernel_id not in known:
                known.add(kernel_id)
                path = ledger_of(given.ledgers, kernel_id)
                place = (given.data_dir, kernel_id, path)
                threading.Thread(target=follow, args=place, daemon=True).start()


if __name__ == "__main__":
    main()
