"""Watching directories for changes, in a thread that sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

_STEP_MILLISECONDS = 400
"""How often the thread looks whether it is to end, and whether a run of changes is over."""
_LONGEST_RUN_MILLISECONDS = 1600


class FileWatch:
    """Tells which files have changed in some directories, not in those below them."""

    def __init__(self, changed: Callable[[set[Path]], None]) -> None:
        """``changed`` is called on the loop on which this was made."""
        self.problem: str | None = None
        """Why changes are not heard of, if so."""
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._roots: frozenset[Path] = frozenset()
        self._stop = threading.Event()

    def watch(self, roots: frozenset[Path]) -> frozenset[Path]:
        """Watch these directories from now on; return those that were not watched before.

        What happened in them until now was perhaps not heard of.
        """
        if roots == self._roots:
            return frozenset()
        new, self._roots = roots - self._roots, roots
        self._stop.set()
        self._stop = threading.Event()
        if roots:
            arguments = (sorted(roots), self._stop)
            threading.Thread(
                target=self._run, args=arguments, name="file-watch", daemon=True
            ).start()
        return new

    def close(self) -> None:
        """Watch nothing any more."""
        self.watch(frozenset())

    def _run(self, roots: list[Path], stop: threading.Event) -> None:
        try:
            # Only an agent that is watched pays for the library.
            from watchfiles import watch

            there = [root for root in roots if root.is_dir()]
            for changes in watch(
                *there,
                watch_filter=None,
                debounce=_LONGEST_RUN_MILLISECONDS,
                step=_STEP_MILLISECONDS,
                stop_event=stop,
                recursive=False,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._tell({Path(path) for _, path in changes}, stop)
        except Exception as error:  # noqa: BLE001 - without it, intervals remain
            self.problem = f"{type(error).__name__}: {error}"
            self._tell(set(), stop)

    def _tell(self, paths: set[Path], stop: threading.Event) -> None:
        if not stop.is_set():
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._changed, paths)
