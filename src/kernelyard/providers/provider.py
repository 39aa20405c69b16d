"""The base class of providers: what an author of one writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from kernelyard.model.errors import ImageNotFound, ResourceNotFound
from kernelyard.model.images import FoundImage
from kernelyard.model.json import JsonObject
from kernelyard.providers.launcher import Launcher, LaunchRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlan:
    """How to start one kernel."""

    argv: list[str]
    """Program and arguments; ``{connection_file}``, ``{resource_dir}`` and ``{prefix}`` in them are
    filled in by the agent."""
    env: dict[str, str] = field(default_factory=dict)
    """Variables besides those of the agent; ``${VAR}`` in a value means the agent's."""
    interrupt_mode: Literal["signal", "message"] = "signal"
    resource_dir: str | None = None
    language: str = ""
    metadata: JsonObject = field(default_factory=dict)
    """A kernelspec's metadata; ``metadata["kernelyard"]`` may settle quirks of the kernel."""
    kernel_protocol_version: str | None = None
    """What the kernelspec claims; the last thing to go by."""
    launcher: Callable[[LaunchRequest], Launcher] | None = None
    """Makes the launcher of a kernel that is not simply a process of ``argv`` on this machine. If it
    is given, ``argv`` may be empty and only says what is run."""
    blanks: dict[str, str] = field(default_factory=dict)
    """What further blanks in ``argv`` stand for: the agent puts launch parameters here."""
    unset: tuple[str, ...] = ()
    """Variables of the agent that the kernel must not have, such as those of another environment."""


class Provider:
    """Finds images of one sort. Registered under the entry-point group ``kernelyard.providers``.

    The agent calls the methods in a thread of their own with a time limit, so they may block, and
    two of them may run at once. Nothing that they raise or print harms another provider. A base
    class, not a Protocol, so that later versions can add methods with defaults.
    """

    name: ClassVar[str] = ""
    """The same as the name of the entry point; the part before the slash in ``conda/science``."""
    Settings: ClassVar[type | None] = None
    """A frozen dataclass or msgspec Struct with a default for each field, if there is something to
    set. The provider is then made with one: ``MyProvider(settings)``, from the table
    ``[providers.NAME]`` of the server's settings; otherwise it is made without arguments."""

    def find(self) -> list[FoundImage]:
        """Return every image there is now.

        An image that cannot start a kernel is listed too, with a ``problem`` that says what mends it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say which images it finds")

    def watched(self) -> list[Path]:
        """Return directories and files whose change may mean that ``find`` has another answer.

        Asked after each look. Each is watched by itself, not what is below it: name the directories
        that hold environments, and those of the environments that a file in them makes usable. One
        that does not exist yet may be named. Without any, ``find`` is asked at intervals.
        """
        return []

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        """Return how to start a kernel of the image ``name``.

        Called for each launch: an environment is activated here, not when it is listed. Raises
        ImageNotFound, and ImageNotReady with what is to be done.
        """
        del request
        raise ImageNotFound(f"The provider '{self.name}' has no image {name[:80]!r}.")

    def resource(self, name: str, file: str) -> bytes:
        """Return a file of an image, one of those in its ``resources``.

        Raises ImageNotFound and ResourceNotFound. ``file`` comes from outside: never read what the
        image does not list.
        """
        raise ResourceNotFound(f"The image {name[:80]!r} has no file {file[:80]!r}.")

    def find_again(self, name: str, record: JsonObject) -> Launcher | None:
        """Return the launcher of a kernel that an earlier agent launched; None if it has ended.

        ``record`` is what that kernel's ``Launcher.record`` told. Called only for kernels whose plan
        had a ``launcher``; it is not started again.
        """
        del name, record
        return None
