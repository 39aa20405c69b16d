"""Watching directories for changes, in a thread that sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_STEP_MILLISECONDS = 400
"""How often the thread looks whether it is to end, and whether a run of changes is over."""
_LONGEST_RUN_MILLISECONDS = 1600
_QUIET_MILLISECONDS = 1200


class FileWatch:
    """Tells which files have changed in some directories, not in those below them."""

    def __init__(
        self,
        changed: Callable[[set[Path]], None],
        begun: Callable[[frozenset[Path]], None],
        failed: Callable[[str], None],
    ) -> None:
        """All are called on the loop on which this was made.

        ``begun`` tells which directories are watched from now on: what happened in them shortly before
        was perhaps not heard of. After ``failed`` nothing is.
        """
        self._changed = changed
        self._begun = begun
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._roots: frozenset[Path] = frozenset()
        self._stop = threading.Event()

    def watch(self, roots: frozenset[Path]) -> None:
        """Watch these directories from now on, and no others."""
        if roots == self._roots:
            return
        self._roots = roots
        self._stop.set()
        self._stop = threading.Event()
        if roots:
            arguments = (sorted(roots), self._stop)
            threading.Thread(
                target=self._run, args=arguments, name="file-watch", daemon=True
            ).start()

    def close(self) -> None:
        """Watch nothing any more."""
        self.watch(frozenset())

    def _run(self, roots: list[Path], stop: threading.Event) -> None:
        begun = False
        try:
            # Only an agent that is watched pays for the library.
            from watchfiles import watch

            # It tells of each change; the log is for what became of it.
            logging.getLogger("watchfiles").setLevel(logging.WARNING)
            there = [root for root in roots if root.is_dir()]
            for changes in watch(
                *there,
                watch_filter=None,
                debounce=_LONGEST_RUN_MILLISECONDS,
                step=_STEP_MILLISECONDS,
                rust_timeout=_QUIET_MILLISECONDS,
                yield_on_timeout=True,
                stop_event=stop,
                recursive=False,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                if not begun:
                    # The first sign of the thread that it is at work; it may be an empty one.
                    begun = True
                    self._tell(stop, self._begun, frozenset(roots))
                if changes:
                    self._tell(stop, self._changed, {Path(path) for _, path in changes})
        except Exception as error:  # noqa: BLE001 - without it, intervals remain
            self._tell(stop, self._failed, f"{type(error).__name__}: {error}")

    def _tell(self, stop: threading.Event, whom: Callable[[T], None], what: T) -> None:
        if not stop.is_set():
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(whom, what)
