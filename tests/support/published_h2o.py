"""The published ``h2o-notebook`` client, unmodified: scripts run in its own environment against a server."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.h2o_for_tests import python_of
from tools.side_environment import SideEnvironment

LOGGED_IN = """\
import json
import time
import h2o_notebook
from h2o_notebook.clients.kernel.kernel import Kernel
from h2o_notebook.clients.kernel_task.kernel_task import KernelTask
from h2o_notebook.clients.kernel_template.kernel_template import KernelTemplate

clients = h2o_notebook.login()
"""
"""What most scripts begin with."""


@dataclass(frozen=True)
class Said:
    """How a script ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class PublishedClient:
    """One release of the client, and whom it speaks with."""

    python: Path
    home: Path
    """The home directory of scripts, which is where they run."""
    url: str
    token: str

    def run(self, script: str, *, seconds: float = 60, **environment: str) -> Said:
        """Run a script to its end; ``environment`` is added to its own.

        Without that it has what users set: the address and a token.
        """
        kept = {k: v for k, v in os.environ.items() if not _concerns_it(k)}
        kept |= {
            "HOME": str(self.home),
            "NO_PROXY": "127.0.0.1,localhost",
            "H2O_CLOUD_ENVIRONMENT": self.url,
            "H2O_CLOUD_CLIENT_PLATFORM_TOKEN": self.token,
        }
        given = {k: v for k, v in {**kept, **environment}.items() if v}
        done = subprocess.run(
            [str(self.python), "-c", textwrap.dedent(script)],
            cwd=self.home,
            env=given,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def printed(self, script: str, *, seconds: float = 60, **environment: str) -> str:
        """Run a script that must succeed; return what it printed."""
        said = self.run(script, seconds=seconds, **environment)
        assert said.code == 0, f"{said.out}\n{said.err}"
        return said.out

    def told(self, script: str, *, seconds: float = 60, **environment: str) -> dict[str, object]:
        """Run a script behind ``LOGGED_IN``; return the JSON object that is its last line."""
        text = self.printed(LOGGED_IN + textwrap.dedent(script), seconds=seconds, **environment)
        found = json.loads(text.splitlines()[-1])
        assert isinstance(found, dict)
        return found


def published(environment: SideEnvironment, home: Path, *, url: str, token: str) -> PublishedClient:
    """A client of that release, which is installed now if it is not there; the test fails if it cannot be."""
    try:
        python = python_of(environment)
    except (subprocess.CalledProcessError, OSError) as error:
        pytest.fail(f"h2o-notebook cannot be installed from {environment.lock.name}: {error}")
    return PublishedClient(python, home, url, token)


def _concerns_it(name: str) -> bool:
    return name.startswith(("H2O", "KERNELYARD_", "PYTHON")) or name.lower().endswith("_proxy")
