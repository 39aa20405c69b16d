"""What the agent alone knows of kernels that somebody else has started: where they listen, with the key.

It lies in the kernel's directory from before the kernel's launch to its end. What is never launched,
because a server died in between, is forgotten after a day.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import msgspec

from kernelyard.agent.folder import Folder
from kernelyard.agent.logs import Log
from kernelyard.agent.places import write_private
from kernelyard.model.ids import is_uuid
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause
from kernelyard.wire.foreign import Deposit, identity_of

KEEP_SECONDS = 86_400.0
MOST_REMEMBERED = 1000
_FILE = "foreign.json"
_REMEMBERED = frozenset({EndCause.ASKED, EndCause.IDLE, EndCause.LIFE_LIMIT, EndCause.START_FAILED})
"""Ends after which a kernel is not attached again by itself; a death is not among them."""


def read_deposit(folder: Folder) -> Deposit | None:
    """What is known of a kernel; None if nothing is."""
    try:
        return msgspec.json.decode((folder.path / _FILE).read_bytes(), type=Deposit)
    except (OSError, msgspec.DecodeError):
        return None


class Deposits:
    """Keeps them, and remembers which kernels were let go of."""

    def __init__(self, home: Path, log: Log) -> None:
        self._kernels = home / "kernels"
        self._memory = home / "let_go.json"
        self._log = log
        self._sweeping: asyncio.TimerHandle | None = None

    def keep(self, deposit: Deposit, folder: Folder) -> None:
        """Keep a deposit until its kernel ends; one that was launched stays as it was. Raises OSError."""
        if folder.read_order() is not None:
            return
        folder.make()
        write_private(folder.path / _FILE, msgspec.json.encode(deposit))
        self._sweep_later()

    def ended(self, folder: Folder, cause: EndCause | None) -> None:
        """A kernel has ended for us: forget its secret, and remember that it is not to come back."""
        deposit = read_deposit(folder)
        if deposit is not None and cause in _REMEMBERED:
            self._remember(identity_of(deposit.connection))
        _remove_secrets(folder)

    def let_go_at(self, identity: str) -> Micros:
        """When a kernel was let go of last; 0 if it never was, or that was long ago."""
        return self._let_go().get(identity, 0)

    def sweep(self) -> None:
        """Forget what nobody came for, and the secrets of kernels that have ended."""
        if not self._kernels.is_dir():
            return
        oldest = time.time() - KEEP_SECONDS
        for file in self._kernels.glob(f"*/{_FILE}"):
            folder = Folder(file.parent)
            if not is_uuid(folder.kernel_id):
                continue
            try:
                if folder.has_ended:
                    _remove_secrets(folder)
                elif folder.read_order() is None and file.stat().st_mtime < oldest:
                    self._log.info("deposit.forgotten", kernel_id=folder.kernel_id)
                    shutil.rmtree(folder.path, ignore_errors=True)
            except FileNotFoundError:
                continue

    def close(self) -> None:
        """Sweep no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(KEEP_SECONDS + 60, self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweeping = None
        self.sweep()
        if any(self._kernels.glob(f"*/{_FILE}")):
            self._sweep_later()

    def _let_go(self) -> dict[str, Micros]:
        try:
            return msgspec.json.decode(self._memory.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.DecodeError):
            return {}

    def _remember(self, identity: str) -> None:
        known = self._let_go()
        known.pop(identity, None)
        known[identity] = time.time_ns() // 1000
        newest = dict(list(known.items())[-MOST_REMEMBERED:])
        try:
            write_private(self._memory, msgspec.json.encode(newest))
        except OSError as error:
            self._log.warning("deposit.not_remembered", problem=str(error))


def _remove_secrets(folder: Folder) -> None:
    for file in folder.path.glob("connection-*.json"):
        file.unlink(missing_ok=True)
    # The last, for it says that there are others.
    (folder.path / _FILE).unlink(missing_ok=True)
