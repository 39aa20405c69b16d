"""The published ``h2o-notebook`` client, unmodified: scripts run in its own environment against a server."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from h2o_notebook.exception import CustomApiException, TimeoutException

PARENT = "workspaces/default"
IMAGE = "workspaces/global/kernelImages/python"
ENDS = ("COMPLETE_SUCCESS", "COMPLETE_ERROR", "CANCELLED")
clients = h2o_notebook.login()
kernels, tasks = clients.kernel_client, clients.kernel_task_client


def template(template_id, **fields):
    given = {"milli_cpu_limit": 0, "gpu": 0, "memory_bytes_limit": "0", "max_idle_duration": "1h"}
    made = clients.kernel_template_client.create_kernel_template(
        parent=PARENT,
        kernel_template=KernelTemplate(**{**given, **fields}),
        kernel_template_id=template_id,
    )
    return made.name


def kernel(of, kernel_id="", **fields):
    made = Kernel(kernel_image=IMAGE, kernel_template=of, **fields)
    return kernels.create_kernel(parent=PARENT, kernel=made, kernel_id=kernel_id)


def task(name, code, task_id=""):
    return tasks.create_kernel_task(
        parent=name, kernel_task=KernelTask(code=code), kernel_task_id=task_id
    )


def word(thing):
    return thing.state.name.removeprefix("STATE_")


def until(name, *states, seconds=90):
    get = tasks.get_kernel_task if "/tasks/" in name else kernels.get_kernel
    deadline = time.monotonic() + seconds
    while word(get(name)) not in states:
        assert time.monotonic() < deadline, f"{name} is {word(get(name))}, not one of {states}"
        time.sleep(0.1)
    return get(name)


def ended(one):
    return until(one.name, *ENDS)


def messages(one):
    return tasks.list_all_kernel_task_messages(kernel_task_name=one.name)


def said(one):
    return [
        message.std_out or message.std_err or sorted(message.display_message.display_message_data)
        for message in messages(one)
    ]


def until_it_has_said(one, text):
    deadline = time.monotonic() + 90
    while text not in said(one):
        assert time.monotonic() < deadline, said(one)
        time.sleep(0.1)


def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except CustomApiException as error:
        return error.status
    return "not refused"


def tell(**found):
    print(json.dumps(found))
"""
"""What scripts about behaviour begin with: a client that has signed in, and short words for what it does.
They look more often than the client's own ways to wait."""


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

    def told(self, script: str, *, seconds: float = 60, **environment: str) -> dict[str, Any]:
        """Run a script behind ``LOGGED_IN``; return what it has told with ``tell``."""
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
