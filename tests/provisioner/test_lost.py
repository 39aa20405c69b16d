"""A kernel that the yard has no more ends for its application; a yard in trouble says nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from jupyter_client.kernelspec import KernelSpec

from kernelyard.provisioner.provisioner import YardProvisioner

from tests.support.flaky_server import HANG_UP, FlakyServer, Reply, flaky_server
from tests.support.yard_answers import a_kernel, refuse, say


@pytest.fixture
async def server() -> AsyncIterator[FlakyServer]:
    """A server that has one kernel."""
    with flaky_server(lambda _: say(a_kernel())) as server:
        yield server


@pytest.fixture
async def provisioner(server: FlakyServer) -> AsyncIterator[YardProvisioner]:
    """A provisioner that has taken up that kernel."""
    made = YardProvisioner(kernel_spec=KernelSpec(), url=server.url, token="ky_test")
    info = await made.get_provisioner_info()
    await made.load_provisioner_info({**info, "yard_kernel_id": a_kernel()["id"]})
    assert await made.poll() is None
    yield made
    await made.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        refuse(404, "kernel_not_found"),
        refuse(401, "unauthenticated"),
        refuse(403, "forbidden"),
    ],
    ids=["deleted", "token revoked", "forbidden"],
)
async def test_a_kernel_that_is_lost_has_ended(
    server: FlakyServer, provisioner: YardProvisioner, answer: Reply
) -> None:
    server.answer = lambda _: answer
    assert await provisioner.poll() == 1
    assert not provisioner.has_process


async def test_whoever_waits_for_the_end_of_a_kernel_learns_that_it_is_lost(
    server: FlakyServer, provisioner: YardProvisioner
) -> None:
    waiting = asyncio.create_task(provisioner.wait())
    server.answer = lambda _: refuse(404, "kernel_not_found")
    async with asyncio.timeout(20):
        assert await waiting == 1


@pytest.mark.parametrize(
    "answer",
    [HANG_UP, refuse(500, "internal"), Reply(b"<html>", content_type="text/html")],
    ids=["no answer", "an error", "something else"],
)
async def test_a_yard_in_trouble_says_nothing_of_its_kernels(
    server: FlakyServer, provisioner: YardProvisioner, answer: Reply
) -> None:
    server.answer = lambda _: answer
    assert await provisioner.poll() is None
    assert provisioner.has_process
    server.answer = lambda _: say(a_kernel())
    assert await provisioner.poll() is None
