"""What becomes of images is told to everybody, once, without anybody asking for a list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kernelyard.model.errors import ImageNotReady, Invalid
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import KernelOrder, StateChange
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.wire.link import BrokenProvider, ImageList

from tests.support.scripted_agent import IMAGES, ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, BEN, SECONDS, YardHouse, a_yard, eventually, until

LEVELS = {"type": "object", "properties": {"level": {"enum": ["low", "high"], "default": "low"}}}


def an_image(name: str, provider: str = "kernelspec", **more: object) -> FoundImage:
    given = {"display_name": name, "language": "python", **more}
    return FoundImage(provider=provider, name=name, **given)  # type: ignore[arg-type]


async def has_seen(house: YardHouse) -> None:
    """Wait until the yard has told what the agent shows now: the next change is one."""

    async def seen() -> bool:
        return house.agent.asked_than == house.agent.version

    await eventually(seen)


async def next_events(following: AsyncIterator[list[StateChange]], count: int) -> list[str]:
    """The next events, each in two words."""
    seen: list[str] = []
    async with asyncio.timeout(SECONDS):
        async for batch in following:
            seen += [f"{event.image} {event.state}" for event in batch]
            if len(seen) >= count:
                return seen
    raise AssertionError("it ended")


async def test_an_image_that_appears_is_told_to_everybody(house: YardHouse) -> None:
    await has_seen(house)
    followers = [await house.yard.events.follow(who, 0) for who in (ANN, BEN, ADMIN)]
    house.agent.find(*IMAGES, an_image("fresh"))
    for following in followers:
        assert await next_events(following, 1) == ["fresh found"]
    listed = await house.yard.images.list(ANN)
    assert "fresh" in [image.name for image in listed.images]


async def test_an_image_that_goes_or_breaks_is_told_with_a_reason(house: YardHouse) -> None:
    await has_seen(house)
    house.agent.find(an_image("python3", problem="install ipykernel"))
    following = await house.yard.events.follow(ANN, 0, images_only=True)
    seen = await next_events(following, 5)
    assert "python3 not_ready" in seen
    assert "conda/science gone" in seen
    events = (await house.yard.events.page(ANN, 0, 100)).events
    reasons = {event.image: event.reason for event in events}
    assert reasons["python3"] == "install ipykernel"


async def test_events_of_images_leave_out_those_of_kernels_where_that_is_asked(
    house: YardHouse,
) -> None:
    await has_seen(house)
    kernel = await house.kernel()
    house.agent.find(*IMAGES, an_image("fresh"))
    following = await house.yard.events.follow(ANN, 0, images_only=True)
    assert await next_events(following, 1) == ["fresh found"]
    page = await house.yard.events.page(ANN, 0, 100, images_only=True)
    assert [event.image for event in page.events] == ["fresh"]
    own = (await house.yard.events.page(ANN, 0, 100, kernel.id)).events
    assert {event.kernel_id for event in own} == {kernel.id}
    with pytest.raises(Invalid):
        await house.yard.events.page(ANN, 0, 100, kernel.id, images_only=True)


async def test_a_provider_that_breaks_does_not_take_its_images_away(house: YardHouse) -> None:
    await has_seen(house)
    house.agent.broken = [BrokenProvider("conda", "it hangs")]
    house.agent.find(*(one for one in IMAGES if one.provider != "conda"))
    await has_seen(house)
    house.agent.broken = []
    house.agent.find(*IMAGES)
    await has_seen(house)
    assert (await house.yard.events.page(ANN, 0, 100)).events == []


async def test_what_changed_while_no_server_ran_is_told_by_the_next() -> None:
    store, agent = MemoryStore(), ScriptedAgent()
    async with a_yard(store=store, agent=agent) as house:
        await has_seen(house)
    agent.find(*IMAGES, an_image("fresh"))
    async with a_yard(store=store, agent=agent) as house:
        following = await house.yard.events.follow(ANN, 0)
        assert await next_events(following, 1) == ["fresh found"]


async def test_two_servers_tell_a_change_once() -> None:
    store, agent = MemoryStore(shared=True), ScriptedAgent()
    async with a_yard(store=store, agent=agent) as one, a_yard(store=store, agent=agent) as two:
        await has_seen(one)
        for number in range(5):
            agent.find(*IMAGES, *(an_image(f"fresh-{n}") for n in range(number + 1)))
            await has_seen(one)
        # Both ask again, and have looked at the last one when they do.
        for house in (one, two):
            await house.yard.images.list(ANN)
        events = (await one.yard.events.page(ADMIN, 0, 100)).events
        assert [event.image for event in events] == [f"fresh-{n}" for n in range(5)]
    await agent.aclose()


async def test_an_agent_that_goes_and_comes_back_is_watched_again() -> None:
    agent = ScriptedAgent()
    async with a_yard(agent=agent) as house:
        await has_seen(house)
        agent.absent = True
        agent.find(*IMAGES, an_image("fresh"))
        await until(lambda: True)
        agent.absent = False
        await house.yard.images.list(ANN)  # whoever needs the agent next finds it again
        following = await house.yard.events.follow(ANN, 0)
        assert await next_events(following, 1) == ["fresh found"]
    await agent.aclose()


async def test_a_list_that_an_agent_tells_by_itself_may_be_old_and_is_not_trusted(
    house: YardHouse,
) -> None:
    await has_seen(house)
    house.agent.images = [an_image("python3", problem="install ipykernel")]
    house.yard.images.take(ImageList(images=list(IMAGES)))
    with pytest.raises(ImageNotReady, match="install ipykernel"):
        await house.yard.images.usable("python3")


async def test_parameters_are_checked_before_a_kernel_is_made(house: YardHouse) -> None:
    house.agent.find(an_image("levels", parameters=LEVELS), an_image("plain"))
    await has_seen(house)
    with pytest.raises(Invalid) as wrong:
        await house.yard.kernels.create(ANN, KernelOrder(image="levels", parameters={"no": 1}))
    assert wrong.value.field == "parameters.no"
    with pytest.raises(Invalid, match="takes no parameters"):
        await house.yard.kernels.create(ANN, KernelOrder(image="plain", parameters={"no": 1}))
    with pytest.raises(Invalid, match="64 KiB"):
        large = {"level": "x" * 70_000}
        await house.yard.kernels.create(ANN, KernelOrder(image="levels", parameters=large))
    with pytest.raises(Invalid, match="'path'"):
        await house.yard.kernels.create(ANN, KernelOrder(image="plain", path="a\0b"))
    assert (await house.yard.kernels.list(ANN))[0] == []
    order = KernelOrder(image="levels", parameters={"level": "high"}, path="/a.ipynb")
    kernel, _ = await house.yard.kernels.create(ANN, order)
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=SECONDS)
    (launch,) = house.agent.launches
    assert (launch.parameters, launch.path) == ({"level": "high"}, "/a.ipynb")


async def test_an_image_that_is_hidden_says_so_to_whoever_asks_for_it(house: YardHouse) -> None:
    house.agent.hide("kernelspec/unsafe", "It may be anything.")
    for name in ("unsafe", "kernelspec/unsafe"):
        with pytest.raises(ImageNotReady, match=r"is hidden\. It may be anything\."):
            await house.kernel(image=name)
