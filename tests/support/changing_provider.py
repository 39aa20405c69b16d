"""A provider whose images are the files of a directory; it can be made to hang, to fail, to declare."""

from __future__ import annotations

import threading
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

from kernelyard.model.images import FoundImage
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider


class Changing(Provider):
    """Lists a file ``x`` as image ``x``. Tests set its class variables before they use it."""

    name = "changing"
    place: ClassVar[Path] = Path()
    looks: ClassVar[int] = 0
    watches: ClassVar[bool] = True
    fails: ClassVar[bool] = False
    gate: ClassVar[threading.Event] = threading.Event()
    parameters: ClassVar[dict[str, object]] = {}

    @classmethod
    def begin(cls, place: Path) -> None:
        """Forget what an earlier test has set."""
        cls.place, cls.looks, cls.watches, cls.fails = place, 0, True, False
        cls.gate, cls.parameters = threading.Event(), {}
        cls.gate.set()

    def find(self) -> list[FoundImage]:
        cls = type(self)
        cls.looks += 1
        cls.gate.wait(30)
        if cls.fails:
            raise RuntimeError("the tool is broken")
        names = sorted(path.name for path in cls.place.iterdir()) if cls.place.is_dir() else []
        return [
            FoundImage(
                provider="changing",
                name=name,
                display_name=name,
                language="python",
                parameters=cls.parameters,
            )
            for name in names
        ]

    def watched(self) -> list[Path]:
        return [self.place] if self.watches else []

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        return LaunchPlan(
            argv=["run", name, "{level}"], env={"GIVEN": f"{dict(request.parameters)}"}
        )


CHANGING = EntryPoint("changing", f"{__name__}:Changing", "kernelyard.providers")
