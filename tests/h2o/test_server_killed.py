"""A server that keeps its rows in PostgreSQL is killed: kernels, tasks and messages of this client outlive it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer
from tests.support.postgres import TEMPLATE, running_server
from tests.support.published_h2o import published
from tools.h2o_for_tests import NEW

BEFORE = """
one = kernel("workspaces/global/kernelTemplates/default", "mine")
code = '''
import time
for number in range(60):
    print(number, flush=True)
    time.sleep(0.05)
'''
first = task(one.name, code, "first")
second = task(one.name, "print('then')", "second")
until_it_has_said(first, "0\\n")
tell(names=[one.name, first.name, second.name])
"""
AFTER = """
name = PARENT + "/kernels/mine"
first, second = (tasks.wait_task_completed(name=f"{name}/tasks/{id}") for id in ("first", "second"))
more = ended(task(name, "print(number)"))
tell(
    states=[word(first), word(second)],
    said=["".join(said(t)).split() for t in (first, second, more)],
    times=second.execution_start_time >= first.complete_time,
    again=[refused(kernel, "workspaces/global/kernelTemplates/default", "mine")],
)
kernels.delete_kernel(name)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of the test's own, on PostgreSQL."""
    with running_server() as postgres:
        asyncio.run(postgres.execute(f"CREATE DATABASE h2o TEMPLATE {TEMPLATE}"))
        environment = {
            "KERNELYARD_STORE": "postgresql",
            "KERNELYARD_STORE_URL": postgres.url("h2o"),
        }
        with LiveServer(tmp_path / "data", env=environment) as server:
            yield server


def test_nothing_is_lost_when_the_server_is_killed(own: LiveServer, tmp_path: Path) -> None:
    name = "workspaces/default/kernels/mine"
    before = published(NEW, tmp_path, url=own.url, token=own.token).told(BEFORE)
    assert before["names"] == [name, f"{name}/tasks/first", f"{name}/tasks/second"]
    own.kill()
    own.start()
    after = published(NEW, tmp_path, url=own.url, token=own.token).told(AFTER, seconds=120)
    assert after["states"] == ["COMPLETE_SUCCESS"] * 2
    assert after["said"] == [[str(number) for number in range(60)], ["then"], ["59"]]
    assert after["times"] is True
    assert after["again"] == [409]
