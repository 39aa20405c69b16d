"""A process from which nothing can be forked says why, and names who is to blame."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.forked_kernels import Nest

MODULES = {
    "raises": ("raise ValueError('not today')", "ValueError: not today"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3"),
    "needs": ("import nothing_of_that_name", "it needs nothing_of_that_name"),
    "threads": (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "starts threads",
    ),
    "file": ("import tempfile, sys\nopen(__file__ + '.out', 'w')\nkept = open(__file__)", "open"),
    "database": ("import sqlite3\nkept = sqlite3.connect(':memory:')", "SQLite"),
    "loop": ("import asyncio\nkept = asyncio.new_event_loop()", "open, which kernels would share"),
    "context": ("import zmq\nkept = zmq.Context()\nkept.socket(zmq.PUB)", "threads"),
    "closed": ("import zmq\nkept = zmq.Context.instance()", "open, which kernels would share"),
    "pool": (
        (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "kept = ThreadPoolExecutor(1)\nkept.submit(int).result()"
        ),
        "starts threads",
    ),
    "memory": ("import mmap\nkept = mmap.mmap(-1, 4096)", "shared memory (/dev/zero"),
    "lock": ("import multiprocessing\nkept = multiprocessing.Lock()", "shared memory (/dev/shm"),
    "value": ("import multiprocessing\nkept = multiprocessing.Value('i')", "share"),
    "named": (
        (
            "from multiprocessing.shared_memory import SharedMemory\n"
            "kept = SharedMemory(create=True, size=9)\nkept.unlink()"
        ),
        "open, which kernels would share",
    ),
    "process": ("import subprocess\nkept = subprocess.Popen(['cat'])", "starts a process"),
    "timer": (
        (
            "import signal\nsignal.signal(signal.SIGALRM, print)\n"
            "signal.setitimer(signal.ITIMER_REAL, 600)"
        ),
        "sets a timer",
    ),
    "temporary": ("import tempfile\nkept = tempfile.mkdtemp()", "temporary files"),
    "dies": ("import os\nos._exit(4)", "exit code 4"),
    "crashes": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
}


@pytest.mark.parametrize("name", sorted(MODULES))
async def test_a_module_that_cannot_be_shared_is_named(
    nest: Nest, tmp_path: Path, name: str
) -> None:
    code, reason = MODULES[name]
    (tmp_path / f"preload_{name}.py").write_text(code)
    report = await nest.zygote(f"preload_{name}", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert report.state == "unfit"
    assert reason in report.reason
    assert f"preload_{name}" in report.reason or name == "database"


async def test_a_module_that_is_missing_is_named(nest: Nest) -> None:
    report = await nest.zygote("json", "no_such_module")
    assert report.state == "unfit"
    assert report.reason == "there is no module no_such_module to preload"


async def test_a_module_that_is_never_loaded_can_be_ended(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import threading\nthreading.Event().wait()")
    await nest.begin_zygote("endless", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    await nest.reason("z", "it imports endless")
    await nest.spawner.end_zygote("z")
    assert (await nest.report("z", "ended")).reason == "it ended (SIGKILL)"


async def test_an_interpreter_without_ipykernel_is_unfit(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "ipykernel").mkdir()
    (tmp_path / "ipykernel" / "__init__.py").write_text("")
    (tmp_path / "ipykernel" / "_version.py").write_text(
        "version_info = (5, 5, 6)\n__version__ = '5.5.6'"
    )
    report = await nest.zygote(env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert report.state == "unfit"
    assert "ipykernel 5.5.6" in report.reason


async def test_an_old_python_is_unfit_and_says_so(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 8, 18)")
    report = await nest.zygote(env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (report.state, report.reason) == ("unfit", "its Python 3.8 is older than 3.9")


async def test_a_kernel_of_another_class_is_not_forked(nest: Nest) -> None:
    option = "--IPKernelApp.kernel_class=ipykernel.kernelbase.Kernel"
    report = await nest.zygote(options=[option])
    assert report.state == "unfit"
    assert "ipykernel's own kernel" in report.reason


async def test_a_kernel_that_does_not_come_up_in_a_trial_makes_it_unfit(nest: Nest) -> None:
    report = await nest.zygote(options=["--IPKernelApp.outstream_class=no.such.Thing"])
    assert report.state == "unfit"
    assert "for a trial did not answer" in report.reason
    assert "ModuleNotFoundError" in (nest.path / "z.log").read_text()
