"""A cast of providers that misbehave, each in one way; they enter by an entry point as others do."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import ClassVar

from kernelyard.model.errors import ImageNotReady
from kernelyard.model.images import FoundImage
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider


class Gate:
    """Where the slow ones wait. Tests open it; it opens by itself before a test could hang."""

    opened: ClassVar[threading.Event] = threading.Event()
    asked: ClassVar[list[str]] = []
    """What came to the gate, in order."""

    @classmethod
    def close(cls) -> None:
        cls.opened, cls.asked = threading.Event(), []

    @classmethod
    def wait(cls, question: str) -> None:
        cls.asked.append(question)
        cls.opened.wait(30)


def an_image(provider: str, name: str) -> FoundImage:
    return FoundImage(provider=provider, name=name, display_name=name, language="python")


class WellBehaved(Provider):
    name = "good"
    looks: ClassVar[int] = 0

    def find(self) -> list[FoundImage]:
        type(self).looks += 1
        return [an_image("good", "one"), an_image("good", "two")]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        if name == "two":
            raise ImageNotReady("Install two.")
        return LaunchPlan(argv=["run", name, "{connection_file}"])


class SlowToAnswer(Provider):
    name = "slow"

    def find(self) -> list[FoundImage]:
        Gate.wait("find")
        return [an_image("slow", "late")]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        if name != "quick":
            Gate.wait("prepare")
        return LaunchPlan(argv=["run", name])


class SlowToLoad(WellBehaved):
    name = "heavy"

    def __init__(self) -> None:
        Gate.wait("load")


class Raises(Provider):
    name = "raises"

    def find(self) -> list[FoundImage]:
        raise ZeroDivisionError("division by zero")

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        raise {"stop": StopIteration, "time": TimeoutError}.get(name, RuntimeError)("no\nluck")


class Exits(Provider):
    name = "exits"

    def find(self) -> list[FoundImage]:
        sys.exit(3)


class ListsNonsense(Provider):
    name = "nonsense"

    def find(self) -> list[FoundImage]:
        fit = an_image("somebody-else", "fit")
        return [fit, fit, an_image("nonsense", "../etc"), "python3"]  # type: ignore[list-item]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        return None  # type: ignore[return-value]


class ListsRubbish(Provider):
    name = "rubbish"

    def find(self) -> list[FoundImage]:
        fit = an_image("rubbish", "fit")
        return [
            fit,
            replace(fit, name="a", display_name=object()),  # type: ignore[arg-type]
            replace(fit, name="b", language=None),  # type: ignore[arg-type]
            replace(fit, name="c", metadata={1: object()}),  # type: ignore[dict-item]
            replace(fit, name="d", problem="half \ud800 of a pair"),
            replace(fit, name="e", display_name="x" * 300_000),
            replace(fit, name=5),  # type: ignore[arg-type]
            replace(fit, name="f", parameters={"properties": {"x": {"enum": [object()]}}}),
        ]


class ListsNothing(Provider):
    name = "none"

    def find(self) -> list[FoundImage]:
        return None  # type: ignore[return-value]


class NamedOtherwise(WellBehaved):
    name = "another"


class NoProvider:
    name = "stranger"


def entry(name: str, member: str) -> EntryPoint:
    """The entry point of one of the cast."""
    return EntryPoint(name, f"{__name__}:{member}", "kernelyard.providers")
