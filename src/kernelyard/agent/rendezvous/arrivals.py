"""Being told at once when something new lies in a directory, where the system can tell."""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from kernelyard.agent.waiting import happens

_NEW = 0x100 | 0x80
"""IN_CREATE and IN_MOVED_TO."""
LOOK_SECONDS = 0.005
"""How often to look where the system does not tell."""
CARE_SECONDS = 0.25
"""How often to look where it does, should it have failed to."""


class Arrivals:
    """What comes to a directory from now on; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._come = asyncio.Event()
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._descriptor = _watching(self._directory)
        if self._descriptor is not None:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._descriptor)
            # To end a watch the system waits for all processors, which takes milliseconds.
            loop.run_in_executor(None, os.close, self._descriptor)
            self._descriptor = None

    async def next(self) -> bool:
        """Wait until something has come since the last call; False if it is only time to look again."""
        wait = LOOK_SECONDS if self._descriptor is None else CARE_SECONDS
        come = await happens(self._come, wait)
        self._come.clear()
        return come

    def _read(self) -> None:
        if self._descriptor is None:
            return
        try:
            os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        except OSError:
            pass  # looking now and then remains
        self._come.set()


def _watching(directory: Path) -> int | None:
    """A descriptor that can be read when something new is there; None where there is no such thing."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "inotify_init1"):
        return None
    descriptor: int = library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        return None
    if library.inotify_add_watch(descriptor, os.fsencode(directory), _NEW) < 0:
        os.close(descriptor)
        return None
    return descriptor
