"""Kernels are forked from what a template preloads, and never from what another user has preloaded."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from kernelyard import Client, Kernel
from kernelyard.client import Zygote

from tests.support.live_server import LiveServer, wait_until

LEDGER = """
import os
PROCESS, ENTRIES = os.getpid(), []
"""
ASK = "import os, sys; print('{0}' in sys.modules); import {0}; print({0}.PROCESS != os.getpid(), {0}.PROCESS, {0}.ENTRIES)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose kernels find the modules ``shelf`` and ``ledger``."""
    place = tmp_path_factory.mktemp("modules")
    for name in ("shelf", "ledger"):
        (place / f"{name}.py").write_text(LEDGER)
    path = os.pathsep.join(filter(None, (str(place), os.environ.get("PYTHONPATH"))))
    with LiveServer(tmp_path_factory.mktemp("forked") / "data", env={"PYTHONPATH": path}) as server:
        yield server


@pytest.fixture
def admin(server: LiveServer) -> Iterator[Client]:
    with server.client() as yard:
        yield yard


def ready(admin: Client, user: str | None, *preload: str) -> Zygote:
    """Wait for a zygote with these modules."""
    found: list[Zygote] = []

    def look() -> bool:
        found[:] = [
            one
            for one in admin.zygotes()
            if (one.state, one.user, one.preload) == ("ready", user, preload)
        ]
        return bool(found)

    wait_until(look, 40, lambda: repr(admin.zygotes()))
    return found[0]


def way_of(kernel: Kernel) -> str | None:
    """How the kernel was started."""
    return kernel.refresh().info.started


def told(yard: Client, template: str, module: str) -> tuple[Kernel, list[str]]:
    """A new kernel, and what it says of a module: was it there, of another process, of which, with what."""
    kernel = yard.kernels.create(image="python3", template=template)
    result = kernel.run(ASK.format(module), timeout=40)
    result.raise_for_error()
    kernel.run(f"{module}.ENTRIES.append('mine')", timeout=40).raise_for_error()
    return kernel, result.stdout.strip().split(maxsplit=3)


def test_a_kernel_is_forked_with_everything_that_an_administrator_preloads(
    admin: Client, server: LiveServer
) -> None:
    admin.templates.create("data", preload=["numpy", "shelf"])
    told(admin, "data", "shelf")
    zygote = ready(admin, None, "numpy", "shelf")
    kernel, (there, other, process, entries) = told(admin, "data", "shelf")
    assert (there, other, process) == ("True", "True", str(zygote.pid))
    assert entries == "[]"
    assert way_of(kernel) == "fork"
    before = kernel.run("import numpy; numpy.random.rand()", timeout=40).text
    _, rest = told(admin, "data", "shelf")
    assert rest == [there, other, process, "[]"]
    assert kernel.run("numpy.random.rand()", timeout=40).text != before
    ready(admin, None)
    wait_until(lambda: admin.images.get("python3").start == "fork", 40)
    rows = [line.split("\t") for line in server.cli("images").stdout.splitlines()]
    assert next(row for row in rows if row[0] == "python3")[-1] == "fork"


def test_a_template_that_says_exec_has_its_kernels_started_as_new_programs(admin: Client) -> None:
    admin.templates.create("fresh", preload=["shelf"], start="exec")
    kernel, (there, other, *_) = told(admin, "fresh", "shelf")
    assert (there, other, way_of(kernel)) == ("False", "False", "exec")


def test_modules_of_one_user_are_never_in_the_memory_of_anothers_kernels(
    admin: Client, server: LiveServer
) -> None:
    with (
        Client(server.url, admin.tokens.create("ann").token) as ann,
        Client(server.url, admin.tokens.create("ben").token) as ben,
    ):
        ann.templates.create("hers", preload=["ledger"])
        told(ann, "hers", "ledger")
        hers = ready(admin, "ann", "ledger")
        assert told(ann, "hers", "ledger")[1] == ["True", "True", str(hers.pid), "[]"]
        ben.templates.create("his", preload=["ledger"])
        first = told(ben, "his", "ledger")[1]
        assert first[:2] == ["False", "False"]
        his = ready(admin, "ben", "ledger")
        assert his.pid != hers.pid
        kernel, second = told(ben, "his", "ledger")
        assert (second, way_of(kernel)) == (["True", "True", str(his.pid), "[]"], "fork")
        assert {one.user for one in admin.zygotes() if "ledger" in one.preload} == {"ann", "ben"}
