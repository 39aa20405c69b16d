"""Environments beside the one that we work in, each made from a lock file of its own with pip alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SideEnvironment:
    """Where it is, and what it is made from."""

    place: Path
    lock: Path

    @property
    def is_current(self) -> bool:
        """Whether it was made from the lock file as it is now."""
        mark = self._mark
        return mark.exists() and mark.read_text("ascii") == self._fingerprint()

    def make(self) -> None:
        """Make it anew."""
        shutil.rmtree(self.place, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(self.place)])
        python = str(self.place / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install"]
        only = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        run([*pip, *only, "--requirement", str(self.lock)])
        self._mark.write_text(self._fingerprint(), "ascii")

    @property
    def _mark(self) -> Path:
        return self.place / "made-from"

    def _fingerprint(self) -> str:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}".encode()
        return hashlib.sha256(version + self.lock.read_bytes()).hexdigest()


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
