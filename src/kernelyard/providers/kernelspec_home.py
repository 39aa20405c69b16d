"""The environment that a kernelspec belongs to: what ``python`` and ``{prefix}`` mean there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.providers.argv import with_own_python
from kernelyard.providers.site_packages import SitePackages


@dataclass(frozen=True, slots=True)
class Home:
    """The agent's own environment; ``EnvironmentHome`` is another one."""

    prefix: Path = Path(sys.prefix)
    python: str = sys.executable
    title: str = ""
    """What the environment is called, where it is one with a name."""

    @property
    def is_own(self) -> bool:
        """Whether it is the one that the agent runs in."""
        return True

    @property
    def version(self) -> str | None:
        """Of its Python, where that is known."""
        return platform.python_version()

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return a command as it is to be run from there."""
        return with_own_python(argv)

    def programs(self) -> str | None:
        """Where programs are looked for, as in ``PATH``."""
        return os.environ.get("PATH")

    def has_module(self, name: str) -> bool:
        """Whether its Python can import a module."""
        importlib.invalidate_caches()
        try:
            return importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            return False

    def installing(self, module: str) -> str:
        """What installs a module there."""
        del module
        return "Install it there with pip."


OWN_HOME = Home()


@dataclass(frozen=True, slots=True)
class EnvironmentHome(Home):
    """An environment of its own, which is looked at and not run."""

    python_version: str | None = None
    packages: SitePackages = field(default_factory=SitePackages)
    installer: str = "{python} -m pip install {module}"
    """The command that installs a module there."""

    @property
    def is_own(self) -> bool:
        return self.prefix == Path(sys.prefix)

    @property
    def version(self) -> str | None:
        return self.python_version

    def command(self, argv: Sequence[str]) -> list[str]:
        words = [word.replace("{prefix}", str(self.prefix)) for word in argv]
        if words and words[0] in self._pythons():
            return [self.python, *words[1:]]
        if words and "/" not in words[0] and (program := self.prefix / "bin" / words[0]).is_file():
            return [str(program), *words[1:]]
        return words

    def programs(self) -> str | None:
        return os.pathsep.join([str(self.prefix / "bin"), os.environ.get("PATH", os.defpath)])

    def has_module(self, name: str) -> bool:
        return self.packages.has(name)

    def installing(self, module: str) -> str:
        return f"Install it with '{self.installer.format(python=self.python, module=module)}'."

    def _pythons(self) -> set[str]:
        short = ".".join((self.python_version or "").split(".")[:2])
        return {"python", "python3", f"python{short}"}
