"""The agent on its socket: what it answers, whom it lets in, and when it ends by itself."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.places import socket_path
from kernelyard.model.errors import Invalid, KernelNotFound
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, fault_in, of_kind


@pytest.fixture
async def short_lived(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent that ends soon when it is not needed."""
    process = AgentProcess(tmp_path / "data", "--idle-exit-seconds", "0.5", "--log-json")
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_it_says_who_it_is_and_only_its_owner_may_ask(agent: AgentProcess) -> None:
    info = await agent.ask(link.Hello())
    assert isinstance(info, link.AgentInfo)
    assert info.link_version == link.LINK_VERSION
    assert info.pid == agent.described()["pid"]
    assert info.kernels == []
    place = Path(str(agent.described()["socket"]))
    assert place == socket_path(agent.data_dir)
    assert mode_of(place) == mode_of(agent.file) == 0o600
    assert mode_of(agent.data_dir / "agent") == 0o700


async def test_it_lists_images_and_hands_out_their_files(agent: AgentProcess) -> None:
    images = await agent.ask(link.Images(refresh=True))
    assert isinstance(images, link.ImageList)
    (python,) = [image for image in images.images if image.name == "python3"]
    logo = await agent.ask(link.Resource("kernelspec", "python3", python.resources[0]))
    assert isinstance(logo, link.Content)
    assert logo.data
    missing = await agent.ask(link.Resource("kernelspec", "python3", "../secret"))
    assert fault_in(missing).code == "resource_not_found"


async def test_a_request_that_it_does_not_understand_leaves_the_connection_open(
    agent: AgentProcess,
) -> None:
    connection = await agent.connect()
    await connection.send(b'{"type": "dance"}')
    assert fault_in(link.decode_reply(await connection.read())).code == "invalid"
    assert isinstance(await connection.ask(link.Hello()), link.AgentInfo)


@pytest.mark.parametrize(
    "request_", [link.Submit, link.Cancel, link.Interrupt, link.Restart], ids=lambda r: r.__name__
)
async def test_a_kernel_that_never_was_is_not_found(
    agent: AgentProcess, request_: type[link.Request]
) -> None:
    kernel = str(uuid4())
    arguments = {
        link.Submit: ([],),
        link.Cancel: ("task", 1, "no"),
        link.Interrupt: (),
        link.Restart: (2, "again"),
    }[request_]
    reply = await agent.ask(request_(kernel, *arguments))
    assert fault_in(reply).code == "kernel_not_found"


async def test_following_goes_on_from_any_number_also_after_the_end(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "for i in range(20): print(i, flush=True)")
    live = await agent.records(kernel, until=ended(1))
    await agent.done(link.Stop(kernel, "enough"))
    whole = await agent.records(kernel)
    assert whole[: len(live)] == live
    assert whole[-1].kind is RecordKind.KERNEL_ENDED
    for after in (0, 1, len(live), len(whole) - 1, len(whole)):
        assert await agent.records(kernel, after=after) == whole[after:]
    with pytest.raises(Invalid):
        await agent.records(kernel, after=len(whole) + 1)
    with pytest.raises(KernelNotFound):
        await agent.records(str(uuid4()))


async def test_several_followers_see_the_same(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    one, two = await agent.connect(), await agent.connect()
    first, second = one.follow(kernel, 0), two.follow(kernel, 0)
    await agent.submit(kernel, "print('x')")
    whole = await agent.records(kernel, until=ended(1))
    for follower in (first, second):
        assert [await anext(follower) for _ in whole] == whole
        await follower.aclose()


async def test_it_ends_when_asked_only_if_no_kernel_would_be_lost(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert fault_in(await agent.ask(link.Quit())).code == "conflict"
    await agent.done(link.Quit(stop_kernels=True))
    assert await agent.wait() == 0
    assert not agent.file.exists()
    assert not socket_path(agent.data_dir).exists()


async def test_it_ends_by_itself_when_nobody_needs_it(short_lived: AgentProcess) -> None:
    assert await short_lived.wait() == 0


async def test_it_stays_as_long_as_a_kernel_lives_and_ends_after_it(
    short_lived: AgentProcess,
) -> None:
    kernel = await short_lived.launch(max_idle_seconds=1.5)
    await short_lived.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    records = await short_lived.records(kernel)
    assert records[-1].kind is RecordKind.KERNEL_ENDED
    assert await short_lived.wait() == 0
