"""One ``KernelSpecManager`` of another package, asked in threads with a time limit."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from kernelyard.providers.kernelspec_file import Kernelspec, is_resource, kernelspec_of
from kernelyard.providers.lane import told

T = TypeVar("T")
LARGEST_RESOURCE = 16 * 1024 * 1024


class SpecManagerFailed(Exception):
    """It cannot be loaded, raised, or took too long; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class Managed:
    """A kernelspec of a manager, with the files that the manager itself hands out."""

    spec: Kernelspec
    resources: frozenset[str] = frozenset()


class SpecManager:
    """Asks a manager one thing at a time; one that hangs is not asked anything more meanwhile."""

    def __init__(self, path: str, config: Mapping[str, Mapping[str, Any]]) -> None:
        """``path`` is that of its class. It is loaded when first asked."""
        self.path = path
        self._config = config
        self._asking = threading.Lock()
        self._manager: Any = None

    def list(self, time_limit: float) -> list[Managed]:
        """Return everything it has. Raises SpecManagerFailed."""
        answer = self._ask(lambda manager: manager.get_all_specs(), time_limit)
        if not isinstance(answer, Mapping):
            raise SpecManagerFailed(self._said("its get_all_specs() returns no dictionary"))
        return [self._managed(str(name), one) for name, one in answer.items()]

    def spec(self, name: str, time_limit: float) -> Kernelspec:
        """Return one kernelspec as it is to be started now. Raises SpecManagerFailed."""

        def question(manager: Any) -> object:
            found = manager.get_kernel_spec(name)
            if inspect.isawaitable(found):
                found = _awaited(found)
            # Some activate an environment only when they are asked for its variables.
            content = {**found.to_dict(), "env": _news(found.env)}
            return {"spec": content, "resource_dir": found.resource_dir}

        return self._managed(name, self._ask(question, time_limit)).spec

    def resource(self, name: str, file: str, time_limit: float) -> bytes | None:
        """Return a file that it hands out itself; None if it has none. Raises SpecManagerFailed."""
        data = self._ask(lambda one: one.get_kernel_spec_resource(name, file), time_limit)
        if isinstance(data, str):
            data = data.encode()
        fits = isinstance(data, bytes | bytearray) and 0 < len(data) <= LARGEST_RESOURCE
        return bytes(cast("bytes", data)) if fits else None

    def _managed(self, name: str, one: object) -> Managed:
        entry = one if isinstance(one, Mapping) else {}
        content = entry.get("spec")
        place = entry.get("resource_dir")
        spec = kernelspec_of(
            name,
            dict(content) if isinstance(content, Mapping) else {},
            Path(place) if isinstance(place, str) and place else None,
            source=f"The kernelspec {name[:80]!r} of {self.path}",
            mend="Mend it in the package that it is from, or leave that class out of 'classes'.",
        )
        return Managed(spec, self._handed_out(entry.get("resources")))

    def _handed_out(self, resources: object) -> frozenset[str]:
        """File names among what a gateway's list has: logos by name, with their addresses."""
        if not (isinstance(resources, Mapping) and hasattr(self._manager, _RESOURCE)):
            return frozenset()
        names = {str(address).rpartition("/")[2] for address in resources.values()}
        return frozenset(name for name in names if is_resource(name))

    def _ask(self, question: Callable[[Any], object], time_limit: float) -> object:
        deadline = time.monotonic() + time_limit
        if not self._asking.acquire(timeout=time_limit):
            raise SpecManagerFailed(self._said("it still has not answered an earlier question"))
        answer = in_thread(lambda: self._answer(question))
        try:
            return answer.result(max(0.0, deadline - time.monotonic()))
        except SpecManagerFailed:
            raise
        except BaseException as error:
            if not answer.done():
                slow = f"it did not answer within {time_limit:g} s"
                raise SpecManagerFailed(self._said(slow)) from None
            raise SpecManagerFailed(self._said(f"it failed: {told(error)}")) from error

    def _answer(self, question: Callable[[Any], object]) -> object:
        try:
            if self._manager is None:
                self._manager = self._load()
            answer = question(self._manager)
            return _awaited(answer) if inspect.isawaitable(answer) else answer
        finally:
            self._asking.release()

    def _load(self) -> object:
        module, _, name = self.path.rpartition(".")
        kind = getattr(importlib.import_module(module), name)
        if not all(hasattr(kind, verb) for verb in ("get_all_specs", "get_kernel_spec")):
            raise SpecManagerFailed(self._said("it is not a KernelSpecManager"))
        if hasattr(kind, "class_traits"):
            from traitlets.config import Config

            return kind(config=Config({key: dict(value) for key, value in self._config.items()}))
        return kind()

    def _said(self, problem: str) -> str:
        return (
            f"The kernelspec manager {self.path} cannot be used: {problem}. Mend or install its "
            "package, or leave it out of 'classes' in [providers.spec-managers]."
        )


_RESOURCE = "get_kernel_spec_resource"


def in_thread(question: Callable[[], T]) -> Future[T]:
    """Ask a question in a thread of its own, which ends with the process if it hangs."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(question())
        except BaseException as error:  # noqa: BLE001 - sys.exit in a plugin must not go unheard
            answer.set_exception(error)

    threading.Thread(target=run, name="spec-manager", daemon=True).start()
    return answer


def _news(env: object) -> dict[str, str]:
    """The variables that are not the agent's own anyway: some managers hand out a whole environment."""
    if not isinstance(env, Mapping):
        return {}
    return {
        str(key): str(value)
        for key, value in env.items()
        if os.environ.get(str(key)) != value and not str(key).startswith("KERNELYARD_")
    }


def _awaited(answer: object) -> object:
    async def wait() -> object:
        return await cast("Coroutine[Any, Any, object]", answer)

    return asyncio.run(wait())
