"""One provider's lane: it is loaded and asked in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import TypeVar

from kernelyard.providers.provider import Provider
from kernelyard.providers.settings import (
    ProviderSettings,
    Table,
    WrongSettings,
    is_left_out,
    left_out,
    make,
)

T = TypeVar("T")
MOST_OPEN = 16
"""Questions under way at once, others wait; a provider that hangs must not use up all threads."""


class TooSlow(Exception):
    """It did not answer in time."""


class NotLoaded(Exception):
    """The plugin is not usable as a provider."""


class Lane:
    """Asks one provider. Threads of questions that hang are left behind and end with the process."""

    def __init__(self, entry: EntryPoint, settings: ProviderSettings | None = None) -> None:
        self._entry = entry
        self._settings = settings or ProviderSettings()
        self._loading = threading.Lock()
        self._provider: Provider | None = None
        self._made_with: Table = {}
        self._slots = asyncio.Semaphore(MOST_OPEN)

    async def call(self, question: Callable[[Provider], T], time_limit: float) -> T:
        """Return the answer to a question.

        Raises TooSlow, NotLoaded, WrongSettings and whatever the provider raises.
        """
        limit = asyncio.timeout(time_limit)
        try:
            async with limit:
                await self._slots.acquire()
                try:
                    answer = self.begin(question)
                except BaseException:
                    self._slots.release()  # no thread was to be had
                    raise
                answer.add_done_callback(lambda _: self._slots.release())
                return await asyncio.shield(answer)
        except TimeoutError:
            if not limit.expired():
                raise  # the provider's own
            raise TooSlow(f"did not answer within {time_limit:g} s") from None

    def begin(self, question: Callable[[Provider], T]) -> asyncio.Future[T]:
        """Ask a question; the future may never be done."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        answer.add_done_callback(_retrieve)

        def settle(result: T | None, error: BaseException | None) -> None:
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]  # without an error it is a T

        def run() -> None:
            result, error = None, None
            try:
                result = question(self._loaded())
            except Exception as problem:  # noqa: BLE001 - it is a stranger's code
                # A StopIteration cannot be raised into a coroutine.
                error = RuntimeError(repr(problem)) if _stops(problem) else problem
            except BaseException as problem:  # noqa: BLE001 - sys.exit in a plugin must not end us
                error = RuntimeError(repr(problem))
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:
                pass  # the loop is closed, and nobody waits any more

        threading.Thread(target=run, name=f"provider-{self._entry.name}", daemon=True).start()
        return answer

    def _loaded(self) -> Provider:
        with self._loading:
            table = self._settings.of(self._entry.name)
            if self._provider is None or table != self._made_with:
                self._provider = None  # whatever was set before is not in force any more
                self._provider, self._made_with = _load(self._entry, table), table
            return self._provider


def told(error: BaseException) -> str:
    """An error of a stranger's code in one short line."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _load(entry: EntryPoint, table: Table) -> Provider:
    try:
        if is_left_out(entry.name, table):
            return left_out(entry.name)
        kind = entry.load()
        fits = isinstance(kind, type) and issubclass(kind, Provider)
        provider = make(kind, entry.name, table) if fits else kind()
    except WrongSettings:
        raise
    except Exception as error:
        raise NotLoaded(f"{entry.value} cannot be loaded: {told(error)}") from error
    if not isinstance(provider, Provider):
        raise NotLoaded(f"{entry.value} is not a Provider of kernelyard.providers.provider")
    if provider.name != entry.name:
        raise NotLoaded(
            f"{entry.value} has the name {provider.name!r}, and its entry point {entry.name!r}; "
            "they must be the same"
        )
    return provider


def _stops(error: Exception) -> bool:
    return isinstance(error, StopIteration)


def _retrieve(answer: asyncio.Future[T]) -> None:
    if not answer.cancelled():
        answer.exception()
