"""All providers together: what one of them does never costs the others anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from kernelyard.model.errors import ImageNotFound, ImageNotReady, ResourceNotFound
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.wire.link import ImageList, encode_message

from tests.support.misfit_providers import Gate, WellBehaved, entry

ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")
GOOD = entry("good", "WellBehaved")
SLOW = entry("slow", "SlowToAnswer")


@pytest.fixture(autouse=True)
def gate() -> Iterator[None]:
    Gate.close()
    WellBehaved.looks = 0
    yield
    Gate.opened.set()


def names(images: ImageList) -> list[str]:
    return [image.reference for image in images.images]


async def at_the_gate(count: int = 1) -> None:
    """Wait until so many questions have come to the gate."""
    async with asyncio.timeout(20):
        while len(Gate.asked) < count:
            await asyncio.to_thread(Gate.opened.wait, 0.01)


async def test_images_of_every_provider_are_listed() -> None:
    Gate.opened.set()
    images = await Catalogue([GOOD, SLOW]).images()
    assert names(images) == ["good/one", "good/two", "slow/late"]
    assert images.broken == []


async def test_our_own_provider_comes_in_by_the_same_door() -> None:
    images = await Catalogue().images()
    assert "kernelspec/python3" in names(images)


@pytest.mark.parametrize(
    ("name", "member", "problem"),
    [
        ("raises", "Raises", "ZeroDivisionError: division by zero"),
        ("exits", "Exits", "SystemExit"),
        ("none", "ListsNothing", "no list"),
        ("good", "NamedOtherwise", "'another'"),
        ("stranger", "NoProvider", "is not a Provider"),
        ("missing", "NoSuchClass", "cannot be loaded: AttributeError"),
    ],
)
async def test_a_broken_provider_is_reported_beside_the_images_of_others(
    name: str, member: str, problem: str
) -> None:
    Gate.opened.set()
    images = await Catalogue([entry(name, member), SLOW]).images()
    assert names(images) == ["slow/late"]
    (broken,) = images.broken
    assert broken.provider == name
    assert problem in broken.problem


async def test_a_module_that_is_missing_is_reported() -> None:
    gone = EntryPoint("gone", "no_such_module_anywhere:Provider", "kernelyard.providers")
    (broken,) = (await Catalogue([gone]).images()).broken
    assert "ModuleNotFoundError" in broken.problem


async def test_what_cannot_be_used_of_an_answer_is_left_out_and_reported() -> None:
    images = await Catalogue([entry("nonsense", "ListsNonsense")]).images()
    assert names(images) == ["nonsense/fit"]
    problems = " ".join(broken.problem for broken in images.broken)
    assert len(images.broken) == 3
    assert all(word in problems for word in ("twice", "'../etc'", "'python3'"))


async def test_an_image_of_rubbish_does_not_cost_the_others_their_list() -> None:
    images = await Catalogue([entry("rubbish", "ListsRubbish"), GOOD]).images()
    assert names(images) == ["rubbish/fit", "rubbish/f", "good/one", "good/two"]
    assert "what JSON can say" in (images.images[1].problem or "")
    assert len(images.broken) == 6
    assert {broken.provider for broken in images.broken} == {"rubbish"}
    assert encode_message(images)


async def test_two_packages_with_one_name_are_both_left_out() -> None:
    twice = [GOOD, entry("good", "SlowToAnswer"), GOOD]
    images = await Catalogue(twice).images()
    assert images.images == []
    assert "Remove all but one" in images.broken[0].problem


async def test_one_package_seen_twice_is_no_double() -> None:
    images = await Catalogue([GOOD, GOOD]).images()
    assert names(images) == ["good/one", "good/two"]


async def test_a_provider_that_hangs_is_reported_and_costs_later_callers_nothing() -> None:
    catalogue = Catalogue([SLOW, GOOD], time_limit=0.05)
    first = await catalogue.images()
    assert names(first) == ["good/one", "good/two"]
    assert "did not answer within 0.05 s" in first.broken[0].problem
    for refresh in (False, True):
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert (await catalogue.images(refresh)).broken == first.broken
        assert loop.time() - before < 5
    assert Gate.asked == ["find"]


async def test_a_provider_that_hung_is_listed_once_it_answers() -> None:
    catalogue = Catalogue([SLOW], time_limit=0.05)
    assert names(await catalogue.images()) == []
    Gate.opened.set()
    async with asyncio.timeout(20):
        while names(await catalogue.images()) != ["slow/late"]:
            await asyncio.to_thread(Gate.opened.wait, 0.01)
    assert (await catalogue.images()).broken == []


async def test_a_provider_that_hangs_while_it_is_loaded_holds_up_nobody() -> None:
    catalogue = Catalogue([entry("heavy", "SlowToLoad"), GOOD], time_limit=0.05)
    images = await catalogue.images()
    assert names(images) == ["good/one", "good/two"]
    assert [broken.provider for broken in images.broken] == ["heavy"]


async def test_callers_at_one_time_share_one_look() -> None:
    catalogue = Catalogue([SLOW])
    both = [asyncio.create_task(catalogue.images()) for _ in range(2)]
    await at_the_gate()
    Gate.opened.set()
    assert [names(images) for images in await asyncio.gather(*both)] == [["slow/late"]] * 2
    assert Gate.asked == ["find"]


async def test_a_list_serves_for_some_seconds_unless_asked_to_look_again() -> None:
    catalogue = Catalogue([GOOD], keep_seconds=1000)
    for refresh, looks in ((False, 1), (False, 1), (True, 2), (False, 2)):
        await catalogue.images(refresh)
        assert WellBehaved.looks == looks


async def test_an_old_list_is_made_anew() -> None:
    catalogue = Catalogue([GOOD], keep_seconds=-1)
    async with asyncio.timeout(20):
        while WellBehaved.looks < 2:
            await catalogue.images()


async def test_looking_again_does_not_take_a_look_that_began_before() -> None:
    catalogue = Catalogue([SLOW])
    early = asyncio.create_task(catalogue.images())
    await at_the_gate()
    late = asyncio.create_task(catalogue.images(refresh=True))
    await asyncio.sleep(0)
    Gate.opened.set()
    await asyncio.gather(early, late)
    assert Gate.asked == ["find", "find"]


async def test_a_plan_is_handed_on_and_so_is_an_error() -> None:
    catalogue = Catalogue([GOOD])
    assert (await catalogue.prepare("good", "one", ASKED)).argv == [
        "run",
        "one",
        "{connection_file}",
    ]
    with pytest.raises(ImageNotReady, match=r"^Install two\.$"):
        await catalogue.prepare("good", "two", ASKED)
    with pytest.raises(ResourceNotFound):
        await catalogue.resource("good", "one", "logo")


async def test_an_unknown_provider_has_no_images() -> None:
    with pytest.raises(ImageNotFound, match="'conda'"):
        await Catalogue([GOOD]).prepare("conda", "science", ASKED)
    with pytest.raises(ImageNotFound):
        await Catalogue([GOOD]).resource("conda", "science", "logo")


@pytest.mark.parametrize(("name", "told"), [("x", "RuntimeError: no luck"), ("stop", "StopIt")])
async def test_a_strangers_error_becomes_a_sentence(name: str, told: str) -> None:
    with pytest.raises(ImageNotReady, match=told):
        await Catalogue([entry("raises", "Raises")]).prepare("raises", name, ASKED)


async def test_a_strangers_timeout_is_not_taken_for_ours() -> None:
    with pytest.raises(ImageNotReady, match="failed: TimeoutError"):
        await Catalogue([entry("raises", "Raises")]).prepare("raises", "time", ASKED)


async def test_an_answer_that_is_no_plan_starts_nothing() -> None:
    with pytest.raises(ImageNotReady, match="does not say how"):
        await Catalogue([entry("nonsense", "ListsNonsense")]).prepare("nonsense", "fit", ASKED)


async def test_a_launch_that_hangs_ends_and_others_go_on() -> None:
    catalogue = Catalogue([SLOW], time_limit=5)
    hanging = asyncio.create_task(catalogue.prepare("slow", "x", ASKED))
    await at_the_gate()
    assert (await catalogue.prepare("slow", "quick", ASKED)).argv == ["run", "quick"]
    Gate.opened.set()
    assert (await hanging).argv == ["run", "x"]
    Gate.close()
    with pytest.raises(ImageNotReady, match="did not answer"):
        await Catalogue([SLOW], time_limit=0.05).prepare("slow", "x", ASKED)


async def test_a_provider_that_hangs_does_not_use_up_the_machines_threads() -> None:
    catalogue = Catalogue([SLOW], time_limit=0.3)
    asking = [catalogue.prepare("slow", "x", ASKED) for _ in range(100)]
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(answer) for answer in answers} == {ImageNotReady}
    assert len(Gate.asked) < 40
